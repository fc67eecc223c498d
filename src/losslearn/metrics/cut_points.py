"""Weighted counts of a set at every cut point, from one sort.

A cut point calls the rows above it positive and the others negative. Built-in losses
are formulas of the counts at the cut points: what ties and weights mean stands here.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

import torch
from jaxtyping import Float, Integer
from torch import Tensor
from torch.nn import functional

from losslearn._fast import fastest
from losslearn.metrics.sets import PerSet, Scores, Sets, value_dtype

_MANY = 2**18
"""Rows of one set from which on memory counts for more than calls."""
_ROWS = 2**16
"""Rows of one large set that are counted at a time."""


class Confusion(NamedTuple):
    """Weights in the confusion matrix, at one cut point or at many.

    At all n + 1 cut points of a set, from "nobody" to "everybody" positive, rows with
    tied scores are called positive together: each position within a tie group holds the
    counts at its end. Repeated positions therefore change neither a minimum nor a sum
    of differences, and no mask is needed.
    """

    tp: Tensor
    """Weight of the positive rows called positive, `[*sets, cuts]`."""
    fp: Tensor
    """Weight of the negative rows called positive, `[*sets, cuts]`."""
    n_pos: Tensor
    """Weight of all positive rows, `[*sets, 1]`."""
    n_neg: Tensor
    """Weight of all negative rows, `[*sets, 1]`."""
    undefined: Tensor
    """0, or NaN for a set of one class or with a NaN score: add it to a loss."""

    @property
    def fn(self) -> Tensor:
        """Weight of the positive rows called negative."""
        return self.n_pos - self.tp

    @property
    def tn(self) -> Tensor:
        """Weight of the negative rows called negative."""
        return self.n_neg - self.fp


def count_dtype(score: Tensor) -> torch.dtype:
    """Return the type to add up weights in: double, where the device has it."""
    return torch.float32 if score.device.type == "mps" else torch.float64


def finished(loss: PerSet, cuts: Confusion, score: Tensor) -> PerSet:
    """Return a loss as it is handed out: in [0, 1] despite rounding, or NaN."""
    return (loss + cuts.undefined).clamp(0, 1).to(value_dtype(score))


def split_weight(sets: Sets) -> Float[Tensor, "2 *sets n"]:
    """Return each row's weight as a positive row, then as a negative row."""
    positive = sets.target.to(count_dtype(sets.score))
    if sets.weight is None:
        return torch.stack([positive, 1 - positive])
    positive = positive * sets.weight
    return torch.stack([positive, sets.weight - positive])


def undefined_sets(n_pos: PerSet, n_neg: PerSet, top_score: PerSet) -> PerSet:
    """Return NaN for the sets of one class, or whose top score is NaN, else 0."""
    defined = (n_pos > 0) & (n_neg > 0) & (top_score == top_score)
    return torch.where(defined, 0.0, torch.nan).to(n_pos.dtype)


def is_large(sets: Sets) -> bool:
    """Return whether these are so many rows of one set that they are taken in parts."""
    return sets.score.ndim == 1 and len(sets.score) > _MANY


def cut_points(sets: Sets) -> Confusion:
    """Count the rows above each of n + 1 cut points, the first of which has none."""
    return Confusion(*fastest(weight_above)(sets))


def weight_above(sets: Sets) -> tuple[Tensor, ...]:
    """Return what `Confusion` holds at every cut point, as a plain tuple."""
    score, order = sets.score.sort(dim=-1, descending=True)
    tp, fp = summed_above(split_weight(sets), score, order).unbind(0)
    n_pos, n_neg = tp[..., -1:], fp[..., -1:]
    undefined = undefined_sets(n_pos[..., 0], n_neg[..., 0], score[..., 0])
    return tp, fp, n_pos, n_neg, undefined


def summed_above(
    weight: Float[Tensor, "*kinds n"], score: Scores, order: Integer[Tensor, "*sets n"]
) -> Float[Tensor, "*kinds cuts"]:
    """Return weights of several kinds, `[*kinds, *sets, n]`, summed at cut points.

    Args:
        weight: Of the rows as they come.
        score: Theirs, highest first.
        order: How they come to be so.
    """
    above = weight.gather(-1, order.expand_as(weight)).cumsum(-1)
    # Ties: the last row of a group holds the highest count, so reading from the end
    # of the set, the lowest count seen on a last row is that of the row's own group.
    inside = functional.pad(score[..., 1:] == score[..., :-1], (0, 1))
    above = above.masked_fill(inside, torch.inf).flip(-1).cummin(-1).values.flip(-1)
    return functional.pad(above, (1, 0))


def over_cut_points(
    formula: Callable[[Confusion], Tensor],
    combine: Callable[[Tensor, Tensor], Tensor],
    sets: Sets,
    *,
    per: Callable[[Confusion], Tensor | float] | None = None,
) -> PerSet:
    """Return a loss that is a formula of the cut points, of many rows part by part.

    Args:
        formula: Takes cut points and returns one value per set.
        combine: Makes one of the values of two neighbouring parts, which share one cut
            point, so that sums over the segments between cut points add up.
        sets: Of targets 0 or 1 and scores on any scale, of which the order counts.
        per: What the value is divided by, if by anything, of the sets' totals.
    """
    parts = _in_parts(sets)
    cuts = next(parts)
    value = formula(cuts)
    for cuts in parts:
        value = combine(value, formula(cuts))
    return finished(value if per is None else value / per(cuts), cuts, sets.score)


def _in_parts(sets: Sets) -> Iterator[Confusion]:
    """Yield all cut points; of many rows in parts that share their ends."""
    if not is_large(sets):
        yield cut_points(sets)
        return
    for (_, before), (_, cuts) in pairwise(distinct_cut_points(sets)):
        yield cuts._replace(
            tp=torch.cat([before.tp[-1:], cuts.tp]),
            fp=torch.cat([before.fp[-1:], cuts.fp]),
        )


def distinct_cut_points(
    rows: Sets,
) -> Iterator[tuple[Float[Tensor, " cuts"], Confusion]]:
    """Yield the m + 1 cut points that m distinct scores of one set make.

    Each comes once, from "nobody" to "everybody", after the lowest score that it calls
    positive, infinite where it is nobody's. They come some at a time, at least one:
    beside the order of the rows no memory grows with them.
    """
    y_score = rows.score
    order = _highest_first(y_score)

    def counts_of(some: Tensor) -> Tensor:
        weight = None if rows.weight is None else rows.weight[some]
        return split_weight(Sets(rows.target[some], y_score[some], weight)).cumsum(-1)

    nobody = torch.zeros(2, 1, dtype=count_dtype(y_score), device=y_score.device)
    everybody = nobody  # added up as the counts are: to the same number of bits
    for some in order.split(_ROWS):
        everybody = everybody + counts_of(some)[:, -1:]
    n_pos, n_neg = everybody
    undefined = undefined_sets(n_pos[0], n_neg[0], y_score.amax(-1))
    cuts = Confusion(nobody[0], nobody[1], n_pos, n_neg, undefined)
    yield y_score.new_full((1,), torch.inf), cuts
    above = nobody
    for begin in range(0, len(order), _ROWS):
        score = y_score[order[begin : begin + _ROWS + 1]]
        counts = counts_of(order[begin : begin + _ROWS]) + above
        above = counts[:, -1:]
        is_last = score[:-1] != score[1:]  # of the rows with its score
        if begin + _ROWS >= len(order):
            is_last = functional.pad(is_last, (0, 1), value=True)
        if bool(is_last.any()):
            tp, fp = counts[:, is_last]
            yield score[: len(is_last)][is_last], cuts._replace(tp=tp, fp=fp)


def _highest_first(y_score: Float[Tensor, " n"]) -> Integer[Tensor, " n"]:
    """Return the rows by falling score; NumPy needs less memory for it."""
    if y_score.device.type != "cpu":
        return y_score.argsort(descending=True)
    falling = -y_score.detach().to(value_dtype(y_score))  # NumPy has no bfloat16
    return torch.from_numpy(falling.numpy().argsort())
