"""Weights in the confusion matrix, of all rows and of each group of them."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from losslearn.metrics.confusion import at_threshold
from losslearn.metrics.cut_points import (
    Confusion,
    cut_points,
    split_weight,
    summed_above,
    undefined_sets,
)
from losslearn.metrics.sets import Sets

MAX_GROUPS = 50
"""Groups that are compared; with more, too few rows of a set are in each."""
_ROWS = 2**22
"""Rows of groups counted at a time."""


class Counts(NamedTuple):
    """Confusion matrices of sets, at one cut point or at many."""

    whole: Confusion
    """`[*sets, cuts]`; without the last axis at one cut point."""
    groups: dict[str, Confusion]
    """By the column that says which group a row is in: `[groups, *sets, cuts]`."""


def counts_at_cut_points(sets: Sets, columns: Sequence[str]) -> Counts:
    """Count at every cut point, by one sort; ties are called together."""
    if not columns:
        return Counts(cut_points(sets), {})
    score, order = sets.score.sort(dim=-1, descending=True)
    weight, groups = split_weight(sets), {}
    for name in columns:
        own = weight.unsqueeze(1) * _members(sets, name)
        tp, fp = summed_above(own, score, order).unbind(0)
        groups[name] = Confusion(
            tp, fp, tp[..., -1:], fp[..., -1:], torch.zeros_like(tp[..., 0])
        )
    tp, fp = summed_above(weight, score, order).unbind(0)
    n_pos, n_neg = tp[..., -1:], fp[..., -1:]
    undefined = undefined_sets(n_pos[..., 0], n_neg[..., 0], score[..., 0])
    return Counts(Confusion(tp, fp, n_pos, n_neg, undefined), groups)


def counts_at(threshold: float | int, sets: Sets, columns: Sequence[str]) -> Counts:
    """Count with the rows called positive whose score reaches a threshold."""
    groups, is_called = {}, sets.score >= threshold
    for name in columns:
        own = split_weight(sets).unsqueeze(1) * _members(sets, name)
        n_pos, n_neg = own.sum(-1).unbind(0)
        tp, fp = (own * is_called).sum(-1).unbind(0)
        groups[name] = Confusion(tp, fp, n_pos, n_neg, torch.zeros_like(tp))
    return Counts(at_threshold(threshold, sets), groups)


def in_blocks(sets: Sets, columns: Sequence[str]) -> Iterator[Sets]:
    """Yield the sets, `[some, n]`, so many at a time as memory bears."""
    n = sets.score.shape[-1]
    flat = Sets(
        sets.target.expand_as(sets.score).reshape(-1, n),
        sets.score.reshape(-1, n),
        None if sets.weight is None else _flat(sets.weight, sets.score),
        {name: _flat(sets.columns[name], sets.score) for name in columns},
    )
    most = max((len(column.unique()) for column in flat.columns.values()), default=1)
    for begin in range(0, len(flat.score), step := max(_ROWS // (n * most), 1)):
        yield flat.picked(slice(begin, begin + step))


def _flat(values: Tensor, score: Tensor) -> Tensor:
    return values.expand_as(score).reshape(-1, score.shape[-1])


def _members(sets: Sets, name: str) -> Tensor:
    """Return which rows are in each group, `[groups, *sets, n]`."""
    column = sets.columns[name]
    values = column.unique()
    if len(values) > MAX_GROUPS:
        raise ValueError(
            f"The column `{name}` has {len(values):,} different values, and a "
            f"constraint compares {MAX_GROUPS} groups at most. Put the values into "
            "fewer groups."
        )
    shape = (-1, *[1] * sets.score.ndim)
    return column.expand_as(sets.score) == values.reshape(shape)
