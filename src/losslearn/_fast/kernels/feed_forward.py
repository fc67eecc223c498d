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
from losslearn._fast.kernels.rows import Rows, Table, gather
from losslearn._fast.kernels.set_network import Sizes

Net = tuple[Vector, Sizes, Matrix, float]
"""The parameters; the features, then the units of each layer, the last of which is 1;
BatchNorm's running means and variances, `[2, units]`, which move; dropout's rate."""

Work = tuple[Matrix, Matrix, Matrix, Matrix, Vector]
"""What the way forward leaves for the way back: the standardised rows, `[n, features]`;
all blocks' outputs, normalised activations and factors of LeakyReLU, below zero where
dropout took the value, `[units, n]` each; one over BatchNorm's deviations, `[units]`.
Where nothing goes back, one row of activations and of factors serves all units."""

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
    own: Matrix, running: Matrix, work: Work, above: int, rate: float, seed: int
) -> None:
    """Turn a linear layer's products into the block's output, in place.

    Its bias, gain and offset are `own`; there are units of other blocks `above` it.
    """
    bias, gain, offset = own[0], own[1], own[2]
    _, outs, normals, masks, inverses = work
    n = outs.shape[1]
    drop = float32(rate)
    momentum = float32(MOMENTUM)
    mean_of, var_of = running[0, above:], running[1, above:]
    for k in range(len(bias)):
        unit = above + k
        row, norm = outs[unit], normals[unit % len(normals)]
        keeps = masks[unit % len(masks)]
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
        mean_of[k] += momentum * (mean - mean_of[k])
        var_of[k] += momentum * (square / float32(n - 1) - var_of[k])
        inv = float32(1.0) / np.sqrt(var + float32(BATCH_NORM_EPS))
        inverses[unit] = inv
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
    back: Matrix, gain: Vector, work: Work, above: int, rate: float, grad: Matrix
) -> None:
    """Turn the gradient of a block's output into that of its products, in place.

    Writes those of its bias, gain and offset into `grad`.
    """
    _, _, normals, masks, inverses = work
    n = back.shape[1]
    factor = float32(1.0 / (1.0 - rate))
    for k in range(len(gain)):
        row, norm, keeps = back[k], normals[above + k], masks[above + k]
        total, along = float32(0.0), float32(0.0)
        for i in range(n):
            slope = row[i] * factor if keeps[i] > 0 else float32(0.0)
            row[i] = slope
            total += slope
            along += slope * norm[i]
        grad[2, k], grad[1, k] = total, along
        scale = gain[k] * inverses[above + k]
        total, along = total / float32(n), along / float32(n)
        bias = float32(0.0)
        for i in range(n):
            slope = scale * (row[i] - total - norm[i] * along) * abs(keeps[i])
            row[i] = slope
            bias += slope
        grad[0, k] = bias


@compiled
def _multiply(weight: Matrix, work: Work, above: int, out: Matrix) -> None:
    """Write a layer's products; its inputs are the last units above it, or features."""
    if above == 0:
        np.dot(weight, work[0].T, out)
    else:
        np.dot(weight, work[1][above - weight.shape[1] : above], out)


@compiled
def forward(net: Net, table: Table, rows: Rows, work: Work, seed: int) -> Vector:
    """Return the scores of some rows in training mode; BatchNorm's averages move.

    The seed is dropout's; each layer adds its number, from 1.
    """
    gather(table, rows, work[0])
    alpha, widths, running, rate = net
    outs = work[1]
    at, unit = 0, 0
    for layer in range(1, len(widths) - 1):
        fan_in, fan_out = widths[layer - 1], widths[layer]
        weight = alpha[at : at + fan_out * fan_in].reshape(fan_out, fan_in)
        at += fan_out * fan_in
        _multiply(weight, work, unit, outs[unit : unit + fan_out])
        own = alpha[at : at + 3 * fan_out].reshape(3, fan_out)
        _block(own, running, work, unit, rate, seed + layer)
        at += 3 * fan_out
        unit += fan_out
    score = np.empty((1, len(work[0])), np.float32)
    _multiply(alpha[at:-1].reshape(1, widths[-2]), work, unit, score)
    return score[0] + alpha[-1]


@compiled
def backward(net: Net, work: Work, slope: Matrix, grad: Vector) -> None:
    """Write the gradient of the parameters, from that of the scores, `[1, n]`."""
    alpha, widths, _, rate = net
    table, outs = work[0], work[1]
    at, unit = alpha.size - 1, len(outs)
    grad[at] = slope.sum()
    back = slope
    for layer in range(len(widths) - 1, 0, -1):
        fan_in, fan_out = widths[layer - 1], widths[layer]
        if layer < len(widths) - 1:
            at -= 3 * fan_out
            unit -= fan_out
            own = slice(at, at + 3 * fan_out)
            gain = alpha[own].reshape(3, fan_out)[1]
            _block_back(back, gain, work, unit, rate, grad[own].reshape(3, fan_out))
        at -= fan_out * fan_in
        here = grad[at : at + fan_out * fan_in].reshape(fan_out, fan_in)
        if layer == 1:
            np.dot(back, table, here)
        else:
            np.dot(back, outs[unit - fan_in : unit].T, here)
            weight = alpha[at : at + fan_out * fan_in].reshape(fan_out, fan_in)
            back = np.dot(weight.T, back)
