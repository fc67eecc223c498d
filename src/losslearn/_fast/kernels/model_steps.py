"""Scores and steps of the prediction model, each in one compiled call.

What all of them take alike:

* `alpha`, `grad`, `exp_avg`, `exp_avg_sq`: the parameters in one buffer, their gradient
  (written), and Adam's moments; `lr` and `max_grad_norm`, infinite for no clipping;
* `widths`: features, then the units of each layer, the last of which is 1;
* `running`: BatchNorm's running means and variances, `[2, units]`, which move;
* `rate`: of dropout;
* `x`, `mean`, `inverse`: the table, `[rows, features]`, and of each feature its mean
  and one over its deviation, 0 for a constant one;
* `table`, `outs`, `normals`, `masks`, `inverses`: what the way forward leaves for the
  way back, in room that is made once: the standardised rows, `[n, features]`; each
  block's output, the normalised activations, and dropout's and LeakyReLU's factors,
  `[units, n]` each; one over BatchNorm's deviations, `[units]`.
"""

import numpy as np
from numba import float32
from numpy.typing import NDArray

from losslearn._fast.kernels.arithmetic import Matrix, Vector, adam_step, compiled
from losslearn._fast.kernels.feed_forward import backward, forward
from losslearn._fast.kernels.rows import Rows, gather, score_linear
from losslearn._fast.kernels.set_network import (
    Sizes,
    blend_cross_entropy,
    value_and_slope,
)


@compiled
def score_rows(
    alpha: Vector,
    widths: Sizes,
    running: Matrix,
    rate: float,
    x: Matrix,
    rows: Rows,
    mean: Vector,
    inverse: Vector,
    seed: int,
) -> Vector:
    """Return the scores of some rows in training mode; BatchNorm's averages move.

    Of its own:
        rows: Which of its rows.
        seed: Of dropout.
    """
    if len(widths) == 2:
        return score_linear(alpha, x, rows, mean, inverse)
    n, units = len(rows), widths[1:-1].sum()
    table = np.empty((n, x.shape[1]), np.float32)
    gather(x, rows, mean, inverse, table)
    outs = np.empty((units, n), np.float32)
    normals, masks = np.empty((1, n), np.float32), np.empty((1, n), np.float32)
    inverses = np.empty(units, np.float32)
    return forward(
        alpha, widths, table, running, outs, normals, masks, inverses, rate, seed
    )


@compiled
def forward_step(
    alpha: Vector,
    widths: Sizes,
    running: Matrix,
    rate: float,
    x: Matrix,
    rows: Rows,
    mean: Vector,
    inverse: Vector,
    seed: int,
    table: Matrix,
    outs: Matrix,
    normals: Matrix,
    masks: Matrix,
    inverses: Vector,
) -> Vector:
    """Return the scores of a set in training mode, and write what the way back needs.

    Of its own:
        rows: Which of its rows.
        seed: Of dropout.
    """
    gather(x, rows, mean, inverse, table)
    return forward(
        alpha, widths, table, running, outs, normals, masks, inverses, rate, seed
    )


@compiled
def backward_step(
    alpha: Vector,
    grad: Vector,
    exp_avg: Vector,
    exp_avg_sq: Vector,
    step: int,
    lr: float,
    max_grad_norm: float,
    widths: Sizes,
    rate: float,
    table: Matrix,
    outs: Matrix,
    normals: Matrix,
    masks: Matrix,
    inverses: Vector,
    slope: Matrix,
) -> None:
    """Take one Adam step, from the objective's gradient for the scores.

    Of its own:
        step: Number of this step, from 1.
        slope: Gradient for the scores, shape `[1, n]`.
    """
    backward(alpha, widths, table, outs, normals, masks, inverses, rate, slope, grad)
    adam_step(alpha, grad, exp_avg, exp_avg_sq, step, lr, max_grad_norm)


@compiled
def model_steps(
    alpha: Vector,
    grad: Vector,
    exp_avg: Vector,
    exp_avg_sq: Vector,
    done: int,
    lr: float,
    max_grad_norm: float,
    widths: Sizes,
    running: Matrix,
    rate: float,
    x: Matrix,
    rows: NDArray[np.int64],
    mean: Vector,
    inverse: Vector,
    seed: int,
    table: Matrix,
    outs: Matrix,
    normals: Matrix,
    masks: Matrix,
    inverses: Vector,
    y: Matrix,
    share: Matrix,
    beta: Vector,
    sizes: Sizes,
    standardize: bool,
    learned_weight: float,
    cross_entropy_weight: float,
) -> None:
    """Take one Adam step down the learned objective for each set of rows.

    Of its own:
        done: Steps taken before.
        rows: Row numbers of each step's set, shape `[steps, n]`.
        seed: Of dropout; a step of its own adds `len(widths)` to it.
        y: Targets of each step's set as numbers, shape `[steps, n]`.
        share: Weights, of sum 1, shape `[steps, n]`, or `[1, n]` for all steps.
        beta: Parameters of the surrogate; of size 0 for cross-entropy alone.
        sizes: Widths of the surrogate's layers.
        standardize: Whether the surrogate standardises scores.
        learned_weight: Weight of the surrogate.
        cross_entropy_weight: Weight of cross-entropy.
    """
    slope, value = np.empty((1, rows.shape[1]), np.float32), np.empty(1, np.float32)
    for step in range(len(rows)):
        own_seed = seed + step * len(widths)
        gather(x, rows[step], mean, inverse, table)
        score = forward(
            alpha,
            widths,
            table,
            running,
            outs,
            normals,
            masks,
            inverses,
            rate,
            own_seed,
        ).reshape(1, -1)
        slope[:] = float32(0.0)
        target = y[step : step + 1]
        own_share = share[step : step + 1] if len(share) > 1 else share
        if beta.size > 0:
            value_and_slope(
                beta, sizes, target, score, own_share, standardize, value, slope
            )
        if learned_weight != 1 or cross_entropy_weight != 0:
            blend_cross_entropy(
                learned_weight,
                cross_entropy_weight,
                target,
                score,
                own_share,
                value,
                slope,
            )
        backward(
            alpha, widths, table, outs, normals, masks, inverses, rate, slope, grad
        )
        adam_step(alpha, grad, exp_avg, exp_avg_sq, done + step + 1, lr, max_grad_norm)
