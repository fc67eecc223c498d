"""The report says what a metric of one's own was given."""

from functools import partial

import numpy as np
import pandas as pd
import pytest

from losslearn import Recipe, SurrogateClassifier, fit_table
from losslearn.metrics import declare_metric
from losslearn.tables.saved import load_model

QUICK = Recipe(
    mode="scratch", max_iter=4, rounds=1, catch_up=4, n_evals=2, adaptive=False
)
rng = np.random.default_rng(0)
X = rng.normal(size=(200, 2))
y = (X[:, 0] + rng.normal(size=200) > 0).astype(int)
fit = partial(SurrogateClassifier, model="linear", recipe=QUICK, random_state=0)


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
