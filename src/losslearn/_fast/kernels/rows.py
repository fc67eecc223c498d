"""Rows from anywhere in a table, fetched before they are needed."""

import numpy as np
from numba import float32
from numpy.typing import NDArray

from losslearn._fast.kernels.arithmetic import Matrix, Vector, compiled
from losslearn._fast.kernels.prefetching import FLOATS_PER_LINE, prefetch

Rows = NDArray[np.int64]
"""Numbers of rows of a table."""

Table = tuple[Matrix, Vector, Vector]
"""A table, `[rows, features]`; of each feature its mean, and one over its deviation, 0
for a constant one."""

_AHEAD = 8
"""Rows between what is asked for and what is worked on."""


@compiled
def _fetch_ahead(flat: Vector, width: int, rows: Rows, i: int) -> None:
    """Let the row be fetched that is needed some rows after the i-th.

    They lie anywhere in the table, and each would be waited for in turn.
    """
    if i + _AHEAD < len(rows):
        first = rows[i + _AHEAD] * width
        for j in range(0, width, FLOATS_PER_LINE):
            prefetch(flat, first + j)


@compiled
def gather(table: Table, rows: Rows, out: Matrix) -> None:
    """Write standardised rows of a table."""
    x, mean, inverse = table
    flat, n_features = x.reshape(-1), x.shape[1]
    for i in range(len(rows)):
        _fetch_ahead(flat, n_features, rows, i)
        row = rows[i]
        for j in range(n_features):
            out[i, j] = (x[row, j] - mean[j]) * inverse[j]


@compiled
def score_linear(alpha: Vector, table: Table, rows: Rows) -> Vector:
    """Return the linear model's scores, without a copy of the rows."""
    x, mean, inverse = table
    flat, n_features = x.reshape(-1), x.shape[1]
    weight = alpha[:n_features] * inverse
    bias = alpha[n_features]
    for j in range(n_features):
        bias -= weight[j] * mean[j]
    scores = np.empty(len(rows), np.float32)
    for i in range(len(rows)):
        _fetch_ahead(flat, n_features, rows, i)
        row, total = rows[i], float32(0.0)
        for j in range(n_features):
            total += weight[j] * x[row, j]
        scores[i] = total + bias
    return scores
