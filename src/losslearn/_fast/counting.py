"""Sums over the rows of sets in the order of their scores, by one compiled call.

Each function here stands for one of `losslearn.metrics`, which it is given as `part`
and calls where nothing is compiled.
"""

from collections.abc import Callable
from functools import cache, wraps
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Integer
from numpy.typing import NDArray
from torch import Tensor

from losslearn._fast.kernels import can_compile


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


@cache
def faster(part: Callable[..., Any]) -> Callable[..., Any]:
    """Return the compiled form of a count, `part` itself where nothing is compiled."""
    compiled = {
        "weight_above": _weight_above,
        "misranked_share": _misranked_share,
    }[part.__name__]

    @wraps(part)
    def either(
        y_true: Integer[Tensor, "*sets n"],
        y_score: Float[Tensor, "*sets n"],
        *,
        sample_weight: Float[Tensor, "*#sets n"] | None = None,
    ) -> Any:  # noqa: ANN401 - what the part returns
        kinds = (torch.float32, torch.float64)
        if y_score.numel() == 0 or not can_compile(y_score, dtypes=kinds):
            return part(y_true, y_score, sample_weight=sample_weight)
        sets = _sorted(y_true, y_score, sample_weight)
        return compiled(sets, y_score.shape[:-1])

    return either


def _sorted(
    y_true: Tensor, y_score: Tensor, sample_weight: Tensor | None
) -> _SortedSets:
    """Return the sets with their rows in order."""
    n = y_score.shape[-1]
    score = y_score.detach().numpy().reshape(-1, n)
    rows = y_true.long().expand(y_score.shape).numpy().reshape(-1, n)
    weight = _NO_WEIGHT
    if sample_weight is not None:
        weight = sample_weight.detach().expand(y_score.shape).numpy().reshape(-1, n)
    return _SortedSets(score, score.argsort(axis=-1), rows, weight)


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
