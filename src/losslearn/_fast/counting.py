"""Sums over the rows of sets in the order of their scores, by one compiled call.

Each function here stands for one of `losslearn.metrics`, which it is given as `part`
and calls where nothing is compiled.
"""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from losslearn._fast.kernels import can_compile

if TYPE_CHECKING:
    from losslearn._fast.kernels.counting import SortedSets

_Sets = tuple[Tensor, Tensor, Tensor | None, Mapping[str, Tensor]]
"""Targets, scores, weights and columns, which are not looked at."""

_NO_WEIGHT = np.empty((0, 0), np.float32)


def faster(part: Callable[..., Any]) -> Callable[..., Any]:
    """Return the compiled form of a count, `part` itself where nothing is compiled."""
    compiled = {
        "weight_above": _weight_above,
        "misranked_share": _misranked_share,
    }[part.__name__]

    @wraps(part)
    def either(sets: _Sets) -> Any:  # noqa: ANN401 - what the part returns
        target, score, weight, _ = sets
        kinds = (torch.float32, torch.float64)
        if score.numel() == 0 or not can_compile(score, dtypes=kinds):
            return part(sets)
        shape, by_set = score.shape, (-1, score.shape[-1])
        scores = score.detach().numpy().reshape(by_set)
        targets = target.long().expand(shape).numpy().reshape(by_set)
        weights = _NO_WEIGHT
        if weight is not None:
            weights = weight.detach().expand(shape).numpy().reshape(by_set)
        order = scores.argsort(axis=-1)
        return compiled((scores, order, targets, weights), shape[:-1])

    return either


def _weight_above(sets: "SortedSets", outer: torch.Size) -> tuple[Tensor, ...]:
    from losslearn._fast.kernels.counting import count_above

    above, undefined = count_above(sets)
    tp, fp = above.reshape(2, *outer, -1)
    counts = (tp, fp, tp[..., -1:], fp[..., -1:], undefined.reshape(outer))
    return tuple(map(torch.from_numpy, counts))


def _misranked_share(sets: "SortedSets", outer: torch.Size) -> Tensor:
    from losslearn._fast.kernels.counting import misranked_share

    return torch.from_numpy(misranked_share(sets).reshape(outer))
