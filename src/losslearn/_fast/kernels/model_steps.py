"""Scores and steps of the prediction model, each in one compiled call."""

import numpy as np
from numba import float32

from losslearn._fast.kernels.arithmetic import Adam, Matrix, Vector, adam_step, compiled
from losslearn._fast.kernels.feed_forward import Net, Work, backward, forward
from losslearn._fast.kernels.rows import Rows, Table, score_linear
from losslearn._fast.kernels.set_network import (
    SetNet,
    blend_cross_entropy,
    value_and_slope,
)


@compiled
def score_rows(net: Net, table: Table, rows: Rows, seed: int) -> Vector:
    """Return the same as `forward`, in less room, since nothing goes back."""
    alpha, widths = net[0], net[1]
    if len(widths) == 2:
        return score_linear(alpha, table, rows)
    n, units = len(rows), widths[1:-1].sum()
    work = (
        np.empty((n, widths[0]), np.float32),
        np.empty((units, n), np.float32),
        np.empty((1, n), np.float32),
        np.empty((1, n), np.float32),
        np.empty(units, np.float32),
    )
    return forward(net, table, rows, work, seed)


@compiled
def model_steps(
    adam: Adam,
    done: int,
    net: Net,
    table: Table,
    rows: Rows,
    seed: int,
    work: Work,
    y: Matrix,
    share: Matrix,
    surrogate: SetNet,
    weights: tuple[float, float],
) -> None:
    """Take one Adam step down the learned objective for each set of rows.

    `done` steps were taken before. The seed is the first step's; each further one adds
    the number of layers and one. Rows and targets as numbers, `y`, are `[steps, n]`;
    so are weights of sum 1, `share`, or `[1, n]` for all steps. A surrogate without
    parameters leaves cross-entropy alone; the weights are of the two.
    """
    slope, value = np.empty((1, rows.shape[1]), np.float32), np.empty(1, np.float32)
    for step in range(len(rows)):
        own_seed = seed + step * len(net[1])
        score = forward(net, table, rows[step], work, own_seed).reshape(1, -1)
        slope[:] = float32(0.0)
        own_share = share[step : step + 1] if len(share) > 1 else share
        sets = (y[step : step + 1], score, own_share)
        if surrogate[0].size > 0:
            value_and_slope(surrogate, sets, value, slope)
        if weights[0] != 1 or weights[1] != 0:
            blend_cross_entropy(weights, sets, value, slope)
        backward(net, work, slope, adam[1])
        adam_step(adam, done + step + 1)
