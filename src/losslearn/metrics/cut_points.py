"""Weighted counts of a set at every cut point, from one sort.

A cut point calls the rows above it positive and the others negative. Every true loss is
a formula of the counts at the cut points, so that what ties and weights mean is settled
here, once.
"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Integer
from torch import Tensor
from torch.nn import functional

from losslearn.kernels import can_compile


class CutPoints(NamedTuple):
    """Counts at the n + 1 cut points of a set, from "nobody" to "everybody" positive.

    Rows with tied scores are called positive together: each position within a tie group
    holds the counts at its end. Repeated positions therefore change neither a minimum
    nor a sum of differences, and no mask is needed.
    """

    true_pos: Float[Tensor, "*sets cuts"]
    """Weight of the positive rows called positive."""
    false_pos: Float[Tensor, "*sets cuts"]
    """Weight of the negative rows called positive."""
    n_pos: Float[Tensor, "*sets 1"]
    """Weight of all positive rows."""
    n_neg: Float[Tensor, "*sets 1"]
    """Weight of all negative rows."""
    undefined: Float[Tensor, "*sets"]
    """0, or NaN for a set of one class or with a NaN score: add it to a loss."""


def count_dtype(y_score: Tensor) -> torch.dtype:
    """Return the type to add up weights in: double, where the device has it."""
    return torch.float32 if y_score.device.type == "mps" else torch.float64


def value_dtype(y_score: Tensor) -> torch.dtype:
    """Return the type of a loss of these scores: theirs, but at least single."""
    return torch.promote_types(y_score.dtype, torch.float32)


def finished(
    loss: Float[Tensor, "*sets"],
    undefined: Float[Tensor, "*sets"],
    y_score: Float[Tensor, "*sets n"],
) -> Float[Tensor, "*sets"]:
    """Return a loss as it is handed out: in [0, 1] despite rounding, or NaN."""
    return (loss + undefined).clamp(0, 1).to(value_dtype(y_score))


def split_weight(
    y_true: Integer[Tensor, "*sets n"],
    y_score: Float[Tensor, "*sets n"],
    sample_weight: Float[Tensor, "*#sets n"] | None,
) -> Float[Tensor, "2 *sets n"]:
    """Return each row's weight as a positive row, then as a negative row."""
    positive = y_true.to(count_dtype(y_score))
    if sample_weight is None:
        return torch.stack([positive, 1 - positive])
    positive = positive * sample_weight
    return torch.stack([positive, sample_weight - positive])


def undefined_sets(
    n_pos: Float[Tensor, "*sets"],
    n_neg: Float[Tensor, "*sets"],
    top_score: Float[Tensor, "*sets"],
) -> Float[Tensor, "*sets"]:
    """Return NaN for the sets of one class, or whose top score is NaN, else 0."""
    defined = (n_pos > 0) & (n_neg > 0) & (top_score == top_score)
    return torch.where(defined, 0.0, torch.nan).to(n_pos.dtype)


def cut_points(
    y_true: Integer[Tensor, "*sets n"],
    y_score: Float[Tensor, "*sets n"],
    *,
    sample_weight: Float[Tensor, "*#sets n"] | None = None,
) -> CutPoints:
    """Count the rows above every cut point of each set.

    Args:
        y_true: Targets, 0 or 1.
        y_score: Scores on any scale; only their order matters.
        sample_weight: Weight of each row, none negative; all 1 if left out.

    Returns:
        The counts at n + 1 cut points; the first calls nobody positive.

    Example:
        >>> counts = cut_points(torch.tensor([0, 1, 1]), torch.tensor([0.1, 0.7, 0.7]))
        >>> counts.true_pos.tolist(), counts.false_pos.tolist()
        ([0.0, 2.0, 2.0, 2.0], [0.0, 0.0, 0.0, 1.0])
    """
    kinds = (torch.float32, torch.float64)
    if y_score.numel() > 0 and can_compile(y_score, dtypes=kinds):
        return _compiled_cut_points(y_true, y_score, sample_weight)
    score, order = y_score.sort(dim=-1, descending=True)
    weight = split_weight(y_true, y_score, sample_weight)
    above = weight.gather(-1, order.expand_as(weight)).cumsum(-1)  # (2, *sets, n)
    # Ties: the last row of a group holds the highest count, so reading from the end
    # of the set, the lowest count seen on a last row is that of the row's own group.
    inside = functional.pad(score[..., 1:] == score[..., :-1], (0, 1))
    above = above.masked_fill(inside, torch.inf).flip(-1).cummin(-1).values.flip(-1)
    true_pos, false_pos = functional.pad(above, (1, 0)).unbind(0)
    n_pos, n_neg = true_pos[..., -1:], false_pos[..., -1:]
    undefined = undefined_sets(n_pos[..., 0], n_neg[..., 0], score[..., 0])
    return CutPoints(true_pos, false_pos, n_pos, n_neg, undefined)


def _compiled_cut_points(
    y_true: Integer[Tensor, "*sets n"],
    y_score: Float[Tensor, "*sets n"],
    sample_weight: Float[Tensor, "*#sets n"] | None,
) -> CutPoints:
    """Return the same as `cut_points` in a few calls."""
    from losslearn.kernels.counting import count_above

    *sets, n = y_score.shape
    score = y_score.detach().numpy().reshape(-1, n)
    rows = y_true.long().expand(y_score.shape).numpy().reshape(-1, n)
    weight = _NO_WEIGHT
    if sample_weight is not None:
        weight = sample_weight.detach().expand(y_score.shape).numpy().reshape(-1, n)
    above = np.empty((2, len(score), n + 1))
    undefined = np.empty(len(score))
    count_above(
        score,
        score.argsort(axis=-1),
        rows,
        weight,
        above,
        undefined,
    )
    true_pos, false_pos = above.reshape(2, *sets, n + 1)
    counts = (true_pos, false_pos, true_pos[..., -1:], false_pos[..., -1:])
    return CutPoints(*map(torch.from_numpy, (*counts, undefined.reshape(sets))))


_NO_WEIGHT = np.empty((0, 0), np.float32)
