"""A folder of Parquet files as DATA."""

import io
import json
from pathlib import Path

import pandas as pd
import pytest
from cli_cases import error_line, fit, make_frame

from losslearn.cli import main
from losslearn.cli.commands import _default_folder


def make_folder(name="sales.2024"):
    frame = make_frame()
    Path(name).mkdir()
    frame[:100].to_parquet(f"{name}/a.parquet")
    frame[100:].to_parquet(f"{name}/b.parquet")
    return name


def test_a_folder_is_fitted_to_predicted_for_and_measured(capsys):
    data = make_folder()
    assert fit("--json", data=f"{data}/") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["model"] == "sales.2024-f1-model"
    assert sum(found["rows"][part] for part in ("validation", "test")) == 300
    assert main(["predict", found["model"], data]) == 0
    in_folder = capsys.readouterr().out
    make_frame().to_parquet("whole.parquet")
    assert main(["predict", found["model"], "whole.parquet"]) == 0
    assert in_folder == capsys.readouterr().out
    assert len(pd.read_csv(io.StringIO(in_folder))) == 300
    assert main(["evaluate", found["model"], data, "--target", "churn", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 300


@pytest.mark.parametrize("name", ["new.parquet", "a.parquet"])
def test_predictions_are_not_written_among_what_they_are_made_from(
    fitted, capsys, name
):
    data = make_folder("data")
    before = Path("data/a.parquet").read_bytes()
    words = ["predict", str(fitted / "model"), data, "--out", f"data/{name}", "--force"]
    assert main(words) == 2
    assert "is in the folder 'data', which the predictions" in error_line(capsys)
    assert Path("data/a.parquet").read_bytes() == before
    assert len(list(Path("data").iterdir())) == 2


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("sub/people.csv.gz", "people-f1-model"),
        ("v1.5", "v1.5-f1-model"),
        ("v1.5/", "v1.5-f1-model"),
        ("v1.5/people.parquet", "people-f1-model"),
        ("v1.5/../v1.5", "v1.5-f1-model"),
        ("/", "data-f1-model"),
    ],
)
def test_the_model_is_named_for_the_folder(data, expected):
    Path("v1.5").mkdir()
    Path("v1.5/people.parquet").mkdir()
    assert _default_folder(Path(data), "f1") == Path(expected)


def test_the_model_of_the_working_directory_is_beside_it(monkeypatch):
    Path("sales").mkdir()
    monkeypatch.chdir("sales")
    assert _default_folder(Path(), "f1") == Path("../sales-f1-model")


def test_what_is_no_table_is_one_line(capsys):
    Path("empty").mkdir()
    assert fit(data="empty") == 2
    assert "must hold .parquet files, got nothing" in error_line(capsys)
