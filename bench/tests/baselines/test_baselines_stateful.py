"""Baselines that hold more than a formula: multipliers to train, moves to draw."""

from collections.abc import Callable

import oracles
import oracles_baselines as slow
import pytest
import torch
from baseline_cases import draw
from hypothesis import given
from hypothesis import strategies as st

from losslearn.metrics import Sets, TrueLoss, get_true_loss
from losslearn_bench.baselines import EvolutionStrategies, GlobalObjective

TARGETS = pytest.mark.parametrize("target", ["auc_pr", "auc_roc"])
SURROGATES = pytest.mark.parametrize("surrogate", ["logistic", "hinge"])


# Global Objectives.


def objective_at(
    target: str, surrogate: str, thresholds: list[float], multipliers: list[float]
) -> GlobalObjective:
    objective = GlobalObjective(
        target, n_anchors=len(thresholds), surrogate=surrogate
    ).double()
    with torch.no_grad():
        objective.thresholds.copy_(torch.tensor(thresholds, dtype=torch.float64))
        objective.multipliers.copy_(torch.tensor(multipliers, dtype=torch.float64))
    return objective


@TARGETS
@SURROGATES
@given(seed=st.integers(0, 1_000))
def test_lagrangian_is_never_below_the_one_of_true_counts(target, surrogate, seed):
    y_true, y_score, weight = draw(seed=seed)
    generator = torch.Generator().manual_seed(seed)
    thresholds = y_score[torch.randperm(9, generator=generator)[:4]].tolist()
    multipliers = (3 * torch.rand(4, generator=generator)).tolist()
    value = objective_at(target, surrogate, thresholds, multipliers)(
        y_true, y_score, sample_weight=weight
    )
    rows = y_true.tolist(), y_score.tolist(), weight.tolist()
    counted = slow.global_objective(
        *rows, target, thresholds, multipliers, row="counted"
    )
    assert value.item() >= counted - 1e-9


@SURROGATES
@given(seed=st.integers(0, 1_000))
def test_value_at_the_worst_multiplier_is_never_below_the_loss_at_the_anchor(
    surrogate, seed
):
    y_true, y_score, weight = draw(seed=seed)
    rows = y_true.tolist(), (3 * y_score).tolist(), weight.tolist()
    points = oracles.roc_points(*rows)
    at_anchor = {
        "auc_roc": 1 - max(tpr for fpr, tpr in points if fpr <= 0.5),
        "auc_pr": oracles.recall_at_precision(*rows, precision=0.5),
    }
    for target, loss in at_anchor.items():
        for threshold in (-1.0, 0.0, 1.5):
            worst = max(
                objective_at(target, surrogate, [threshold], [multiplier])(
                    y_true, 3 * y_score, sample_weight=weight
                ).item()
                for multiplier in (0.0, 1e9)
            )
            assert worst >= loss - 1e-9


@TARGETS
@SURROGATES
def test_one_descent_step_lowers_the_value_in_thresholds_and_raises_it_in_multipliers(
    target, surrogate
):
    y_true, y_score, weight = draw()
    rows = y_true.tolist(), y_score.tolist(), weight.tolist()
    thresholds, multipliers = [0.3, -0.8, 1.1], [0.7, 1.6, 0.4]
    objective = objective_at(target, surrogate, thresholds, multipliers)
    optimizer = torch.optim.SGD(objective.parameters(), lr=0.1)
    objective(y_true, y_score, sample_weight=weight).backward()
    optimizer.step()
    down = slow.gradient(
        lambda b: slow.global_objective(*rows, target, b, multipliers, surrogate),
        thresholds,
    )
    up = slow.gradient(
        lambda m: slow.global_objective(*rows, target, thresholds, m, surrogate),
        multipliers,
    )
    moved = [b - 0.1 * slope for b, slope in zip(thresholds, down, strict=True)]
    raised = [m + 0.1 * slope for m, slope in zip(multipliers, up, strict=True)]
    assert objective.thresholds.tolist() == pytest.approx(moved, abs=1e-7)
    assert objective.multipliers.tolist() == pytest.approx(raised, abs=1e-7)


def test_multiplier_counts_by_its_size_and_ascends_from_wherever_it_is():
    y_true, y_score, _ = draw()
    values, moves = [], []
    for multiplier in (0.7, -0.7, 0.0):
        objective = objective_at("auc_roc", "hinge", [-5.0], [multiplier])
        value = objective(y_true, y_score)
        value.backward()
        values.append(value.item())
        moves.append(-objective.multipliers.grad.item())
    assert values[0] == values[1]
    # all are called positive, which the constraint forbids
    assert moves[0] == -moves[1] == moves[2] > 0


@TARGETS
def test_multipliers_of_constraints_that_hold_vanish_and_the_value_is_zero(target):
    y_true = torch.tensor([0, 0, 1, 1])
    y_score = torch.tensor([-2.0, -3.0, 2.0, 3.0])
    objective = GlobalObjective(target, n_anchors=3, surrogate="hinge")
    optimizer = torch.optim.SGD(objective.parameters(), lr=0.1)
    for _ in range(200):
        optimizer.zero_grad()
        objective(y_true, y_score).backward()
        optimizer.step()
    # a multiplier overshoots 0 by at most a step of 0.1 / 3
    assert objective.multipliers.abs().max() < 0.05
    assert objective(y_true, y_score).item() == pytest.approx(0, abs=0.05)


# Evolution strategies.


def as_loss(function: Callable[..., torch.Tensor], *, takes_weight: bool) -> TrueLoss:
    return TrueLoss(
        name="loss",
        description="a loss",
        function=function,
        takes_weight=takes_weight,
        scale_invariant=False,
    )


def gradient_of(
    true_loss: TrueLoss,
    y_true: torch.Tensor,
    y_score: torch.Tensor,
    *,
    seed: int = 0,
    sample_weight: torch.Tensor | None = None,
    **options: float,
) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    objective = EvolutionStrategies(true_loss, generator=generator, **options)
    y_score = y_score.clone().requires_grad_()
    objective(y_true, y_score, sample_weight=sample_weight).sum().backward()
    return y_score.grad


@pytest.mark.parametrize("weighted", [False, True])
def test_gradient_is_the_antithetic_estimate_written_out(weighted):
    y_true, y_score, weight = draw(2)
    weight = weight if weighted else torch.ones_like(weight)
    got = gradient_of(
        get_true_loss("roc_auc_loss"),
        y_true,
        y_score,
        sigma=0.5,
        n_pairs=4,
        sample_weight=weight,
    )
    noise = torch.randn(
        4, 2, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )
    for i in range(2):
        targets, scores, of_set = (
            part[i].tolist() for part in (y_true, y_score, weight)
        )

        def loss(moved, targets=targets, of_set=of_set):
            return oracles.roc_auc_loss(targets, moved, of_set)

        mean = sum(scores) / 9
        deviation = (sum((s - mean) ** 2 for s in scores) / 9) ** 0.5
        expected = slow.antithetic_gradient(
            loss, scores, noise[:, i].tolist(), 0.5 * deviation
        )
        assert any(expected)
        assert got[i].tolist() == pytest.approx(expected)


def test_gradient_of_a_linear_loss_is_its_slope_but_for_sampling():
    slope = torch.tensor([1.0, -2.0, 0.5, 0.0], dtype=torch.float64)
    linear = as_loss(lambda _, y_score: y_score @ slope, takes_weight=False)
    y_true, y_score, _ = draw(3, n=4)
    n_pairs = 40_000
    got = gradient_of(linear, y_true, y_score, n_pairs=n_pairs)
    # the estimate (slope . e) e_i has variance |slope|^2 + slope_i^2
    error = ((slope.square().sum() + slope.square()) / n_pairs).sqrt()
    assert ((got - slope).abs() < 5 * error).all()


def test_value_is_the_true_loss_with_or_without_a_gradient():
    y_true, y_score, weight = draw(2, 3)
    true_loss = get_true_loss("f1_loss")
    expected = true_loss(Sets(y_true, y_score, weight))
    objective = EvolutionStrategies(true_loss, generator=torch.Generator())
    plain = objective(y_true, y_score, sample_weight=weight)
    moving = objective(y_true, y_score.requires_grad_(), sample_weight=weight)
    assert torch.equal(plain, expected)
    assert torch.equal(moving.detach(), expected)


def test_same_seed_gives_the_same_gradient_and_the_next_call_draws_on():
    y_true, y_score, _ = draw(2)
    true_loss = get_true_loss("roc_auc_loss")
    first, again, other = (
        gradient_of(true_loss, y_true, y_score, seed=seed) for seed in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    objective = EvolutionStrategies(true_loss, generator=torch.Generator())
    y_score.requires_grad_()
    (one,) = torch.autograd.grad(objective(y_true, y_score).sum(), y_score)
    (two,) = torch.autograd.grad(objective(y_true, y_score).sum(), y_score)
    assert not torch.equal(one, two)


def test_all_moves_go_through_one_call_of_the_true_loss():
    shapes = []

    def spy(y_true, y_score):
        shapes.append((tuple(y_true.shape), tuple(y_score.shape)))
        return y_score.mean(-1)

    y_true, y_score, _ = draw(2, 3)
    gradient_of(as_loss(spy, takes_weight=False), y_true[0, 0], y_score, n_pairs=4)
    assert shapes == [((9, 2, 3, 9), (9, 2, 3, 9))]


def test_weights_reach_only_a_loss_that_takes_them():
    seen = []

    def plain(_, y_score):
        return y_score.mean(-1)

    def weighted(_, y_score, *, sample_weight=None):
        seen.append(sample_weight)
        return y_score.mean(-1)

    y_true, y_score, weight = draw(2)
    for function, takes_weight in ((plain, False), (weighted, True)):
        true_loss = as_loss(function, takes_weight=takes_weight)
        gradient_of(true_loss, y_true, y_score, sample_weight=weight)
    assert len(seen) == 1
    assert torch.equal(seen[0], weight)


def test_set_without_a_loss_has_no_gradient_and_leaves_the_others_alone():
    y_true, y_score, _ = draw(2)
    true_loss = get_true_loss("roc_auc_loss")
    both = gradient_of(true_loss, y_true, y_score)
    y_true[0] = 1
    got = gradient_of(true_loss, y_true, y_score)
    assert torch.equal(got[0], torch.zeros(9).double())
    assert torch.equal(got[1], both[1])


def test_pair_of_which_one_move_has_no_loss_counts_nothing():
    def undefined_below(_, y_score):
        return torch.where(y_score.mean(-1) > 0, y_score.mean(-1), torch.nan)

    y_true = torch.tensor([0, 1])
    got = gradient_of(
        as_loss(undefined_below, takes_weight=False),
        y_true,
        torch.tensor([0.01, -0.01]),
        sigma=100.0,
    )
    assert torch.equal(got, torch.zeros(2))


def test_moves_are_in_deviations_of_the_scores_and_of_unit_size_where_all_are_equal():
    y_true, y_score, _ = draw()
    true_loss = get_true_loss("roc_auc_loss")
    small = gradient_of(true_loss, y_true, y_score)
    large = gradient_of(true_loss, y_true, 10 * y_score)
    assert torch.allclose(large, small / 10)
    equal = gradient_of(true_loss, y_true, torch.full((9,), 0.3).double())
    shifted = gradient_of(true_loss, y_true, torch.zeros(9).double())
    assert equal.any()
    assert torch.allclose(equal, shifted)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sigma": 0.0}, "`sigma` must be a positive number, got 0.0"),
        ({"n_pairs": 0}, "`n_pairs` must be at least 1, got 0"),
    ],
    ids=["sigma", "n_pairs"],
)
def test_moves_that_cannot_be_made_are_an_error(options, message):
    with pytest.raises(ValueError, match=message):
        EvolutionStrategies(
            get_true_loss("f1_loss"), generator=torch.Generator(), **options
        )
