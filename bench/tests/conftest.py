import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_dir(pytestconfig: pytest.Config) -> Path:
    """Return the folder of the real data sets; skip the test where it is absent."""
    default = pytestconfig.rootpath.parents[1] / "shared" / "datasets"
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
