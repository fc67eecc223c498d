import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from losslearn import Sets, as_true_loss, get_true_loss
from losslearn.training.uncertainty import Difference, loss_difference

GENERATOR = torch.Generator().manual_seed(0)
N = 4_000
Y_TRUE = (torch.rand(N, generator=GENERATOR) < 0.3).long()
FIRST = Y_TRUE + torch.randn(N, generator=GENERATOR)
SECOND = FIRST + 0.5 * torch.randn(N, generator=GENERATOR)


def difference(loss, scores, thresholds, *, seed: int = 0) -> Difference:
    if loss.needs_rule:
        at = zip(scores, thresholds, strict=True)
        scores = [(score >= threshold).float() for score, threshold in at]
    sets = [Sets(Y_TRUE, score) for score in scores]
    return loss_difference(loss, sets, strata=Y_TRUE, seed=seed)


@pytest.mark.parametrize(
    ("enough", "least", "drawn"),
    [(10**6, 1, N), (800, 10, 800), (8, 600, 2_000), (8, 10**4, N)],
)
def test_error_rate_has_the_standard_error_of_a_stratified_mean(
    monkeypatch, enough, least, drawn
):
    monkeypatch.setattr("losslearn.training.uncertainty._ENOUGH_ROWS", enough)
    monkeypatch.setattr("losslearn.training.uncertainty._LEAST_ROWS", least)
    error_rate, sizes = get_true_loss("error_rate"), []

    def watched(y_true, y_score, **others):
        sizes.append(y_true.shape[-1])
        return error_rate.at_threshold(y_true, y_score, **others)

    watching = replace(error_rate, at_threshold=watched)
    found = difference(watching, (FIRST, SECOND), (0.8, 0.9))
    y_true = Y_TRUE.numpy()
    wrong = [
        (scores.numpy() >= threshold) != y_true
        for scores, threshold in ((FIRST, 0.8), (SECOND, 0.9))
    ]
    gaps = wrong[0].astype(float) - wrong[1].astype(float)
    assert found.value == pytest.approx(gaps.mean(), abs=1e-6)
    variance = sum(
        (y_true == kind).sum() * gaps[y_true == kind].var() for kind in (0, 1)
    )
    expected = math.sqrt(variance) / N
    # of 100 resamples: known to 7 %, so four times that
    assert found.standard_error == pytest.approx(expected, rel=0.28)
    assert sizes[-1] == pytest.approx(drawn, rel=0.02)


def test_auc_agrees_with_a_loop_over_resamples():
    from sklearn.metrics import roc_auc_score

    found = difference(get_true_loss("auc"), (FIRST, SECOND), (0.0, 0.0))
    rng = np.random.default_rng(0)
    gaps = []
    for _ in range(400):
        rows = rng.integers(N, size=N)
        gaps.append(
            roc_auc_score(Y_TRUE[rows], SECOND[rows])
            - roc_auc_score(Y_TRUE[rows], FIRST[rows])
        )
    assert found.standard_error == pytest.approx(np.std(gaps), rel=0.3)


def test_models_that_do_the_same_do_not_differ():
    found = difference(get_true_loss("f1"), (FIRST, FIRST.clone()), (0.5, 0.5))
    assert found == Difference(0.0, 0.0)
    assert not found.is_clear_gain()


def test_the_same_seed_gives_the_same_and_no_global_draw_is_made():
    state = torch.get_rng_state()
    f1 = get_true_loss("f1")
    first, again, other = (
        difference(f1, (FIRST, SECOND), (0.5, 0.5), seed=seed) for seed in (0, 0, 1)
    )
    assert first == again
    assert first != other
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize(
    ("value", "error", "is_clear"),
    [(-0.2, 0.1, True), (-0.05, 0.1, False), (0.2, 0.1, False), (-1, math.nan, False)],
)
def test_a_gain_is_clear_beyond_the_standard_error(value, error, is_clear):
    assert Difference(value, error).is_clear_gain() == is_clear


def test_a_metric_of_ones_own_is_called_once_for_each_model_and_resample():
    calls = []

    def missed(y_true, y_pred):
        calls.append(len(y_true))
        return (y_true * (1 - y_pred)).sum() / y_true.sum()

    loss = as_true_loss(missed, greater_is_better=False)
    calls.clear()  # of the check of the function
    found = difference(loss, (FIRST, SECOND), (0.5, 0.5))
    assert calls == [N] * (2 * 100 + 2)
    is_pos = Y_TRUE == 1
    gap = (FIRST[is_pos] < 0.5).double() - (SECOND[is_pos] < 0.5).double()
    assert found.value == pytest.approx(gap.mean().item())
    expected = gap.std().item() / math.sqrt(int(is_pos.sum()))
    assert found.standard_error == pytest.approx(expected, rel=0.28)


def test_large_tables_are_valued_in_parts(monkeypatch):
    f1 = get_true_loss("f1")
    whole = difference(f1, (FIRST, SECOND), (0.5, 0.5))
    monkeypatch.setattr("losslearn.training.uncertainty._MAX_ROWS", 1)
    parts = difference(f1, (FIRST, SECOND), (0.5, 0.5))
    assert parts.value == whole.value
    assert parts.standard_error == pytest.approx(whole.standard_error, rel=0.5)


@pytest.mark.parametrize(
    ("margin", "is_clear"), [(1.0, True), (1.9, True), (2.1, False)]
)
def test_a_margin_is_in_standard_errors(margin, is_clear):
    assert Difference(-2.0, 1.0).is_clear_gain(margin) == is_clear
    # 97.7 % of a normal distribution are below two deviations above its mean
    assert Difference(-2.0, 9.0, share_lower=0.977).is_clear_gain(margin) == is_clear
