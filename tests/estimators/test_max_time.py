"""`max_time` holds for the whole fit, however dear the metric is."""

import math
import time

import numpy as np
import pytest
import torch
from sklearn.datasets import make_classification
from sklearn.metrics import f1_score, roc_auc_score

from losslearn import Recipe, SurrogateClassifier, fit_table, get_true_loss
from losslearn.metrics.own.as_true_loss import as_true_loss, untried
from losslearn.surrogate.universal import UniversalConfig, initial_surrogate, store
from losslearn.tasks.binary import Binary
from losslearn.tasks.generated import WideScores
from losslearn.training.dear import Costs, laid_out

X, y = make_classification(400, n_features=5, flip_y=0.1, random_state=0)


def of_scores(seconds):
    def dear(y_true, y_score):
        time.sleep(seconds)
        return roc_auc_score(y_true, y_score)

    return dear, {}


def of_labels(seconds):
    def dear(y_true, y_pred):
        time.sleep(seconds)
        return (y_true == y_pred).mean()

    return dear, {}


def of_columns(seconds):
    def dear(y_true, y_score, *, amount):
        time.sleep(seconds)
        return float(np.mean(y_true * amount / (1 + np.exp(-y_score))))

    return dear, {"metric_columns": {"amount": np.arange(400) % 7}}


@pytest.mark.parametrize("kind", [of_scores, of_labels, of_columns])
@pytest.mark.parametrize("seconds", [0.005, 0.05])
def test_the_budget_covers_everything(kind, seconds):
    metric, further = kind(seconds)
    begin, budget = time.perf_counter(), 3.0
    clf = SurrogateClassifier(
        metric, greater_is_better=True, model="linear", max_time=budget, random_state=0
    )
    clf.fit(X, y, **further)
    # a few calls go on when the time is up; the rest is for a busy machine
    assert time.perf_counter() - begin < 2.5 * budget + 2 + 40 * seconds
    assert clf.n_iter_ >= 2


def test_a_table_is_tested_within_the_budget_too():
    import pandas as pd

    frame = pd.DataFrame(X, columns=list("abcde")).assign(y=y)
    metric, _ = of_labels(0.02)
    begin = time.perf_counter()
    fitted = fit_table(
        frame, "y", metric, greater_is_better=True, model="linear", max_time=4.0
    )
    assert time.perf_counter() - begin < 12
    assert all(np.isfinite(one["interval"]).all() for one in fitted.report["results"])


@pytest.mark.parametrize("seconds", [math.inf, math.nan, 0.0, -1, "10"])
def test_what_is_no_budget_is_one_line(seconds):
    clf = SurrogateClassifier("f1", max_time=seconds)
    with pytest.raises(ValueError, match="`max_time` must be a finite number"):
        clf.fit(X, y)


@pytest.mark.parametrize("columns", [False, True])
def test_the_second_fit_finds_what_the_first_one_fitted(columns, monkeypatch):
    tiny = UniversalConfig(set_sizes=(64,), n_sets=1_000, max_iter=10)
    for name in ("CALLABLE", "WITH_COLUMNS", "TOP_HEAVY"):
        monkeypatch.setattr(store, name, tiny)
    calls = 0

    def count(y_true, y_score):
        nonlocal calls
        calls += 1
        return float((y_true * y_score).mean())

    def count_columns(y_true, y_score, *, amount):
        return count(y_true, y_score * amount)

    metric = count_columns if columns else count
    further = {"metric_columns": {"amount": np.arange(400) % 7}} if columns else {}
    needed = []
    for _ in range(2):
        before = calls
        clf = SurrogateClassifier(
            metric,
            greater_is_better=True,
            model="linear",
            recipe=Recipe(mode="universal", max_iter=2, adaptive=False),
            random_state=0,
        )
        clf.fit(X, y, **further)
        needed.append(calls - before)
    assert needed[0] - needed[1] >= 1_000
    assert needed[1] < 500


@pytest.mark.parametrize("name", ["auc", "average_precision", "f1"])
def test_a_dear_metric_starts_from_the_nearest_shipped_surrogate(name):
    """A metric that is a built-in loss, moved and stretched, learns nothing anew."""
    builtin = get_true_loss(name)

    def tripled(y_true, y_score):
        from losslearn import Sets

        sets = Sets(torch.from_numpy(y_true), torch.from_numpy(y_score))
        return 3 * float(builtin(sets)) + 7

    loss = as_true_loss(tripled, greater_is_better=False)
    loss.own.seconds = loss.own.n_judged * 0.01  # as if it took so long
    settings = {"mode": "refined", "seed": 0}
    start = initial_surrogate(loss, Binary(), max_time=10.0, **settings)
    near = initial_surrogate(builtin, Binary(), **settings)
    generator = torch.Generator().manual_seed(1)
    sets = WideScores().draw(20, 128, generator=generator)
    with torch.no_grad():
        error = (start(sets) - 7) / 3 - near(sets)
    assert error.abs().max() < 0.05


def test_a_dear_metric_of_labels_starts_from_the_nearest_loss_in_a_frame():
    def tripled(y_true, y_pred):
        return 3 * float(f1_score(y_true, y_pred)) + 7

    loss = as_true_loss(tripled, greater_is_better=True).in_a_frame()
    loss.own.seconds, loss.own.n_judged = 10.0, 1_000  # a hundredth of a second a call
    start = initial_surrogate(loss, Binary(), mode="refined", seed=0, max_time=14.0)
    calls = loss.own.n_judged - 1_000
    assert calls < 200, "none of its own was fitted"
    sets = WideScores(cut=True).draw(
        50, 128, generator=torch.Generator().manual_seed(1)
    )
    sets = sets._replace(weight=None)
    with torch.no_grad():
        error = start(sets) - loss(sets)
    assert error.abs().mean() < 0.4 * loss(sets).std()


def test_a_metric_like_none_starts_from_scratch():
    def odd(y_true, y_score):
        return float(np.sin(1e4 * y_score.sum()) * y_true.mean())

    loss = untried(odd, greater_is_better=False)
    loss.own.seconds, loss.own.n_judged = 1.0, 100
    start = initial_surrogate(loss, Binary(), mode="refined", seed=0, max_time=10.0)
    assert float(start.loss_scale) > 0


@pytest.mark.parametrize("n_sets", [0, 1, 50, 399, 400, 2_000, 100_000])
def test_the_recipe_for_a_dear_metric_is_one(n_sets):
    recipe = laid_out(Recipe(), n_sets, most_turns=1_000, costs=Costs())
    assert 2 <= recipe.max_iter <= 1_000
    if n_sets >= 400:
        turns = recipe.max_iter * (1 - recipe.warm_up)
        catch_up = recipe.rounds * recipe.catch_up / recipe.surrogate_steps
        assert turns + catch_up + 34 * (recipe.rounds + recipe.n_evals) <= 1.1 * n_sets
