"""In which unit a loss counts that is judged in a frame: its spread at the best one."""

import torch
from torch import Tensor

from losslearn.metrics import Sets
from losslearn.surrogate.network import SetSurrogate

_MOVES = torch.linspace(-2.0, 2.0, 17)
"""Of the frame's centre, in deviations of the scores."""


@torch.no_grad()
def lowest_over_frames(surrogate: SetSurrogate, sets: Sets) -> Tensor:
    """Return the lowest learned loss of each set over moves of its frame, no call."""
    moves = _MOVES.to(sets.score.dtype)
    found = [surrogate(sets._replace(score=sets.score - move)) for move in moves]
    return torch.stack(found).amin(0)


@torch.no_grad()
def set_units(surrogate: SetSurrogate, values: Tensor) -> None:
    """Take mean and spread of some values as the units of a surrogate, in place.

    What it returns stays as it was.
    """
    if len(values) < 2 or not values.std() > 0:
        return
    shift, scale = values.mean(), values.std()
    ratio = surrogate.loss_scale / scale
    for layer in (surrogate.decoder[-1], surrogate.linear):
        if layer is not None:
            layer.weight.mul_(ratio)  # type: ignore[operator] # both are linear
            layer.bias.mul_(ratio)  # type: ignore[operator]
    last = surrogate.decoder[-1]
    last.bias.add_((surrogate.loss_shift - shift) / scale)  # type: ignore[operator]
    surrogate.loss_shift.copy_(shift)
    surrogate.loss_scale.copy_(scale)
