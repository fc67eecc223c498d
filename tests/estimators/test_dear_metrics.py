"""Calls of a metric that takes long are counted by a clock that only they move."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from losslearn import Recipe, SurrogateClassifier, fit_table
from losslearn.metrics.own.as_true_loss import untried
from losslearn.metrics.own.trying import least_calls

RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 3))
Y = (X[:, 0] + RNG.normal(size=400) > 0.8).astype(int)
BUDGET = 10.0
QUICK = {"greater_is_better": True, "model": "linear", "max_time": BUDGET}


class Clock:
    """Moves a little whenever it is looked at, as in each turn, and at each call."""

    def __init__(self) -> None:
        self.now, self.n_calls = 0.0, 0

    def __call__(self) -> float:
        self.now += 5e-3
        return self.now

    def pay(self, seconds: float) -> None:
        self.now += seconds
        self.n_calls += 1


@pytest.fixture
def clock(monkeypatch):
    found = Clock()
    for place in ("time.perf_counter", "losslearn.tables.fitting.perf_counter"):
        monkeypatch.setattr(place, found)
    return found


def metrics(seconds: float, clock: Clock):
    def dear_share(y_true, y_pred):
        clock.pay(seconds)
        return float((y_true == y_pred).mean())

    def dear_area(y_true, y_score):
        clock.pay(seconds)
        return roc_auc_score(y_true, y_score)

    return [dear_share, dear_area]


@pytest.mark.parametrize("which", [0, 1], ids=["labels", "scores"])
@pytest.mark.parametrize("seconds", [0.02, 0.3, 1.0])
@pytest.mark.parametrize("is_table", [False, True])
def test_the_calls_fit_into_the_time(clock, tmp_path, which, seconds, is_table):
    metric = metrics(seconds, clock)[which]
    n_least = least_calls(untried(metric, greater_is_better=True))
    least = n_least * seconds
    with warnings.catch_warnings(record=True, action="always") as said:
        if is_table:
            frame = pd.DataFrame(X, columns=list("abc")).assign(y=Y)
            out = tmp_path / "m"
            report = fit_table(frame, "y", metric, out=out, **QUICK).report
        else:
            clf = SurrogateClassifier(metric, random_state=0, **QUICK).fit(X, Y)
            report = clf.report_
    assert clock.now < max(1.2 * BUDGET, least) + 4 * seconds
    told = [str(one.message) for one in said]
    if least > BUDGET:
        assert f"calls it some {n_least} times at least" in report["too_short"]
        assert is_table or told == [report["too_short"]]
    else:
        assert report["too_short"] is None
        assert not told


def test_a_fit_without_a_limit_says_nothing_of_time(clock):
    metric, _ = metrics(1.0, clock)
    few = {"n_evals": 1, "rounds": 1, "catch_up": 0, "adaptive": False}
    clf = SurrogateClassifier(
        metric,
        greater_is_better=True,
        model="linear",
        random_state=0,
        recipe=Recipe(mode="scratch", max_iter=2, **few),
    )
    assert clf.fit(X, Y).report_["too_short"] is None
