"""The report says what a metric of one's own was given."""

import re
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch

from losslearn import Recipe, SurrogateClassifier, TrueLoss, fit_table
from losslearn.metrics import Sets, declare_metric
from losslearn.metrics.own.as_true_loss import untried
from losslearn.metrics.own.given import undefined_sentence
from losslearn.tables.saved import load_model
from losslearn.tasks.thresholds import best_threshold

QUICK = Recipe(
    mode="scratch", max_iter=4, rounds=1, catch_up=4, n_evals=2, adaptive=False
)
rng = np.random.default_rng(0)
X = rng.normal(size=(200, 2))
y = (X[:, 0] + rng.normal(size=200) > 0).astype(int)
ONE_SPLIT = {"cv": 1, "refit": False}
fit = partial(
    SurrogateClassifier, model="linear", recipe=QUICK, random_state=0, **ONE_SPLIT
)


def ranked(y_true, y_pred):
    """Look at scores, whatever its argument is called."""
    return float(y_true[np.argsort(-y_pred, kind="stable")[:20]].mean())


def hits(y_true, y_pred):
    """Take labels alone: nothing else is 0 or 1."""
    if not set(np.unique(y_pred)) <= {0, 1}:
        raise TypeError("labels only")
    return float((y_true == y_pred).mean())


def as_said(y_true, y_prob):
    return float(((y_true - y_prob) ** 2).mean())


def test_both_values_are_told_where_both_readings_are_possible():
    clf = fit(ranked, greater_is_better=True).fit(X, y)
    said = clf.report_["given"]
    assert said.startswith(
        "`ranked` was given labels (0 and 1), because its second argument is called "
        "`y_pred`; on the validation rows it is "
    )
    assert "of raw scores" in said
    (chosen,) = (
        one for one in clf.report_["results"] if one["method"] == clf.report_["chosen"]
    )
    assert f"it is {chosen['metric_validation']:.4g} of them" in said
    assert "--response decision_function" in said


@pytest.mark.parametrize(
    ("metric", "settings", "expected"),
    [
        (hits, {}, "labels (0 and 1), because its second argument is called `y_pred`."),
        (as_said, {}, "probabilities, because its second argument is called `y_prob`."),
        (
            ranked,
            {"response_method": "decision_function"},
            "raw scores, as you asked.",
        ),
        (
            declare_metric(greater_is_better=True, response_method="predict")(
                lambda y_true, y_pred: ranked(y_true, y_pred)
            ),
            {},
            "labels (0 and 1), as it declares.",
        ),
    ],
)
def test_one_sentence_where_there_is_nothing_to_ask(metric, settings, expected):
    clf = fit(metric, greater_is_better=True, **settings).fit(X, y)
    name = metric.__name__
    assert clf.report_["given"] == f"`{name}` was given {expected}"
    assert clf.report_["undefined"] is None


def test_nothing_is_said_of_a_built_in_loss():
    assert fit("f1").fit(X, y).report_["given"] is None


def test_response_overrules_the_name_and_is_kept_with_the_model(tmp_path):
    path = tmp_path / "metric.py"
    path.write_text(
        "import numpy as np\n"
        "def ranked(y_true, y_pred):\n"
        "    return float(y_true[np.argsort(-y_pred)[:20]].mean())\n"
    )
    frame = pd.DataFrame(X, columns=["a", "b"]).assign(y=y)
    metric = f"{path}:ranked"
    fitted = fit_table(
        frame,
        "y",
        metric,
        greater_is_better=True,
        model="linear",
        recipe=QUICK,
        response="decision_function",
        out=tmp_path / "model",
    )
    assert "given raw scores, as you asked" in fitted.report["given"]
    again = load_model(tmp_path / "model").evaluate(frame, metric=metric)
    score = fitted.scores(frame)
    assert again["value"] == -y[np.argsort(-score)[:20]].mean()


def test_sets_without_a_value_are_counted():
    def fragile(y_true, y_score):
        if len(y_true) > 100 and y_score[0] > np.median(y_score):
            raise ZeroDivisionError("no value")
        return float((y_true * y_score).mean())

    with pytest.warns(RuntimeWarning, match="raised ZeroDivisionError at call"):
        report = fit(fragile, greater_is_better=True).fit(X, y).report_
    assert report["undefined"].startswith("`fragile` had no value on ")
    assert "no value" in report["undefined"]
    assert len(report["failures"]) == 1


@pytest.mark.parametrize("raises", [False, True])
def test_thresholds_without_a_value_are_counted(raises, monkeypatch):
    tried = {"all": 0, "undefined": 0}
    compared, compare = {"all": 0, "undefined": 0}, TrueLoss.tried

    def comparing(loss, sets):
        """Count apart what only compares rules, or tries what decisions do."""
        before = dict(tried)
        value = compare(loss, sets)
        for name, n in before.items():
            compared[name] += tried[name] - n
        return value

    monkeypatch.setattr(TrueLoss, "tried", comparing)

    def precision(y_true, y_pred):
        """Undefined where few rows are called positive: never on a whole set."""
        tried["all"] += 1
        if (y_pred == 1).sum() < 9:
            tried["undefined"] += 1
            if raises:
                raise ZeroDivisionError("too few")
            return float("nan")
        return float(y_true[y_pred == 1].mean())

    clf = fit(precision, greater_is_better=True)
    if raises:
        with pytest.warns(RuntimeWarning, match="such (sets|thresholds) were left"):
            clf.fit(X, y)
    else:
        clf.fit(X, y)
    said = re.search(
        r"on ([\d,]+) of ([\d,]+) sets of rows drawn and at ([\d,]+) of ([\d,]+) "
        "thresholds tried, which were left out: `precision` ",
        clf.report_["undefined"],
    )
    counts = [int(number.replace(",", "")) for number in said.groups()]
    n_undefined, n_all = sum(counts[::2]), sum(counts[1::2])
    told = {name: tried[name] - compared[name] for name in tried}
    # all but the few calls before the fit, and those that no threshold is chosen by
    assert 0.9 * told["undefined"] <= n_undefined <= tried["undefined"]
    assert n_undefined < n_all <= tried["all"]
    assert len(clf.report_["failures"]) == raises


def test_each_threshold_of_a_choice_counts_once():
    @declare_metric(greater_is_better=True)
    def precision(y_true, y_pred):
        return np.nan if y_pred.sum() < 3 else y_true[y_pred == 1].mean()

    loss = untried(precision)
    target, score = torch.tensor([0, 1, 0, 1, 1]), torch.arange(5.0)
    best_threshold(loss, target, score)
    assert (loss.own.n_tried, loss.own.n_left_out) == (5, 2)
    assert (loss.own.n_valued, loss.own.n_undefined) == (0, 0)
    loss(Sets(target[None], score[None]))
    assert (loss.own.n_tried, loss.own.n_left_out) == (10, 4)
    assert undefined_sentence(loss).startswith(
        "`precision` had no value at 4 of 10 thresholds tried, which were left out: "
    )


def test_a_metric_undefined_on_the_test_rows_keeps_the_model():
    def not_of_40(y_true, y_score):
        return float("nan") if len(y_true) == 40 else float((y_true * y_score).mean())

    frame = pd.DataFrame(X, columns=["a", "b"]).assign(y=y)
    fitted = fit_table(
        frame, "y", not_of_40, greater_is_better=True, model="linear", recipe=QUICK
    )
    assert fitted.report["rows"]["test"] == 40
    assert "On the test rows" in fitted.report["undefined"]
    assert all(np.isnan(one["test"]) for one in fitted.report["results"])
    assert len(fitted.predict(frame)) == 200
