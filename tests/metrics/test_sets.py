"""Sets, and who sees the places that nothing fills."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from metric_cases import LabelledSet, labelled_sets, random_sets

from losslearn.metrics import Sets, TrueLoss, as_true_loss, declare_metric
from losslearn.metrics.sets import over_present


def padded(sets: Sets, n_absent: list[int], columns: dict | None = None) -> Sets:
    """Sets of unequal length: the last rows of each are absent, and hold nonsense."""
    place = torch.arange(sets.score.shape[-1])
    is_there = place < place.numel() - torch.tensor(n_absent)[:, None]
    return Sets(
        torch.where(is_there, sets.target, 1),
        torch.where(is_there, sets.score, 1e6),
        is_there.double(),
        {name: v.where(is_there, -1e6) for name, v in (columns or {}).items()},
    )


def test_picked_takes_what_each_set_has_and_leaves_what_all_have():
    sets = random_sets(4, 4)._replace(columns={"own": torch.rand(4, 4)})
    some = torch.tensor([2, 0])
    for weight in (None, torch.rand(4), torch.rand(1, 4)):
        of_all = {"all": torch.rand(4), **sets.columns}
        found = sets._replace(weight=weight, columns=of_all).picked(some)
        assert torch.equal(found.target, sets.target[some])
        assert torch.equal(found.score, sets.score[some])
        assert found.weight is weight
        assert torch.equal(found.columns["own"], sets.columns["own"][some])
        assert found.columns["all"] is of_all["all"]
    weight = torch.rand(4, 4)
    of_each = sets._replace(weight=weight)
    assert torch.equal(of_each.picked(slice(1, 3)).weight, weight[1:3])
    mask = torch.tensor([True, False, False, True])
    assert torch.equal(of_each.picked(mask).weight, weight[mask])


def test_present_keeps_only_whether_a_row_is_there():
    sets = Sets(torch.tensor([0, 1, 1]), torch.rand(3))
    assert sets.present() is sets
    weighted = sets._replace(weight=torch.tensor([0.3, 0.0, 2.0]))
    assert weighted.present().weight.tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("target", "score", "weight", "shape"),
    [
        ((5,), (5,), None, (5,)),
        ((2, 5), (2, 5), (5,), (2, 5)),
        ((2, 5), (2, 5, 3), None, (2, 5)),  # classes
        ((2, 5, 2), (2, 5), (2, 5), (2, 5)),  # times and events
        ((4, 5, 2), (4, 5, 2), (4, 5), (4, 5)),
    ],
)
def test_shape_is_that_of_the_rows(target, score, weight, shape):
    weight = None if weight is None else torch.ones(weight)
    assert Sets(torch.ones(target), torch.ones(score), weight).shape == shape


def test_absent_rows_are_left_out_whatever_a_row_holds():
    score = torch.rand(3, 5, 2)
    weight = torch.tensor([[1.0, 1, 1, 1, 1], [1, 0, 1, 0, 0.5], [0, 0, 0, 0, 0]])
    seen = []

    def total(sets: Sets) -> torch.Tensor:
        seen.append(sets.shape)
        return sets.score.sum((-1, -2))

    found = over_present(total, Sets(score, score, weight))
    expected = (score * (weight > 0)[..., None]).sum((-1, -2))
    torch.testing.assert_close(found[:2], expected[:2])
    assert found[2].isnan()
    assert seen == [(1, 5), (1, 3)]  # whole sets together, each other by itself


@declare_metric(greater_is_better=True, batched=True)
def gain_of_many(y_true, y_score, *, amount):
    assert amount.min() >= 0
    return (y_true * amount * np.tanh(y_score)).mean(-1)


@declare_metric(greater_is_better=True)
def gain(y_true, y_score, *, amount):
    return float(gain_of_many(y_true, y_score, amount=amount))


@declare_metric(greater_is_better=True)
def weighted_gain(y_true, y_score, *, amount, sample_weight=None):
    if sample_weight is not None:
        assert sample_weight.min() > 0
    return gain(y_true, y_score, amount=amount)


@declare_metric(greater_is_better=True)
def gain_of_labels(y_true, y_pred, *, amount):
    return gain(y_true, y_pred, amount=amount)


@pytest.mark.parametrize("metric", [gain_of_many, gain, weighted_gain, gain_of_labels])
def test_a_function_of_ones_own_never_sees_an_absent_row(metric):
    loss = as_true_loss(metric)
    full = random_sets(4, 12)
    n_absent = [0, 3, 8, 0]
    columns = {"amount": torch.rand(4, 12).double()}
    sets = padded(full, n_absent, columns)
    forms = [loss, loss.with_threshold(0.5)] if loss.needs_threshold else [loss]
    for form in forms:
        found = form(sets)
        for i, absent in enumerate(n_absent):
            rows = (i, slice(12 - absent))
            amount = {"amount": columns["amount"][rows]}
            alone = form(Sets(full.target[rows], full.score[rows], columns=amount))
            assert found[i] == alone
    one_set = Sets(*(t[1] for t in sets[:3]), {"amount": sets.columns["amount"][1]})
    assert loss(one_set) == loss(sets)[1]


def test_a_loss_without_weights_takes_ones_and_refuses_the_rest():
    calls = []

    def length(_, y_score):
        calls.append(y_score.shape)
        return y_score.sum(-1)

    loss = TrueLoss(name="odd", description="", function=length, takes_weight=False)
    sets = random_sets(3, 8)
    for weight in (torch.ones(3, 8), torch.ones(8), torch.ones(1, 8)):
        assert torch.equal(loss(sets._replace(weight=weight)), loss(sets))
    assert set(calls) == {(3, 8)}
    for wrong in (0.5, 2.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="`odd` does not take weights"):
            loss(sets._replace(weight=torch.tensor([1.0] * 7 + [wrong])))


@settings(max_examples=50)
@given(case=labelled_sets(weighted=False), data=st.data())
def test_rows_left_out_of_a_loss_without_weights_change_nothing(case, data):
    extra = data.draw(labelled_sets(weighted=False, max_size=8))
    long = LabelledSet(
        np.concatenate([case.y_true, extra.y_true]),
        np.concatenate([case.y_score, extra.y_score]),
        np.repeat([1.0, 0.0], [len(case.y_true), len(extra.y_true)]),
    )

    def spread(y_true, y_score):
        return float(np.std(y_score) + y_true.mean())

    loss = as_true_loss(spread, greater_is_better=False)
    assert loss(long.sets()) == loss(case.sets())
