"""What holds for every test and doctest. It must not import `losslearn`.

An import here would come before the hook that checks the tensor shapes.
"""

import os
from pathlib import Path

import hypothesis
import pytest
import torch

torch.manual_seed(0)
_UNTOUCHED = torch.get_rng_state()

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


@pytest.fixture(scope="session", autouse=True)
def no_draws_on_import() -> None:
    """Refuse test modules that draw as they are imported: no test seeds those draws."""
    assert torch.equal(torch.get_rng_state(), _UNTOUCHED), (
        "a test module draws from torch's global generator as it is imported, for "
        "instance by a network in `parametrize`: draw inside the test"
    )


@pytest.fixture(autouse=True)
def torch_seed() -> None:
    """Give the networks that a test makes without a seed the same weights each time."""
    torch.manual_seed(0)
