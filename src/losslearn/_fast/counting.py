"""Sums over the rows of sets in the order of their scores, by one compiled call."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from losslearn._fast.kernels import can_compile


def faster(part: Callable[..., Any]) -> Callable[..., Any]:
    """Return the compiled form of a count, `part` itself where nothing is compiled."""

    @wraps(part)
    def either(sets: Any) -> Any:  # noqa: ANN401 - what the part takes and returns
        target, score, weight, _ = sets
        kinds = (torch.float32, torch.float64)
        if score.numel() == 0 or not can_compile(score, dtypes=kinds):
            return part(sets)
        from losslearn._fast.kernels import counting

        shape, by_set = score.shape, (-1, score.shape[-1])
        scores = score.detach().numpy().reshape(by_set)
        targets = target.long().expand(shape).numpy().reshape(by_set)
        weights = np.empty((0, 0), np.float32)
        if weight is not None:
            weights = weight.detach().expand(shape).numpy().reshape(by_set)

        def tensor(values: NDArray[np.float64]) -> Tensor:
            return torch.from_numpy(values.reshape(shape[:-1] + values.shape[1:]))

        kernel = getattr(counting, part.__name__)
        found = kernel((scores, scores.argsort(axis=-1), targets, weights))
        return tuple(map(tensor, found)) if isinstance(found, tuple) else tensor(found)

    return either
