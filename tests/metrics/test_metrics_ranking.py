import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from metric_cases import OF_SCORES, LabelledSet, labelled_sets

from losslearn.metrics import (
    get_true_loss,
    partial_auc_loss,
    precision_at_k,
    recall_at_precision,
    roc_auc_loss,
)

TOLERANCE = 1e-9  # doubles, with weights up to a thousand


@pytest.mark.parametrize("name", OF_SCORES)
@settings(max_examples=50)
@given(case=labelled_sets())
def test_ranking_loss_matches_oracle_and_scikit_learn(name, case):
    oracle, scikit_learn = OF_SCORES[name]
    got = get_true_loss(name)(case.sets()).item()
    assert got == pytest.approx(oracle(*case.lists()), abs=TOLERANCE)
    if scikit_learn is not None:
        expected = scikit_learn(case.y_true, case.y_score, case.weight)
        assert got == pytest.approx(expected, abs=TOLERANCE)


@pytest.mark.parametrize("name", OF_SCORES)
@pytest.mark.parametrize("n_pos", [1, 1999])
def test_extreme_imbalance_matches_scikit_learn(name, n_pos):
    rng = np.random.default_rng(n_pos)
    y_true = (np.arange(2000) < n_pos).astype(int)
    y_score = (rng.normal(size=2000) + 2 * y_true).round(2)
    oracle, scikit_learn = OF_SCORES[name]
    judge = scikit_learn or (
        lambda y, s, _: oracle(y.tolist(), s.tolist(), [1.0] * 2000)
    )
    got = get_true_loss(name)(LabelledSet(y_true, y_score, None).sets())
    assert got.item() == pytest.approx(judge(y_true, y_score, None), abs=TOLERANCE)


@settings(max_examples=60)
@given(case=labelled_sets(weighted=False, max_size=6), k=st.integers(1, 6))
def test_precision_at_k_is_the_mean_over_the_orders_of_tied_rows(case, k):
    n = len(case.y_true)
    shares = []
    for order in itertools.permutations(range(n)):
        scores = case.y_score[list(order)]
        if (np.diff(scores) <= 0).all():  # one of the rankings
            shares.append(case.y_true[list(order)][:k].mean())
    got = precision_at_k(*case.arguments(), k=k).item()
    assert got == pytest.approx(1 - np.mean(shares))


def test_precision_at_a_share_below_one_row_looks_at_the_first_row():
    y_true, y_score = torch.tensor([0, 1, 0, 0]), torch.tensor([1.0, 3.0, 2.0, 0.0])
    assert precision_at_k(y_true, y_score, k=0.01) == 0
    assert precision_at_k(y_true, -y_score, k=0.01) == 1


def test_precision_asked_for_is_met_despite_rounding():
    # 4 of 5 weights of 0.3 are 0.8 in decimals, but less in sums of doubles.
    y_true = torch.tensor([1] * 4 + [0] * 2)
    y_score = torch.tensor([1.0] * 5 + [0.0])
    for unit in (1.0, 0.3, 0.7, 1.9):
        weight = torch.full((6,), unit, dtype=torch.float64)
        got = recall_at_precision(y_true, y_score, precision=0.8, sample_weight=weight)
        assert got == 0


def test_rounding_does_not_lead_out_of_the_unit_interval():
    # 5 % of these weights, taken in two steps, add up to a little more than 5 %.
    y_true, y_score = torch.tensor([1] + [0] * 8), torch.zeros(9, dtype=torch.float64)
    y_score[-1] = 0.25
    weight = torch.tensor([0.1] * 3 + [2.5] + [1000.0] * 5, dtype=torch.float64)
    assert precision_at_k(y_true, y_score, k=0.05, sample_weight=weight) <= 1
    # All pairs of these are wrong and add up to more than the product of the sums.
    y_true, y_score = torch.tensor([1] + [0] * 4), torch.arange(5, dtype=torch.float64)
    weight = torch.tensor([0.1, 0.1, 0.1, 0.1, 0.2], dtype=torch.float64)
    assert roc_auc_loss(y_true, y_score, sample_weight=weight) == 1


def test_partial_auc_up_to_one_is_the_auc():
    y_true, y_score = torch.tensor([0, 1, 0, 1, 0]), torch.tensor([1.0, 2, 2, 0, 0])
    whole = partial_auc_loss(y_true, y_score, max_fpr=1)
    torch.testing.assert_close(whole, roc_auc_loss(y_true, y_score))


@pytest.mark.parametrize(
    ("loss", "parameter", "wrong"),
    [
        (partial_auc_loss, "max_fpr", 0.0),
        (partial_auc_loss, "max_fpr", 1.1),
        (recall_at_precision, "precision", 0.0),
        (recall_at_precision, "precision", 1.5),
        (precision_at_k, "k", 0),
        (precision_at_k, "k", -0.1),
        (precision_at_k, "k", 2.5),
    ],
)
def test_a_parameter_out_of_range_is_named(loss, parameter, wrong):
    with pytest.raises(ValueError, match=rf"`{parameter}` must be .*got {wrong}"):
        loss(torch.tensor([0, 1]), torch.tensor([0.0, 1.0]), **{parameter: wrong})
