"""Scores of one model as another's, so that what is decided by them is carried over."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from losslearn.models.rows import Rows

_MOST = 2**16
"""Rows that two models are compared by."""


def some_rows(rows: Rows) -> Rows:
    """Return up to 65,536 rows of those that a model is trained on, evenly spread."""
    numbers = rows.numbers
    if numbers is None:
        numbers = torch.arange(rows.n_rows, device=rows.x.device)
    return rows._replace(numbers=numbers[:: -(-len(numbers) // _MOST)])


def carried(score: Tensor, before: Tensor, after: Tensor) -> Tensor:
    """Return scores of one model as those of another that orders rows much alike.

    A score becomes the one that stands where it stood among the same rows' (quantile
    mapping), so that as many of them are above it. What lies beyond these rows goes on
    in units of their deviations. Where either model tells no rows apart, scores stay.

    Args:
        score: Of the model before, shape `[n, *score]`; each of a row's by itself.
        before: The same model's of the rows to compare by, `[rows, *score]`.
        after: The other model's of those rows.
    """
    columns = (
        one.reshape(len(one), -1).double().cpu().numpy().T
        for one in (score, before, after)
    )
    found = [_carried(*each) for each in zip(*columns, strict=True)]
    return torch.from_numpy(np.stack(found, -1)).reshape(score.shape).to(score)


Floats = NDArray[np.float64]


def _carried(score: Floats, before: Floats, after: Floats) -> Floats:
    scale = after.std() / (before.std() or np.inf)
    if not scale > 0:
        return score
    x, first, count = np.unique(np.sort(before), return_index=True, return_counts=True)
    # of rows that the one model does not tell apart, the other's mean
    y = np.add.reduceat(np.sort(after), first) / count
    beyond = score - score.clip(x[0], x[-1])
    found: Floats = np.interp(score, x, y) + scale * beyond
    return found
