"""Losses with constraints are told apart by the share of resamples."""

import numpy as np
import pytest
import torch
from sklearn.metrics import precision_score, recall_score

from losslearn import Sets, get_true_loss, subject_to
from losslearn.training.uncertainty import Difference, loss_difference

Y_TRUE = np.repeat([1, 0], [40, 200])
SURE = np.zeros(240)
SURE[[*range(24), 40]] = 1  # 24 of 25 right
JUST = np.zeros(240)
JUST[[*range(20, 24), 41]] = 1  # 4 of 5 right: the bound is just met


def penalised(called, rows):
    y, called = Y_TRUE[rows], called[rows]
    precision = precision_score(y, called, zero_division=0.0)
    return 1 - recall_score(y, called) + 5 * max(0.8 - precision, 0)


def difference(loss, first, second):
    y = torch.from_numpy(Y_TRUE)
    sets = [Sets(y, torch.from_numpy(called)) for called in (first, second)]
    return loss_difference(loss, sets, strata=y, seed=0)


def test_a_gain_in_nearly_all_resamples_is_clear_however_wide_they_spread():
    loss = subject_to("recall", "precision >= 0.8")
    draw = np.random.default_rng(0)
    gaps = []
    for _ in range(400):
        rows = np.concatenate([draw.integers(40, size=40), draw.integers(40, 240, 200)])
        gaps.append(penalised(SURE, rows) - penalised(JUST, rows))
    found = difference(loss, SURE, JUST)
    every = np.arange(240)
    assert found.value == pytest.approx(penalised(SURE, every) - penalised(JUST, every))
    assert found.standard_error > -found.value  # of no use
    # of 100 resamples: known to 3 %, so three times that
    assert found.share_lower == pytest.approx(np.mean(np.array(gaps) < 0), abs=0.09)
    assert found.is_clear_gain()
    back = difference(loss, JUST, SURE)
    assert back.share_lower == pytest.approx(1 - found.share_lower)
    assert not back.is_clear_gain()


def test_losses_without_constraints_go_by_the_standard_error():
    found = difference(get_true_loss("f1"), SURE, JUST)
    assert found.share_lower is None
    assert found.is_clear_gain()


@pytest.mark.parametrize(
    ("value", "share", "is_clear"),
    [(-1.0, 0.9, True), (-1.0, 0.8, False), (0.1, 0.9, False), (-1e-3, 0.85, True)],
)
def test_a_lower_loss_in_five_of_six_resamples_is_clear(value, share, is_clear):
    assert Difference(value, 5.0, share).is_clear_gain() == is_clear
