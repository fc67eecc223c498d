"""A metric that needs a column of the table, on the command line."""

import json
from pathlib import Path

import pandas as pd
import pytest
from cli_cases import error_line, fit, make_frame

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
    Path("earning.py").write_text(METRICS)
    frame_with_amounts().to_csv("people.csv", index=False)
    frame_with_amounts().drop(columns="amount").to_csv("poor.csv", index=False)


def fit_earned(capsys, *words: str) -> str:
    words = ("--metric-column", "amount", "--json", *words)
    assert fit(*words, metric=METRIC) == 0
    return json.loads(capsys.readouterr().out)["model"]


def test_fit_predict_and_evaluate_with_a_saved_model(capsys):
    folder = fit_earned(capsys)
    model = load_model(folder)
    assert model.metric.columns == ("amount",)
    assert "amount" not in model.encoder.columns
    frame = frame_with_amounts()
    with_it = model.predict_frame(frame)
    assert with_it.equals(model.predict_frame(frame.drop(columns="amount")))
    assert main(["predict", folder, "poor.csv"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(frame) + 1
    assert main(["evaluate", folder, "people.csv", *EVALUATE, "--metric", METRIC]) == 0
    value = json.loads(capsys.readouterr().out)["value"]
    called, is_positive = with_it["label"] == "yes", frame["churn"] == "yes"
    expected = (called * (is_positive * frame["amount"] - 10)).sum()
    assert value == pytest.approx(-expected, rel=1e-5)


def test_the_column_is_a_feature_too_where_that_is_asked_for(capsys):
    folder = fit_earned(capsys, "--keep-metric-columns")
    assert "amount" in load_model(folder).encoder.columns
    assert main(["predict", folder, "poor.csv"]) == 2
    assert "lacks columns of the training table: 'amount'" in error_line(capsys)
    assert main(["evaluate", folder, "people.csv", *EVALUATE, "--metric", METRIC]) == 0


def test_validation_rows_of_their_own_bring_their_columns(capsys):
    words = ("--metric-column", "amount", "--valid")
    assert fit(*words, "people.csv", "--json", metric=METRIC) == 0
    capsys.readouterr()
    assert fit(*words, "poor.csv", metric=METRIC) == 2
    line = error_line(capsys)
    assert "In the validation rows: " in line
    assert "'amount'" in line


def test_evaluate_takes_the_columns_that_its_metric_names(capsys):
    folder = fit_earned(capsys)
    command = ["evaluate", folder, "poor.csv", *EVALUATE, "--metric"]
    assert main([*command, METRIC]) == 2
    line = error_line(capsys)
    assert "The table lacks columns that the metric `earned` needs: 'amount'." in line
    assert main([*command, "earning.py:flat"]) == 0
    capsys.readouterr()
    assert main([*command, "earning.py:taxed"]) == 0  # a feature of the model


def test_evaluate_by_a_column_that_the_model_has_never_seen(capsys):
    frame_with_amounts().drop(columns="tax").to_csv("taxless.csv", index=False)
    words = ("--metric-column", "amount", "--json")
    assert fit(*words, data="taxless.csv", metric=METRIC) == 0
    folder = json.loads(capsys.readouterr().out)["model"]
    taxed = ("--metric", "earning.py:taxed")
    assert main(["evaluate", folder, "people.csv", *EVALUATE, *taxed]) == 0


@pytest.mark.parametrize(
    ("words", "metric", "message"),
    [
        ((), METRIC, "Name the columns that hold it: --metric-column amount."),
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
        ("much", "must be numeric"),
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


def test_a_model_from_before_metrics_had_columns_loads(capsys):
    folder = fit_earned(capsys)
    path = Path(folder) / "settings.json"
    settings = json.loads(path.read_text())
    del settings["metric"]["columns"]
    path.write_text(json.dumps(settings))
    assert load_model(folder).metric.columns == ()
