"""The learned loss in LightGBM's and XGBoost's own loops; a known optimum."""

import lightgbm
import numpy as np
import pytest
import torch
import xgboost

from losslearn import LearnedTreeObjective
from losslearn.models.boosted.slope import newton
from losslearn.surrogate.universal import UniversalConfig, store

N = 1_500
COST = 0.8
LGB = {
    "objective": "binary",
    "num_leaves": 15,
    "verbosity": -1,
    "num_threads": 1,
    "deterministic": True,
    "seed": 0,
}
XGB = {
    "objective": "binary:logistic",
    "max_leaves": 15,
    "max_depth": 0,
    "grow_policy": "lossguide",
    "learning_rate": 0.1,
    "nthread": 1,
}


def gain(y_true, y_pred, *, amount):
    """Return the mean gain: an amount for each case found, at a cost of each call."""
    return float(np.mean(y_pred * (y_true * amount - COST)))


def chance(x):
    return 1 / (1 + np.exp(1 - x[:, 0] - 0.5 * x[:, 1]))


def table(seed: int, n: int = N):
    """Return rows; a third feature tells amounts, which log-loss has no use for."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 4))
    y = (rng.random(n) < chance(x)).astype(int)
    return x, y, np.exp(1.2 * x[:, 2] + 0.5 * rng.normal(size=n))


class OfLightGBM:
    """Its own loop."""

    def grown(self, x, y):
        return lightgbm.train(LGB, lightgbm.Dataset(x, y), 30)

    def corrected(self, x, y, base, objective, n_trees):
        own = {"objective": objective, "min_data_in_leaf": 50, "learning_rate": 0.3}
        data = lightgbm.Dataset(x, y)
        return lightgbm.train({**LGB, **own}, data, n_trees, init_model=base)

    def scores(self, booster, x):
        return booster.predict(x, raw_score=True)


class OfXGBoost:
    """Its own loop."""

    def grown(self, x, y):
        return xgboost.train(XGB, xgboost.DMatrix(x, y), 30)

    def corrected(self, x, y, base, objective, n_trees):
        own = {**XGB, "min_child_weight": 10, "learning_rate": 0.3}
        data = xgboost.DMatrix(x, y)
        return xgboost.train(own, data, n_trees, obj=objective, xgb_model=base)

    def scores(self, booster, x):
        return booster.predict(xgboost.DMatrix(x), output_margin=True)


LIBRARIES = pytest.mark.parametrize(
    "library", [OfLightGBM(), OfXGBoost()], ids=["lightgbm", "xgboost"]
)


def out_of_fold(library, x, y) -> np.ndarray:
    fold, oof = np.arange(len(y)) % 3, np.empty(len(y))
    for one in range(3):
        grown = library.grown(x[fold != one], y[fold != one])
        oof[fold == one] = library.scores(grown, x[fold == one])
    return oof


def best_cut(score, y, amount) -> float:
    order = np.argsort(-score)
    return score[order[np.cumsum((y * amount - COST)[order]).argmax()]]


@pytest.fixture
def _quick_start(monkeypatch):
    quick = UniversalConfig(set_sizes=(64, 256), n_sets=128, max_iter=150)
    monkeypatch.setattr(store, "WITH_COLUMNS", quick)


@pytest.mark.usefixtures("_quick_start")
@LIBRARIES
def test_trees_added_for_a_metric_with_amounts_come_near_its_optimum(library):
    x, y, amount = table(0)
    base, oof = library.grown(x, y), out_of_fold(library, x, y)
    objective = LearnedTreeObjective(
        gain, y, oof, {"amount": amount}, greater_is_better=True
    )
    whole = library.corrected(x, y, base, objective, 24)
    valid, test = table(1), table(2, 10_000)
    usual, ours = (
        gain(
            test[1],
            library.scores(one, test[0])
            >= best_cut(library.scores(one, valid[0]), *valid[1:]),
            amount=test[2],
        )
        for one in (base, whole)
    )
    # to call where chance x expected amount is above the cost
    worth = chance(test[0]) * np.exp(1.2 * test[0][:, 2] + 0.5**2 / 2)
    best = gain(test[1], worth > COST, amount=test[2])
    assert usual < 0.6 * best
    assert ours > usual + 0.3 * (best - usual)


@LIBRARIES
def test_same_seed_gives_the_same_trees_and_another_does_not(library):
    x, y, _ = table(0)
    base, oof = library.grown(x, y), out_of_fold(library, x, y)

    def scores(seed: int) -> np.ndarray:
        objective = LearnedTreeObjective("f1", y, oof, catch_up=8, random_state=seed)
        return library.scores(library.corrected(x, y, base, objective, 3), x)

    first = scores(0)
    assert (first == scores(0)).all()
    assert (first != scores(1)).any()


@LIBRARIES
def test_scores_are_those_out_of_fold_with_what_was_added(library):
    x, y, _ = table(0)
    base, oof = library.grown(x, y), out_of_fold(library, x, y)
    objective = LearnedTreeObjective("f1", y, oof, catch_up=8)
    whole = library.corrected(x, y, base, objective, 3)
    two = library.corrected(
        x, y, base, LearnedTreeObjective("f1", y, oof, catch_up=8), 2
    )
    added = library.scores(two, x) - library.scores(base, x)  # before the last call
    np.testing.assert_allclose(objective._score.numpy(), oof + added, atol=1e-4)
    assert (library.scores(whole, x) != library.scores(two, x)).any()


def test_a_slope_is_as_steep_as_that_of_log_loss():
    generator = torch.Generator().manual_seed(0)
    score = torch.randn(200, generator=generator, dtype=torch.float64)
    target = (torch.rand(200, generator=generator) < 0.4).long()
    slope = 1e-4 * torch.randn(200, generator=generator, dtype=torch.float64)
    p = 1 / (1 + np.exp(-score.numpy()))
    gap, plain = p - target.numpy(), slope.numpy()
    for share in (0.0, 0.2):
        found = newton(slope, score, target, usual_share=share)
        steep = plain * gap.std(ddof=1) / plain.std(ddof=1)
        np.testing.assert_allclose(found.slope, steep + share * gap, rtol=1e-9)
        np.testing.assert_allclose(
            found.curvature, (1 + share) * (p * (1 - p)).mean(), rtol=1e-9
        )
    assert newton(torch.zeros_like(slope), score, target) is None
    weight = torch.rand(200, generator=generator, dtype=torch.float64)
    weighed = newton(slope, score, target, weight)
    mean = (p * (1 - p)).mean()
    np.testing.assert_allclose(weighed.curvature, weight.numpy() * mean, rtol=1e-9)


def test_where_there_is_no_slope_it_goes_by_log_loss_alone():
    score, target = torch.zeros(4, dtype=torch.float64), torch.tensor([0, 1, 1, 0])
    found = newton(torch.zeros_like(score), score, target, usual_share=0.5)
    np.testing.assert_allclose(found.slope, [0.25, -0.25, -0.25, 0.25])


@pytest.mark.parametrize("given", [np.zeros(3), np.full(N, np.nan)])
def test_other_scores_than_one_a_row_are_refused(given):
    _, y, _ = table(0)
    with pytest.raises(ValueError, match="`oof` must be a finite number for each"):
        LearnedTreeObjective("f1", y, given)
    objective = LearnedTreeObjective("f1", y, np.zeros(N), catch_up=0)
    with pytest.raises(ValueError, match="`preds` must be a finite number for each"):
        objective(given, None)


def test_a_column_that_lacks_is_named():
    _, y, _ = table(0)
    with pytest.raises(ValueError, match="`columns` was not given"):
        LearnedTreeObjective(gain, y, np.zeros(N), greater_is_better=True)
