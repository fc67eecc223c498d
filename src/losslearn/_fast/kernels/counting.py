"""Weighted counts of a set's rows in the order of their scores, compiled.

Each kernel returns what the function of `losslearn.metrics` does that has its name.
"""

import numpy as np
from numpy.typing import NDArray

from losslearn._fast.kernels.arithmetic import compiled_exactly

Doubles = NDArray[np.float64]
SortedSets = tuple[
    NDArray[np.floating], NDArray[np.int64], NDArray[np.int64], NDArray[np.floating]
]
"""All `[sets, n]`: scores by row; rows from the lowest score on, NaN last; targets by
row, 0 or 1; weights by row, of size 0 where all are 1."""


@compiled_exactly
def weight_above(sets: SortedSets) -> tuple[Doubles, ...]:
    """Return what a `Confusion` holds at every cut point, tied rows together."""
    score, order, y_true, weight = sets
    n_sets, n = score.shape
    above, undefined = np.empty((2, n_sets, n + 1)), np.empty(n_sets)
    for s in range(n_sets):
        tp, fp = 0.0, 0.0
        above[0, s, 0], above[1, s, 0] = tp, fp
        for i in range(n):
            row = order[s, n - 1 - i]
            own = 1.0 if weight.size == 0 else float(weight[s, row])
            if y_true[s, row] == 1:
                tp += own
            else:
                fp += own
            above[0, s, i + 1], above[1, s, i + 1] = tp, fp
        for i in range(n - 1, 0, -1):
            if score[s, order[s, n - i]] == score[s, order[s, n - 1 - i]]:
                above[0, s, i], above[1, s, i] = above[0, s, i + 1], above[1, s, i + 1]
        top = score[s, order[s, n - 1]]
        undefined[s] = 0.0 if tp > 0 and fp > 0 and top == top else np.nan
    return above[0], above[1], above[0, :, n:], above[1, :, n:], undefined


@compiled_exactly
def misranked_share(sets: SortedSets) -> Doubles:
    """Return the share of (positive, negative) pairs in wrong order, ties as half."""
    score, order, y_true, weight = sets
    n_sets, n = score.shape
    share = np.empty(n_sets)
    for s in range(n_sets):
        wrong, pos, neg = 0.0, 0.0, 0.0  # pos, neg: below the rows tied at present
        tied_pos, tied_neg = 0.0, 0.0
        for i in range(n):
            row = order[s, i]
            own = 1.0 if weight.size == 0 else float(weight[s, row])
            if y_true[s, row] == 1:
                tied_pos += own
            else:
                tied_neg += own
            if i == n - 1 or score[s, order[s, i + 1]] != score[s, row]:
                wrong += tied_neg * (pos + tied_pos / 2)
                pos, neg = pos + tied_pos, neg + tied_neg
                tied_pos, tied_neg = 0.0, 0.0
        top = score[s, order[s, n - 1]]
        is_defined = pos > 0 and neg > 0 and top == top
        # the sums round, so a share of all pairs may end above 1
        share[s] = min(wrong / (pos * neg), 1.0) if is_defined else np.nan
    return share
