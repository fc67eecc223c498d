"""The metrics against scikit-learn, scipy and the package, and the made amounts."""

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from sklearn.metrics import f1_score, matthews_corrcoef, roc_auc_score

from losslearn import Sets, as_true_loss
from losslearn_bench.strong import metrics
from losslearn_bench.strong.rows import made_amount

DRAW = np.random.default_rng(0)
Y = DRAW.integers(0, 2, 200)
PRED = np.where(DRAW.random(200) < 0.7, Y, 1 - Y)
SCORE = (Y + DRAW.normal(size=200)).round(1)  # with ties
NOBODY = np.zeros(200, dtype=int)


@pytest.mark.parametrize("pred", [PRED, NOBODY], ids=["some", "nobody"])
def test_counts_give_what_scikit_learn_gives(pred):
    assert metrics.f1(Y, pred) == pytest.approx(f1_score(Y, pred, zero_division=0))
    assert metrics.mcc(Y, pred) == pytest.approx(matthews_corrcoef(Y, pred))
    assert metrics.accuracy(Y, pred) == pytest.approx((pred == Y).mean())


@pytest.mark.parametrize("pred", [PRED, NOBODY, Y], ids=["some", "nobody", "all right"])
def test_f1_at_precision_is_what_the_package_trains_for(pred):
    loss = as_true_loss("f1 subject to precision >= 0.8").of_decisions()
    sets = Sets(torch.tensor(Y), torch.tensor(pred, dtype=torch.double))
    assert 1 - metrics.f1_at_precision(Y, pred) == pytest.approx(float(loss(sets)))


def test_spearman_is_scipys_with_what_rows_bring():
    amount = DRAW.exponential(size=200)
    expected = spearmanr(SCORE, Y * amount).statistic
    assert metrics.spearman(Y, SCORE, amount=amount) == pytest.approx(expected)
    assert metrics.spearman(Y, np.ones(200), amount=amount) == 0


def test_stability_is_the_mean_less_the_deviation_of_groups():
    group = np.arange(200) % 3
    areas = [roc_auc_score(Y[group == g], SCORE[group == g]) for g in range(3)]
    expected = np.mean(areas) - np.std(areas)
    assert metrics.stability(Y, SCORE, group=group) == pytest.approx(expected)


def test_a_made_profit_adds_amounts_and_costs():
    y, pred = np.array([1, 1, 0, 0]), np.array([1, 0, 1, 0])
    found = metrics.made_profit(y, pred, amount=np.array([3.0, 9, 9, 9]))
    assert found == pytest.approx((3 - 0.5) / 4)


def test_made_amounts_are_fixed_and_told_by_features_in_part():
    x = np.random.default_rng(1).normal(size=(4_000, 5)) * [1, 9, 1, 1, 0]
    first, again = (made_amount(x, seed=3) for _ in range(2))
    assert (first == again).all()
    assert np.log(first).std() == pytest.approx(0.5**0.5, abs=0.03)
    line, *_ = np.linalg.lstsq(x, np.log(first), rcond=None)
    told = np.corrcoef(x @ line, np.log(first))[0, 1]
    assert told == pytest.approx(0.5**0.5, abs=0.03)
