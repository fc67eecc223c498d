"""The paper's prediction model with its gradients, written out by hand and compiled.

Blocks of Linear, LeakyReLU, BatchNorm and Dropout, then a linear output, on
standardised features; without a block it is the linear model. The parameters are those
of `losslearn.models.networks`, in their order, in one buffer. Activations are kept as
`[units, rows]`, so that a unit's rows lie together: BatchNorm's sums and all loops over
elements are then long and vectorise.
"""

import numpy as np
from numba import float32, uint32
from numpy.typing import NDArray

from losslearn._fast.kernels.arithmetic import (
    Matrix,
    Vector,
    adam_step,
    compiled,
    inlined,
)
from losslearn._fast.kernels.rows import Rows, gather, score_linear
from losslearn._fast.kernels.set_network import (
    Sizes,
    blend_cross_entropy,
    value_and_slope,
)

MOMENTUM, BATCH_NORM_EPS, NEGATIVE_SLOPE = 0.1, 1e-5, 0.01
"""PyTorch's defaults, which the built-in models have."""


@inlined
def keep(seed, place, rate):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201 - compiled
    """Return 1 / (1 - rate) with that probability, else 0.

    A hash of seed and place (Wellons, "lowbias32"), so that the mask is a function of
    the two and no state is carried along.
    """
    # neighbouring seeds start far apart: a golden ratio's share of all there are
    x = uint32(uint32(place) + uint32(uint32(seed) * uint32(0x9E3779B9)))
    x = uint32(x ^ uint32(x >> uint32(16)))
    x = uint32(x * uint32(0x7FEB352D))
    x = uint32(x ^ uint32(x >> uint32(15)))
    x = uint32(x * uint32(0x846CA68B))
    x = uint32(x ^ uint32(x >> uint32(16)))
    # the top 24 bits, which single precision holds exactly
    share = float32(uint32(x >> uint32(8))) * float32(2.0**-24)
    return float32(0.0) if share < rate else float32(1.0) / (float32(1.0) - rate)


@compiled
def _block(
    out: Matrix,
    bias: Vector,
    gain: Vector,
    offset: Vector,
    running_mean: Vector,
    running_var: Vector,
    normal: Matrix,
    mask: Matrix,
    inverse: Vector,
    rate: float,
    seed: int,
) -> None:
    """Turn a linear layer's products into the block's output, in place.

    Writes what the way back needs: the normalised activations, with the sign of the
    linear output in `mask` beside dropout's factor (below zero where LeakyReLU bent).
    """
    units, n = out.shape
    drop = float32(rate)
    momentum = float32(MOMENTUM)
    for k in range(units):
        # where nothing goes back, one row of either serves all units
        row, norm, keeps = out[k], normal[k % len(normal)], mask[k % len(mask)]
        total = float32(0.0)
        for i in range(n):
            value = row[i] + bias[k]
            bent = value if value > 0 else value * float32(NEGATIVE_SLOPE)
            norm[i] = bent
            total += bent
        mean = total / float32(n)
        square = float32(0.0)
        for i in range(n):
            centred = norm[i] - mean
            square += centred * centred
        var = square / float32(n)
        running_mean[k] += momentum * (mean - running_mean[k])
        running_var[k] += momentum * (square / float32(n - 1) - running_var[k])
        inv = float32(1.0) / np.sqrt(var + float32(BATCH_NORM_EPS))
        inverse[k] = inv
        first = k * n
        for i in range(n):
            bent = norm[i]
            z = (bent - mean) * inv
            norm[i] = z
            row[i] = gain[k] * z + offset[k]
            keeps[i] = float32(1.0) if bent > 0 else float32(NEGATIVE_SLOPE)
        if drop > 0:
            for i in range(n):
                factor = keep(seed, first + i, drop)
                row[i] *= factor
                keeps[i] = keeps[i] if factor > 0 else -keeps[i]


@compiled
def _block_back(
    grad: Matrix,
    normal: Matrix,
    mask: Matrix,
    inverse: Vector,
    gain: Vector,
    rate: float,
    grad_bias: Vector,
    grad_gain: Vector,
    grad_offset: Vector,
) -> None:
    """Turn the gradient of a block's output into that of its products, in place."""
    units, n = grad.shape
    factor = float32(1.0 / (1.0 - rate))
    for k in range(units):
        row, norm, keeps = grad[k], normal[k], mask[k]
        total, along = float32(0.0), float32(0.0)
        for i in range(n):
            slope = row[i] * factor if keeps[i] > 0 else float32(0.0)
            row[i] = slope
            total += slope
            along += slope * norm[i]
        grad_offset[k], grad_gain[k] = total, along
        scale = gain[k] * inverse[k]
        total, along = total / float32(n), along / float32(n)
        bias = float32(0.0)
        for i in range(n):
            slope = scale * (row[i] - total - norm[i] * along) * abs(keeps[i])
            row[i] = slope
            bias += slope
        grad_bias[k] = bias


@compiled
def _forward(
    alpha: Vector,
    widths: Sizes,
    table: Matrix,
    running: Matrix,
    outs: Matrix,
    normals: Matrix,
    masks: Matrix,
    inverses: Vector,
    rate: float,
    seed: int,
) -> Vector:
    """Return the scores of standardised rows, in training mode.

    The blocks' units lie below one another in `outs`, `normals` and `masks`.
    """
    n = len(table)
    backs = len(normals) > 1
    at, unit = 0, 0
    last = table.T
    for layer in range(1, len(widths)):
        fan_in, fan_out = widths[layer - 1], widths[layer]
        weight = alpha[at : at + fan_out * fan_in].reshape(fan_out, fan_in)
        at += fan_out * fan_in
        bias = alpha[at : at + fan_out]
        at += fan_out
        if layer == len(widths) - 1:
            break
        out = outs[unit : unit + fan_out]
        if layer == 1:
            np.dot(weight, table.T, out)
        else:
            np.dot(weight, outs[unit - fan_in : unit], out)
        _block(
            out,
            bias,
            alpha[at : at + fan_out],
            alpha[at + fan_out : at + 2 * fan_out],
            running[0, unit : unit + fan_out],
            running[1, unit : unit + fan_out],
            normals[unit : unit + fan_out] if backs else normals,
            masks[unit : unit + fan_out] if backs else masks,
            inverses[unit : unit + fan_out],
            rate,
            seed + layer,
        )
        at += 2 * fan_out
        unit += fan_out
    score = np.empty((1, n), np.float32)
    if len(widths) == 2:
        np.dot(weight, last, score)
    else:
        np.dot(weight, outs[unit - fan_in : unit], score)
    return score[0] + bias[0]


@compiled
def _backward(
    alpha: Vector,
    widths: Sizes,
    table: Matrix,
    outs: Matrix,
    normals: Matrix,
    masks: Matrix,
    inverses: Vector,
    rate: float,
    slope: Matrix,
    grad: Vector,
) -> None:
    """Write the gradient of the parameters, from that of the scores, `[1, n]`."""
    at, unit = alpha.size, outs.shape[0]
    back = slope
    for layer in range(len(widths) - 1, 0, -1):
        fan_in, fan_out = widths[layer - 1], widths[layer]
        if layer < len(widths) - 1:
            at -= 2 * fan_out
            unit -= fan_out
            _block_back(
                back,
                normals[unit : unit + fan_out],
                masks[unit : unit + fan_out],
                inverses[unit : unit + fan_out],
                alpha[at : at + fan_out],
                rate,
                grad[at - fan_out : at],
                grad[at : at + fan_out],
                grad[at + fan_out : at + 2 * fan_out],
            )
        else:
            grad[at - 1] = slope.sum()
        at -= fan_out
        at -= fan_out * fan_in
        here = grad[at : at + fan_out * fan_in].reshape(fan_out, fan_in)
        if layer == 1:
            np.dot(back, table, here)
        else:
            np.dot(back, outs[unit - fan_in : unit].T, here)
            weight = alpha[at : at + fan_out * fan_in].reshape(fan_out, fan_in)
            back = np.dot(weight.T, back)


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

    Args:
        alpha: Parameters, in one buffer.
        widths: Features, then the units of each layer; the last is 1.
        running: BatchNorm's running means and variances, shape `[2, units]`.
        rate: Of dropout.
        x: The table, shape `[rows, features]`.
        rows: Which of its rows.
        mean: Of each feature.
        inverse: One over the deviation of each feature; 0 for a constant one.
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
    return _forward(
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

    Args:
        alpha: Parameters, in one buffer.
        widths: Features, then the units of each layer; the last is 1.
        running: BatchNorm's running means and variances, shape `[2, units]`.
        rate: Of dropout.
        x: The table, shape `[rows, features]`.
        rows: Which of its rows.
        mean: Of each feature.
        inverse: One over the deviation of each feature; 0 for a constant one.
        seed: Of dropout.
        table: Written; the standardised rows, shape `[n, features]`.
        outs: Written; each block's output, shape `[units, n]`.
        normals: Written; the normalised activations, shape `[units, n]`.
        masks: Written; dropout's and LeakyReLU's factors, shape `[units, n]`.
        inverses: Written; one over BatchNorm's deviations.
    """
    gather(x, rows, mean, inverse, table)
    return _forward(
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

    Args:
        alpha: Parameters, in one buffer.
        grad: Written; their gradient.
        exp_avg: Adam's first moment.
        exp_avg_sq: Adam's second moment.
        step: Number of this step, from 1.
        lr: Learning rate.
        max_grad_norm: Infinite for no clipping.
        widths: Features, then the units of each layer; the last is 1.
        rate: Of dropout.
        table: What `forward_step` wrote, and so the next four.
        outs: Each block's output.
        normals: The normalised activations.
        masks: Dropout's and LeakyReLU's factors.
        inverses: One over BatchNorm's deviations.
        slope: Gradient for the scores, shape `[1, n]`.
    """
    _backward(alpha, widths, table, outs, normals, masks, inverses, rate, slope, grad)
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

    Args:
        alpha: Parameters of the model, in one buffer.
        grad: Written; the last step's gradient.
        exp_avg: Adam's first moment.
        exp_avg_sq: Adam's second moment.
        done: Steps taken before.
        lr: Learning rate.
        max_grad_norm: Infinite for no clipping.
        widths: Features, then the units of each layer; the last is 1.
        running: BatchNorm's running means and variances, shape `[2, units]`.
        rate: Of dropout.
        x: The table, shape `[rows, features]`.
        rows: Row numbers of each step's set, shape `[steps, n]`.
        mean: Of each feature.
        inverse: One over the deviation of each feature; 0 for a constant one.
        seed: Of dropout; a step of its own adds `len(widths)` to it.
        table: Scratch as in `forward_step`, and so the next four.
        outs: Each block's output.
        normals: The normalised activations.
        masks: Dropout's and LeakyReLU's factors.
        inverses: One over BatchNorm's deviations.
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
        score = _forward(
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
        _backward(
            alpha, widths, table, outs, normals, masks, inverses, rate, slope, grad
        )
        adam_step(alpha, grad, exp_avg, exp_avg_sq, done + step + 1, lr, max_grad_norm)
