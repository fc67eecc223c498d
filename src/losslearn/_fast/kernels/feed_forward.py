"""The paper's prediction model with its gradients, written out by hand and compiled.

Blocks of Linear, LeakyReLU, BatchNorm and Dropout, then a linear output, on
standardised features; without a block it is the linear model. The parameters are those
of `losslearn.models.networks`, in their order, in one buffer. Activations are kept as
`[units, rows]`, so that a unit's rows lie together: BatchNorm's sums and all loops over
elements are then long and vectorise.
"""

import numpy as np
from numba import float32, uint32

from losslearn._fast.kernels.arithmetic import Matrix, Vector, compiled, inlined
from losslearn._fast.kernels.set_network import Sizes

MOMENTUM, BATCH_NORM_EPS, NEGATIVE_SLOPE = 0.1, 1e-5, 0.01
"""PyTorch's defaults, which the built-in models have."""


@inlined
def keep(seed, place, rate):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202 - compiled
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
def forward(
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
def backward(
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
