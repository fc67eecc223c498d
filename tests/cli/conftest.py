"""Fixtures of this folder."""

from pathlib import Path

import pytest
from cli_cases import PROFIT, QUICK, make_frame

from losslearn.cli import main


@pytest.fixture(autouse=True)
def _working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in a folder with a table and a few metrics."""
    monkeypatch.chdir(tmp_path)
    make_frame().to_csv("people.csv", index=False)
    Path("money.py").write_text(PROFIT)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table and a model that are only read."""
    folder = tmp_path_factory.mktemp("fitted")
    make_frame().to_csv(folder / "people.csv", index=False)
    words = ("--target", "churn", "--metric", "f1", "--out", str(folder / "model"))
    assert main(["fit", str(folder / "people.csv"), *words, *QUICK, "--json"]) == 0
    return folder
