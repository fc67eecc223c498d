"""Sums over the rows of sets in the order of their scores, by one compiled call.

Each function here stands for one of `losslearn.metrics`, which it is given as `part`
and calls where nothing is compiled.
"""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from losslearn._fast.kernels import can_compile

_Sets = tuple[Tensor, Tensor, Tensor | None, Mapping[str, Tensor]]
"""Targets, scores, weights and columns, which are not looked at."""


class _SortedSets(NamedTuple):
    """Sets as arrays, as the kernels take them."""

    score: NDArray[np.floating]
    """Scores by row, shape `[sets, n]`."""
    order: NDArray[np.int64]
    """Rows from the lowest score on, NaN last, shape `[sets, n]`."""
    y_true: NDArray[np.int64]
    """Targets by row, shape `[sets, n]`."""
    weight: NDArray[np.floating]
    """Weights by row, shape `[sets, n]`; of size 0 where all are 1."""


def faster(part: Callable[..., Any]) -> Callable[..., Any]:
    """Return the compiled form of a count, `part` itself where nothing is compiled."""
    compiled = {
        "weight_above": _weight_above,
        "misranked_share": _misranked_share,
    }[part.__name__]

    @wraps(part)
    def either(sets: _Sets) -> Any:  # noqa: ANN401 - what the part returns
        kinds = (torch.float32, torch.float64)
        if sets[1].numel() == 0 or not can_compile(sets[1], dtypes=kinds):
            return part(sets)
        return compiled(_sorted(*sets[:3]), sets[1].shape[:-1])

    return either


def _sorted(target: Tensor, score: Tensor, weight: Tensor | None) -> _SortedSets:
    """Return the sets with their rows in order."""
    shape, n = score.shape, score.shape[-1]
    scores = score.detach().numpy().reshape(-1, n)
    targets = target.long().expand(shape).numpy().reshape(-1, n)
    weights = _NO_WEIGHT
    if weight is not None:
        weights = weight.detach().expand(shape).numpy().reshape(-1, n)
    return _SortedSets(scores, scores.argsort(axis=-1), targets, weights)


def _weight_above(sets: _SortedSets, outer: torch.Size) -> tuple[Tensor, ...]:
    from losslearn._fast.kernels.counting import count_above

    n_sets, n = sets.score.shape
    above, undefined = np.empty((2, n_sets, n + 1)), np.empty(n_sets)
    count_above(*sets, above, undefined)
    tp, fp = above.reshape(2, *outer, n + 1)
    counts = (tp, fp, tp[..., -1:], fp[..., -1:], undefined.reshape(outer))
    return tuple(map(torch.from_numpy, counts))


def _misranked_share(sets: _SortedSets, outer: torch.Size) -> Tensor:
    from losslearn._fast.kernels.counting import misranked_share

    share = np.empty(len(sets.score))
    misranked_share(*sets, share)
    return torch.from_numpy(share.reshape(outer))


_NO_WEIGHT = np.empty((0, 0), np.float32)
