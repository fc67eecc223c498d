"""What holds for all baselines."""

from itertools import product

import jaxtyping
import oracles_baselines as slow
import pytest
import torch
from baseline_cases import CASES, EVERY_CASE, Case, draw

from losslearn_bench.baselines import (
    AnyLoss,
    CostSensitive,
    Focal,
    GlobalObjective,
    PairwiseRanking,
    SoftF1,
)


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def case(request) -> Case:
    return request.param


@pytest.fixture(params=EVERY_CASE.values(), ids=EVERY_CASE.keys())
def every_case(request) -> Case:
    return request.param


@pytest.mark.parametrize("weights", ["none", "per_row", "shared"])
def test_value_and_gradient_are_those_of_the_oracle(case, weights):
    y_true, y_score, weight = draw(2, 3)
    y_score.requires_grad_()
    given_weight = {"none": None, "per_row": weight, "shared": weight[0, 0]}[weights]
    value = case.make()(y_true, y_score, sample_weight=given_weight)
    assert value.shape == (2, 3)
    value.sum().backward()
    used = torch.ones_like(weight) if given_weight is None else given_weight
    used = used.expand_as(weight)
    for i, j in product(range(2), range(3)):
        targets, scores, of_set = (
            part[i, j].tolist() for part in (y_true, y_score, used)
        )

        def oracle(moved, targets=targets, of_set=of_set):
            return case.oracle(targets, moved, of_set)

        assert value[i, j].item() == pytest.approx(oracle(scores), rel=1e-9)
        # finite differences of step 1e-6 are right to about 1e-8
        expected = slow.gradient(oracle, scores)
        assert y_score.grad[i, j].tolist() == pytest.approx(expected, abs=1e-7)


def test_targets_may_be_shared_by_all_sets(every_case):
    y_true, y_score, weight = draw(4)
    shared = every_case.make()(y_true[0], y_score, sample_weight=weight[0])
    apart = every_case.make()(
        y_true[:1].expand(4, -1), y_score, sample_weight=weight[:1].expand(4, -1)
    )
    assert torch.equal(shared, apart)


def test_one_set_may_come_without_leading_axes(every_case):
    y_true, y_score, weight = draw(1)
    alone = every_case.make()(y_true[0], y_score[0], sample_weight=weight[0])
    together = every_case.make()(y_true, y_score, sample_weight=weight)
    assert alone.shape == ()
    assert torch.allclose(alone, together[0])


def test_weight_two_is_the_row_twice(case):
    y_true, y_score, _ = draw(n=6)
    weight = torch.tensor([1.0, 2, 1, 1, 1, 2])
    twice = [0, 1, 1, 2, 3, 4, 5, 5]
    objective = case.make()
    assert torch.allclose(
        objective(y_true, y_score, sample_weight=weight),
        objective(y_true[twice], y_score[twice]),
    )


def test_weights_may_be_on_any_scale(every_case):
    y_true, y_score, weight = draw(3)
    assert torch.allclose(
        every_case.make()(y_true, y_score, sample_weight=weight),
        every_case.make()(y_true, y_score, sample_weight=100 * weight),
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["32", "64"])
def test_value_and_gradient_have_the_type_of_the_scores(every_case, dtype):
    y_true, y_score, weight = draw(3)
    y_score = y_score.to(dtype).requires_grad_()
    value = every_case.make()(y_true, y_score, sample_weight=weight)
    value.sum().backward()
    assert value.dtype == y_score.grad.dtype == dtype


def test_nothing_is_read_back_from_the_device(case):
    # tensors without data: reading a value raises
    y_true, y_score, weight = (part.to("meta") for part in draw(3))
    value = case.make().to("meta")(
        y_true, y_score.requires_grad_(), sample_weight=weight
    )
    value.sum().backward()
    assert value.device == y_score.grad.device == torch.device("meta")


@pytest.mark.parametrize("one_class", [0, 1])
def test_set_of_one_class_gives_its_documented_value_and_a_finite_gradient(
    every_case, one_class
):
    y_true, y_score = torch.full((2, 5), one_class), torch.zeros(2, 5).double()
    value = every_case.make()(y_true, y_score.requires_grad_())
    value.sum().backward()
    expected = every_case.positives_only if one_class else every_case.negatives_only
    if expected is not None:
        assert value.tolist() == pytest.approx([expected] * 2)
    assert torch.isfinite(value).all()
    assert torch.isfinite(y_score.grad).all()


@pytest.mark.parametrize("targets", [(0, 1, 0, 1), (0, 0, 0, 0), (1, 1, 1, 1)], ids=str)
@pytest.mark.parametrize(
    "scores",
    [(1e4, -1e4, -1e4, 1e4), (1e4,) * 4, (-1e4,) * 4, (-95.0,) * 4, (0.0,) * 4],
    ids=str,
)
def test_gradient_is_finite_for_extreme_scores(every_case, targets, scores):
    y_score = torch.tensor(scores, requires_grad=True)
    value = every_case.make().float()(torch.tensor(targets), y_score)
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(y_score.grad).all()


@pytest.mark.parametrize("name", EVERY_CASE)
def test_descent_of_free_scores_ends_where_every_row_is_right(name):
    torch.manual_seed(0)
    y_true = torch.tensor([1, 0, 0, 1, 0, 0, 1, 0])
    y_score = (0.1 * torch.randn(8)).requires_grad_()
    objective = EVERY_CASE[name].make()
    optimizer = torch.optim.Adam([y_score, *objective.parameters()], lr=0.05)
    for _ in range(150):
        optimizer.zero_grad()
        objective(y_true, y_score).backward()
        optimizer.step()
    lowest, highest = y_score[y_true == 1].min(), y_score[y_true == 0].max()
    assert lowest > highest
    if not name.startswith(("pairwise", "global", "evolution")):
        assert lowest > 0 > highest


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: PairwiseRanking(kind="cubic"), "kind"),
        (lambda: AnyLoss("f2"), "metric"),
        (lambda: GlobalObjective("f1"), "target"),
        (lambda: GlobalObjective("auc_pr", surrogate="cubic"), "surrogate"),
    ],
    ids=["kind", "metric", "target", "surrogate"],
)
def test_unknown_choice_is_an_error_that_lists_the_known(make, name, monkeypatch):
    # as for a user, whose types are not checked
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    with pytest.raises(ValueError, match=rf"`{name}` must be one of \(.*\), got '"):
        make()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CostSensitive(pos_weight=0.0), "`pos_weight` must be a positive"),
        (lambda: Focal(gamma=-0.5), "`gamma` must be a number of at least 0"),
        (lambda: Focal(alpha=1.5), r"`alpha` must be in \[0, 1\] or None"),
        (lambda: SoftF1(slope=0.0), "`slope` must be a positive number"),
        (lambda: AnyLoss("f1", amplification=-1.0), "`amplification` must be a pos"),
        (lambda: GlobalObjective("auc_pr", n_anchors=0), "`n_anchors` must be at le"),
    ],
    ids=["pos_weight", "gamma", "alpha", "slope", "amplification", "anchors"],
)
def test_setting_out_of_range_is_an_error_that_says_what_to_do(make, message):
    with pytest.raises(ValueError, match=message + r".* got .*\. .+"):
        make()
