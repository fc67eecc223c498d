"""What single baselines without a state promise: bounds, corners, limits."""

from itertools import product

import numpy as np
import oracles
import oracles_baselines as slow
import pytest
import torch
from baseline_cases import draw
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import log_loss

from losslearn.metrics import Sets
from losslearn.tasks.cross_entropy import CrossEntropy
from losslearn_bench.baselines import (
    AnyLoss,
    CostSensitive,
    LovaszHinge,
    LovaszSoftmax,
    OverSets,
    PairwiseRanking,
    SoftF1,
)
from losslearn_bench.grid.methods import METHODS

# Likelihood.


@pytest.mark.parametrize("weighted", [False, True])
def test_cross_entropy_is_scikit_learns_log_loss(weighted):
    rng = np.random.default_rng(0)
    y_true = rng.integers(0, 2, (3, 50))
    y_score = rng.normal(scale=3, size=(3, 50))
    weight = rng.uniform(0.1, 2, 50) if weighted else None
    sets = Sets(
        torch.from_numpy(y_true),
        torch.from_numpy(y_score),
        None if weight is None else torch.from_numpy(weight),
    )
    got = CrossEntropy()(sets)
    assert torch.allclose(got, OverSets(CostSensitive())(sets))
    for i in range(3):
        probability = 1 / (1 + np.exp(-y_score[i]))
        expected = log_loss(y_true[i], probability, sample_weight=weight)
        assert got[i].item() == pytest.approx(expected)


def test_cross_entropy_stays_finite_for_huge_scores():
    sets = Sets(torch.tensor([0, 1]), torch.tensor([1e4, -1e4]))
    value = CrossEntropy()(sets)
    assert value == OverSets(CostSensitive())(sets)
    assert value.item() == pytest.approx(1e4)


def test_weight_of_the_positives_means_what_it_means_in_pytorch():
    y_true, y_score, _ = draw(n=30)
    torchs = torch.nn.BCEWithLogitsLoss(pos_weight=torch.tensor(5.0))
    expected = torchs(y_score, y_true.double())
    assert torch.allclose(CostSensitive(pos_weight=5.0)(y_true, y_score), expected)


def test_costs_of_the_reduction_are_those_of_the_paper():
    costs = [setting["weight"] for setting in METHODS["cost_sensitive"].grid]
    assert costs == [0.3, 0.9, 2.7, 8.1, 24.3, 72.9]


# Pairs.


@given(seed=st.integers(0, 1_000))
def test_pairwise_hinge_is_never_below_one_minus_auc(seed):
    y_true, y_score, weight = draw(n=8, seed=seed)
    y_score = y_score.round(decimals=1)  # ties
    bound = PairwiseRanking(kind="hinge")(y_true, y_score, sample_weight=weight)
    wrong = oracles.roc_auc_loss(y_true.tolist(), y_score.tolist(), weight.tolist())
    assert bound.item() >= wrong - 1e-12


# The Lovász extension.


@pytest.mark.parametrize("n", [1, 2, 3, 6])
@pytest.mark.parametrize("weighted", [False, True])
def test_lovasz_losses_at_the_corners_of_the_cube_are_the_jaccard_loss(n, weighted):
    corners = torch.tensor(list(product([0, 1], repeat=n)))
    y_true = corners.repeat_interleave(2**n, dim=0)
    wrong = corners.repeat(2**n, 1)
    _, _, weight = draw(n=n)
    weight = weight if weighted else torch.ones_like(weight)
    sign = 2.0 * y_true - 1
    hinge = LovaszHinge()(y_true, sign * (1.0 - wrong), sample_weight=weight)
    softmax = LovaszSoftmax()(
        y_true, sign * 1e4 * (1.0 - 2 * wrong), sample_weight=weight
    )
    expected = [
        slow.jaccard_of_errors(y, {i for i in range(n) if m[i]}, weight.tolist())
        for y, m in zip(y_true.tolist(), wrong.tolist(), strict=True)
    ]
    # scores of whole numbers are float32 here
    assert hinge.tolist() == pytest.approx(expected, abs=1e-6)
    assert softmax.tolist() == pytest.approx(expected, abs=1e-6)


@given(seed=st.integers(0, 1_000))
def test_lovasz_hinge_is_convex_and_never_below_the_jaccard_loss(seed):
    y_true, left, weight = draw(seed=seed)
    _, right, _ = draw(seed=seed + 1)
    middle, of_left, of_right = (
        LovaszHinge()(y_true, 2 * score, sample_weight=weight).item()
        for score in ((left + right) / 2, left, right)
    )
    assert middle <= (of_left + of_right) / 2 + 1e-12
    labels = oracles.called_positive(left.tolist(), 0.0)
    jaccard = oracles.jaccard_loss(y_true.tolist(), labels, weight.tolist())
    assert of_left >= jaccard - 1e-12


# Soft counts.


@pytest.mark.parametrize(
    ("objective", "oracle"),
    [
        (SoftF1(slope=1e6), oracles.f1_loss),
        (AnyLoss("f1", amplification=1e6), oracles.f1_loss),
        (AnyLoss("accuracy", amplification=1e6), oracles.error_rate),
        (AnyLoss("gmean", amplification=1e6), oracles.gmean_loss),
        (AnyLoss("balanced_accuracy", amplification=1e6), oracles.balanced_error),
    ],
    ids=["soft_f1", "f1", "accuracy", "gmean", "balanced_accuracy"],
)
def test_counts_of_a_steep_sigmoid_are_those_at_threshold_0(objective, oracle):
    y_true, y_score, weight = draw(20)
    got = objective(y_true, y_score, sample_weight=weight)
    for i in range(20):
        labels = oracles.called_positive(y_score[i].tolist(), 0.0)
        expected = oracle(y_true[i].tolist(), labels, weight[i].tolist())
        assert got[i].item() == pytest.approx(expected)
