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


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Return the folder of the real data sets; skip the test where it is absent."""
    default = Path(__file__).resolve().parents[3] / "shared" / "datasets"
    path = Path(os.environ.get("LOSSLEARN_DATA") or default)
    if not path.is_dir():
        pytest.skip(f"no data sets at {path}: set LOSSLEARN_DATA to their folder")
    return path


@pytest.fixture(params=["fused", "plain"])
def form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give the surrogate its compiled form, then the one that PyTorch runs."""
    if request.param == "plain":
        from losslearn._fast import kernels  # not above: see the conftest of all tests

        monkeypatch.setattr(kernels, "is_available", lambda: False)
    return request.param
