"""What holds for every test and doctest. It must not import `losslearn`.

An import here would come before the hook that checks the tensor shapes.
"""

import os
from pathlib import Path

import hypothesis
import pytest
import torch

torch.set_num_threads(1)  # the tensors are tiny: more threads only wait for each other

hypothesis.settings.register_profile(
    "losslearn", deadline=None, derandomize="CI" in os.environ
)
hypothesis.settings.load_profile("losslearn")


@pytest.fixture(autouse=True)
def losslearn_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test an empty cache of its own, so that none reads another's."""
    path = tmp_path / "losslearn-cache"
    monkeypatch.setenv("LOSSLEARN_CACHE", str(path))
    return path


@pytest.fixture(autouse=True)
def torch_seed() -> None:
    """Give the networks that a test makes without a seed the same weights each time."""
    torch.manual_seed(0)
