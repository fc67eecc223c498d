"""A start for a metric too dear to fit one for: that of the nearest built-in loss."""

from typing import NamedTuple

import torch
from torch import Generator, Tensor

from losslearn.metrics import TrueLoss, list_true_losses
from losslearn.surrogate.universal.fit import Problem

N_SETS = 32
"""Sets that the values are compared on, if there is time for so many."""
_LEAST = 8
"""Fewer tell nothing."""
_NEAR = 0.8
"""Share of the metric's variance that the values of a built-in loss must explain."""


class Nearest(NamedTuple):
    """A built-in loss whose values, moved and stretched, are nearly the metric's."""

    loss: TrueLoss
    shift: float
    scale: float
    """Above 0: the metric is `shift + scale * loss`."""


def nearest_loss(problem: Problem, n_sets: int) -> tuple[Nearest | None, Tensor]:
    """Return the built-in loss nearest to a metric, and the metric's values.

    By least squares over generated sets. None where no loss is near, seen in the same
    way (standardised or not, with the same columns) as the metric, or where the sets
    are too few to tell.
    """
    sets, values = problem.draw(n_sets, 256, Generator().manual_seed(0))
    values = values.double()
    if len(values) < _LEAST or problem.true_loss.columns or not values.var() > 0:
        return None, values
    best, found = _NEAR, None
    for loss, _ in list_true_losses().values():
        if problem.true_loss.framed:
            loss = loss.in_a_frame()
        if (loss.scale_invariant, loss.is_top_heavy) != (
            problem.standardize,
            problem.true_loss.is_top_heavy,
        ):
            continue
        theirs = loss(sets).double()
        centred, own = theirs - theirs.mean(), values - values.mean()
        slope = float((centred * own).sum() / centred.square().sum().clamp_min(1e-12))
        explained = 1 - float(
            (own - slope * centred).square().sum() / own.square().sum()
        )
        if slope > 0 and explained > best:
            shift = float(values.mean() - slope * theirs.mean())
            best, found = explained, Nearest(loss, shift, slope)
    return found, values


def moved(state: dict[str, Tensor], near: Nearest) -> dict[str, Tensor]:
    """Return the weights of a built-in loss's surrogate, in units of the metric."""
    shift, scale = state["loss_shift"], state["loss_scale"]
    return {
        **state,
        "loss_shift": near.shift + near.scale * shift,
        "loss_scale": torch.as_tensor(near.scale, dtype=scale.dtype) * scale,
    }
