"""Sums over the rows of sets in the order of their scores, by one compiled call."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from losslearn._fast.kernels import can_compile

_KINDS = (torch.float32, torch.float64)
_NO_WEIGHTS = np.empty((0, 0), np.float32)


def faster(part: Callable[..., Any]) -> Callable[..., Any]:
    """Return the compiled form of a count, `part` itself where nothing is compiled."""
    name = part.__name__

    @wraps(part)
    def either(sets: Any) -> Any:  # noqa: ANN401 - what the part takes and returns
        target, score, weight, _ = sets
        if score.numel() == 0 or not can_compile(score, dtypes=_KINDS):
            return part(sets)
        from losslearn._fast.kernels import counting

        shape = score.shape
        by_set = (-1, shape[-1])
        scores = score.detach().numpy().reshape(by_set)
        targets = target.long().expand(shape).numpy().reshape(by_set)
        weights = _NO_WEIGHTS
        if weight is not None:
            weights = weight.detach().expand(shape).numpy().reshape(by_set)
        found = getattr(counting, name)((scores, scores.argsort(-1), targets, weights))
        if isinstance(found, tuple):
            return tuple(_by_set(values, shape) for values in found)
        return _by_set(found, shape)

    return either


def _by_set(values: NDArray[np.float64], shape: torch.Size) -> Tensor:
    """Return values of sets by the axes that the sets have."""
    return torch.from_numpy(values.reshape(shape[:-1] + values.shape[1:]))
