"""Wrong use is one clear line."""

import json
from pathlib import Path

import numpy as np
import pytest
from cli_cases import error_line, fit, make_frame

from losslearn.cli import main


def write(change) -> None:
    change(make_frame()).to_parquet("bad.parquet")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frame: frame.drop(columns="churn"), "no column 'churn'"),
        (lambda frame: frame.assign(churn="no"), "one class only"),
        (
            lambda frame: frame.assign(churn=np.arange(300) % 3),
            "3 classes (0, 1, 2). Only binary classification",
        ),
        (lambda frame: frame[["churn"]].assign(x=np.nan), "'x (empty)'"),
        (lambda frame: frame.head(0), "no rows"),
        (
            lambda frame: frame.assign(age=frame["age"].replace(50.0, np.inf)),
            "infinite",
        ),
        (lambda frame: frame.assign(age=[-np.inf, *frame["age"][1:]]), "infinite"),
        (lambda frame: frame[["churn"]], "no column besides"),
        (
            lambda frame: frame.assign(churn=[None, *frame["churn"][1:]]),
            "lacks a value",
        ),
        (
            lambda frame: frame.assign(churn=["yes"] + ["no"] * 299),
            "Class 'yes' has too few rows",
        ),
    ],
)
def test_a_table_that_cannot_be_used_is_one_clear_line(capsys, change, message):
    frame = make_frame()
    frame.loc[:5, "age"] = 50.0
    change(frame).to_parquet("bad.parquet")
    assert fit(data="bad.parquet") == 2
    assert message in error_line(capsys)
    assert not list(Path().glob("*model*"))
    assert not list(Path().glob(".*"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--target", "chrun"), "'churn'"),
        (("--model", "tree"), "'tree'"),
        (("--backend", "dask"), "'dask'"),
        (("--mode", "fast"), "'fast'"),
        (("--speed", "3"), "--speed"),
        (("--seed", "x"), "'--seed'"),
        (("--seed", "-1"), "'--seed'"),
        (("--max-iter", "0"), "'--max-iter'"),
        (("--max-time", "0"), "'--max-time'"),
        (("--positive", "x"), "'x'"),
        (("--out", "people.csv"), "is a file"),
        (("--out", "people.csv/m"), "cannot be written"),
        (("--valid", "no.csv"), "'no.csv'"),
        (("--test", "no.csv"), "'no.csv'"),
        (("--lower-is-better",), "f1_loss"),
        (("--metric",), "--metric"),
    ],
)
def test_a_wrong_option_is_one_clear_line(capsys, words, message):
    assert fit(*words) == 2
    assert message in error_line(capsys)
    assert sorted(path.name for path in Path().iterdir()) == ["money.py", "people.csv"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("fit none.csv --target churn --metric f1", "no file 'none.csv'"),
        ("fit money.py --target churn --metric f1", "unknown format"),
        ("fit people.csv --target churn", "'--metric'"),
        ("fit people.csv --metric f1", "'--target'"),
        ("fit --target churn --metric f1", "DATA"),
        ("predict none people.csv", "no model directory 'none'"),
        ("predict . people.csv", "no losslearn model"),
        ("evaluate none people.csv --target churn", "'none'"),
        ("universal speed", "Unknown metric `speed`"),
        ("benchmark smoke --out x", "`losslearn-bench`"),
        ("datasets --json", "`losslearn-bench`"),
        ("fitt", "'fit'"),
        ("--fast", "--fast"),
    ],
)
def test_wrong_use_is_one_clear_line(capsys, words, message):
    assert main(words.split()) == 2
    assert message in error_line(capsys)
    assert sorted(path.name for path in Path().iterdir()) == ["money.py", "people.csv"]


def test_validation_rows_of_other_columns_are_named_as_such(capsys):
    make_frame(50).drop(columns="age").to_csv("valid.csv", index=False)
    assert fit("--valid", "valid.csv") == 2
    line = error_line(capsys)
    assert "validation rows" in line
    assert "'age'" in line


def test_a_damaged_or_other_model_is_one_clear_line(fitted, tmp_path, capsys):
    (tmp_path / "m").mkdir()
    for part in (fitted / "model").iterdir():
        (tmp_path / "m" / part.name).write_bytes(part.read_bytes())
    words = ["predict", str(tmp_path / "m"), str(fitted / "people.csv")]
    weights = tmp_path / "m" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-7])
    assert main(words) == 2
    assert "weights.safetensors" in error_line(capsys)
    settings = tmp_path / "m" / "settings.json"
    other = json.loads(settings.read_text()) | {"version": 1}
    settings.write_text(json.dumps(other))
    assert main(words) == 2
    assert "in format 1; " in error_line(capsys)
