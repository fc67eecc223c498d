"""A metric that needs a column of the table, on the command line."""

import json
from pathlib import Path

import pandas as pd
import pytest
from cli_cases import QUICK, error_line, fit, make_frame

from losslearn import load_model
from losslearn.cli import main

METRICS = """
def earned(y_true, y_pred, *, amount):
    return (y_pred * (y_true * amount - 10)).sum()

def flat(y_true, y_pred):
    return (y_pred * (y_true * 20 - 10)).sum()

def taxed(y_true, y_pred, *, tax):
    return (y_pred * (y_true * 20 - tax)).sum()

earned.greater_is_better = flat.greater_is_better = taxed.greater_is_better = True
"""
METRIC = "earning.py:earned"
EVALUATE = ("--target", "churn", "--json")


def frame_with_amounts() -> pd.DataFrame:
    frame = make_frame()
    amount = 20 + (frame["age"] - frame["age"].min()) / 2
    return frame.assign(amount=amount, tax=1.0)


@pytest.fixture(autouse=True)
def _amounts(_working_directory) -> None:
    write_tables(Path())


def write_tables(folder: Path) -> None:
    (folder / "earning.py").write_text(METRICS)
    frame_with_amounts().to_csv(folder / "people.csv", index=False)
    for lacking in ("amount", "tax"):
        frame = frame_with_amounts().drop(columns=lacking)
        frame.to_csv(folder / f"no_{lacking}.csv", index=False)


@pytest.fixture(scope="module")
def earned(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model that is only read, whose metric needs the amounts."""
    folder = tmp_path_factory.mktemp("earned")
    write_tables(folder)
    words = ["fit", str(folder / "no_tax.csv"), "--target", "churn", *QUICK]
    words += ["--metric", str(folder / METRIC), "--metric-column", "amount"]
    assert main([*words, "--json", "--out", str(folder / "model")]) == 0
    return str(folder / "model")


def test_predict_and_evaluate_with_a_saved_model(earned, capsys):
    model = load_model(earned)
    assert model.metric.columns == ("amount",)
    assert "amount" not in model.encoder.feature_names_in_
    frame = frame_with_amounts().drop(columns="tax")
    with_it = model.predict(frame)
    assert with_it.equals(model.predict(frame.drop(columns="amount")))
    frame.drop(columns="amount").to_csv("bare.csv", index=False)
    assert main(["predict", earned, "bare.csv"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(frame) + 1
    assert main(["evaluate", earned, "no_tax.csv", *EVALUATE, "--metric", METRIC]) == 0
    value = json.loads(capsys.readouterr().out)["value"]
    called, is_positive = with_it["label"] == "yes", frame["churn"] == "yes"
    expected = (called * (is_positive * frame["amount"] - 10)).sum()
    assert value == pytest.approx(-expected, rel=1e-5)


def test_the_column_is_a_feature_too_and_valid_rows_bring_theirs(capsys):
    words = ("--metric-column", "amount", "--keep-metric-columns", "--valid")
    few = ("--model", "linear", "--max-iter", "2", "--json", "--out", "m")
    assert fit(*words, "people.csv", *few, metric=METRIC) == 0
    capsys.readouterr()
    assert "amount" in load_model("m").encoder.feature_names_in_
    assert main(["predict", "m", "no_amount.csv"]) == 2
    assert "lacks columns of the training table: 'amount'" in error_line(capsys)
    command = ["evaluate", "m", "people.csv", *EVALUATE, "--metric"]
    assert main([*command, METRIC]) == 0
    assert main([*command, "earning.py:taxed"]) == 0  # a feature of the model
    capsys.readouterr()
    assert fit(*words, "no_amount.csv", metric=METRIC) == 2
    line = error_line(capsys)
    assert "In the validation rows: " in line
    assert "'amount'" in line


def test_evaluate_takes_the_columns_that_its_metric_names(earned, capsys):
    frame_with_amounts()[["churn", "age", "city", "joined", "income"]].to_csv(
        "bare.csv", index=False
    )
    assert main(["evaluate", earned, "bare.csv", *EVALUATE, "--metric", METRIC]) == 2
    line = error_line(capsys)
    assert "The table lacks columns that the metric `earned` needs: 'amount'." in line
    for table, metric in (("bare.csv", "flat"), ("people.csv", "taxed")):
        # the model has never seen the tax
        words = (*EVALUATE, "--metric", f"earning.py:{metric}")
        assert main(["evaluate", earned, table, *words]) == 0


@pytest.mark.parametrize(
    ("words", "metric", "message"),
    [
        ((), METRIC, "Name the columns that hold it: --metric-column amount (`"),
        (("--metric-column", "tax"), "f1", "`f1_loss` takes no 'tax'"),
        (("--metric-column", "churn"), METRIC, "is the target"),
    ],
)
def test_columns_that_the_metric_does_not_name(capsys, words, metric, message):
    assert fit(*words, metric=metric) == 2
    assert message in error_line(capsys)
    assert not list(Path().glob("*model*"))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ("much", "on the validation rows"),
        ([float("nan"), *range(299)], "must be finite, got nan in row 0"),
        (None, "The table lacks columns that the metric"),
    ],
)
def test_columns_that_cannot_be_used(capsys, values, message):
    frame = frame_with_amounts().drop(columns="amount")
    if values is not None:
        frame = frame.assign(amount=values)
    frame.to_csv("odd.csv", index=False)
    assert fit("--metric-column", "amount", data="odd.csv", metric=METRIC) == 2
    assert message in error_line(capsys)


def test_a_table_of_nothing_but_target_and_metric_columns(capsys):
    frame_with_amounts()[["churn", "amount"]].to_csv("bare.csv", index=False)
    assert fit("--metric-column", "amount", data="bare.csv", metric=METRIC) == 2
    assert "--keep-metric-columns" in error_line(capsys)
