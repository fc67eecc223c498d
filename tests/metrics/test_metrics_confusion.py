import math

import oracles
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import TypeCheckError
from metric_cases import OF_LABELS, labelled_sets, random_sets

from losslearn.metrics import Sets, f1_loss, fbeta_loss, get_true_loss, mcc_loss

TOLERANCE = 1e-9  # doubles, with weights up to a thousand


@pytest.mark.parametrize("name", OF_LABELS)
@settings(max_examples=30)
@given(case=labelled_sets(), place=st.integers(-1, 30))
def test_fixed_threshold_matches_oracle_and_scikit_learn(name, case, place):
    threshold = case.y_score[place % len(case.y_score)] if place >= 0 else math.inf
    y_true, y_score, weight = case.lists()
    oracle, scikit_learn = OF_LABELS[name]
    loss = get_true_loss(name).at_threshold
    got = loss(*case.arguments(), threshold=threshold, **case.weights()).item()
    y_pred = oracles.called_positive(y_score, threshold)
    assert got == pytest.approx(oracle(y_true, y_pred, weight), abs=TOLERANCE)
    if scikit_learn is not None:
        assert got == pytest.approx(
            scikit_learn(y_true, y_pred, case.weight), abs=TOLERANCE
        )


@pytest.mark.parametrize("name", OF_LABELS)
@pytest.mark.parametrize("n_pos", [1, 2999])
def test_extreme_imbalance_matches_scikit_learn(name, n_pos):
    y_true = torch.zeros(3000, dtype=torch.long)
    y_true[:n_pos] = 1
    generator = torch.Generator().manual_seed(n_pos)
    y_score = torch.randn(3000, generator=generator, dtype=torch.float64) + y_true
    oracle, scikit_learn = OF_LABELS[name]
    got = get_true_loss(name).at_threshold(y_true, y_score, threshold=0.5).item()
    y_pred = (y_score >= 0.5).long()
    judge = scikit_learn or (lambda y, p, _: oracle(y, p, [1.0] * len(y)))
    assert got == pytest.approx(judge(y_true.tolist(), y_pred.tolist(), None), abs=1e-9)


@pytest.mark.parametrize("name", OF_LABELS)
def test_a_threshold_between_two_float32_scores_parts_them(name):
    y_true = torch.tensor([0, 1])
    y_score = torch.tensor([0.1, 0.1]).nextafter(torch.tensor([0.0, 1.0]))
    loss = get_true_loss(name)
    assert loss.at_threshold(y_true, y_score, threshold=float(y_score[1])) == 0
    assert loss(Sets(y_true, y_score)) == 0


def test_all_called_alike_has_no_correlation_whatever_the_rounding():
    # Sums of 0.1 are not exact: "everybody" must not leave a rest of 1e-17 behind.
    y_true, y_score, *_ = random_sets(50, 200)
    weight = torch.full_like(y_score, 0.1)
    weight[:, ::2] = 0.7
    for threshold in (-math.inf, math.inf):
        got = mcc_loss(y_true, y_score, threshold=threshold, sample_weight=weight)
        torch.testing.assert_close(got, torch.full_like(got, 0.5), rtol=0, atol=0)


@pytest.mark.parametrize("beta", [0.0, -1.0, math.inf, math.nan])
def test_beta_must_be_a_positive_number(beta):
    with pytest.raises(ValueError, match="`beta` must be a positive number"):
        fbeta_loss(torch.tensor([0, 1]), torch.tensor([0.0, 1.0]), beta=beta)


def test_swapped_arguments_fail_loudly():
    with pytest.raises(TypeCheckError):
        f1_loss(torch.tensor([0.1, 0.2]), torch.tensor([0, 1]))
