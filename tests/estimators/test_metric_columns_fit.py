"""Fits and scores of the estimator for a metric that needs columns."""

import numpy as np
import pandas as pd
import pytest
from metric_columns_cases import profit, table
from torch import nn

from losslearn import Recipe, declare_metric
from losslearn.estimators.classifier import SurrogateClassifier


def make(*, model="linear", **settings) -> SurrogateClassifier:
    recipe = Recipe(**{"mode": "scratch", **settings})
    return SurrogateClassifier(profit, model=model, recipe=recipe, random_state=0)


@pytest.mark.slow
def test_training_for_profit_earns_more_where_amounts_matter():
    X, y, amount = table(3_000, 0)
    clf = make(max_iter=600, mode="refined").fit(
        X, y, metric_columns={"amount": amount}
    )
    X, y, amount = table(20_000, 1)
    earned = {}
    for result in clf.report_["results"]:
        called = clf.method_scores(X)[result["method"]] >= result["threshold"]
        earned[result["method"]] = profit(y, called.astype(int), amount=amount)
    assert clf.report_["chosen"] == "surrogate"
    assert earned["surrogate"] > 1.1 * earned["cross_entropy"]
    score = clf.score(X, y, metric_columns={"amount": amount})
    assert score == pytest.approx(earned["surrogate"])


@pytest.mark.parametrize("model", ["linear", "own"])
def test_a_fit_with_validation_rows_and_a_frame_of_columns(model):
    X, y, amount = table(400, 0)
    model = nn.Linear(4, 1) if model == "own" else model
    settings = {"model": model, "max_iter": 8, "rounds": 2, "catch_up": 4}
    frame = pd.DataFrame({"amount": amount})
    clf = make(**settings).fit(
        X[:300],
        y[:300],
        X_valid=X[300:],
        y_valid=y[300:],
        metric_columns=frame[:300],
        metric_columns_valid=frame[300:],
    )
    chosen = {r["method"]: r for r in clf.report_["results"]}[clf.report_["chosen"]]
    score = clf.score(X[300:], y[300:], metric_columns=frame[300:])
    assert score == pytest.approx(-chosen["validation"], abs=1e-6)
    losses = [result["validation"] for result in clf.report_["results"]]
    assert clf.report_["difference"] == pytest.approx(losses[0] - losses[1], abs=1e-5)
    called = clf.predict(X[300:])
    assert score == pytest.approx(profit(y[300:], called, amount=amount[300:]))
    assert clf.predict(X).shape == (400,)


def test_rows_split_off_take_their_amounts_along():
    X, y, amount = table(400, 0)

    @declare_metric(greater_is_better=False, batched=True)
    def strays(y_true, y_score, *, amount, label):  # noqa: ARG001
        return (label != y_true).mean(-1) + np.abs(y_score).mean(-1) / 1e9

    clf = SurrogateClassifier(
        strays,
        model="linear",
        recipe=Recipe(mode="scratch", max_iter=4),
        random_state=0,
    )
    clf.fit(X, y, metric_columns={"amount": amount, "label": y})
    assert all(result["validation"] < 1e-3 for result in clf.report_["results"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "`metric_columns` was not given"),
        ({"metric_columns": {"amount": [1.0]}}, "each of the 60 rows"),
        (
            {"metric_columns_valid": {"amount": [1.0]}, "metric_columns": "ok"},
            "without the `X_valid`",
        ),
        (
            {"metric_columns": "ok", "valid": True},
            "`metric_columns_valid` was not given",
        ),
    ],
)
def test_what_is_wrong_at_fit_is_said(arguments, message):
    X, y, amount = table(60, 0)
    arguments = dict(arguments)
    if arguments.pop("valid", False):
        arguments |= {"X_valid": X, "y_valid": y}
    if arguments.get("metric_columns") == "ok":
        arguments["metric_columns"] = {"amount": amount}
    with pytest.raises(ValueError, match=message):
        make().fit(X, y, **arguments)


def test_a_metric_without_columns_takes_none():
    X, y, amount = table(60, 0)
    with pytest.raises(ValueError, match="`f1_loss` needs no columns"):
        SurrogateClassifier("f1").fit(X, y, metric_columns={"amount": amount})
