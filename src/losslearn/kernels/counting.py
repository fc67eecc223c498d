"""Weighted counts above every cut point of a set, compiled."""

import numpy as np
from numpy.typing import NDArray

from losslearn.kernels.arithmetic import compiled_exactly

Doubles = NDArray[np.float64]


@compiled_exactly
def count_above(
    score: NDArray[np.floating],
    order: NDArray[np.int64],
    y_true: NDArray[np.int64],
    weight: NDArray[np.floating],
    above: Doubles,
    undefined: Doubles,
) -> None:
    """Write the counts at n + 1 cut points, tied rows together.

    Args:
        score: Scores by row, shape `[sets, n]`.
        order: Rows from the lowest score on, NaN last, shape `[sets, n]`.
        y_true: Targets by row, 0 or 1, shape `[sets, n]`.
        weight: Weights by row, shape `[sets, n]`; of size 0 where all are 1.
        above: Written; weight of positive and of negative rows above each cut point,
            shape `[2, sets, n + 1]`.
        undefined: Written; NaN for a set of one class or with a NaN score, else 0.
    """
    n_sets, n = score.shape
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
