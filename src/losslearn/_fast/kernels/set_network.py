"""The set network of Eq. 2 with its gradients, written out by hand and compiled.

Two linear layers with tanh are g, the weighted mean of a set follows, and linear layers
with tanh between them are h. The parameters are those of `SetSurrogate`, in its order,
in one buffer. Activations of g are kept as `[units, pairs]`, the sets of a step behind
one another, so that the inner loops are long and the compiler can vectorise them. Pairs
of no weight fill them up to whole lanes of the processor.
"""

import math

import numpy as np
from numba import float32
from numpy.typing import NDArray

from losslearn._fast.kernels.arithmetic import (
    Adam,
    Matrix,
    Vector,
    adam_step,
    compiled,
    tanh,
)
from losslearn._fast.kernels.products import multiply, multiply_by_rows

Sizes = NDArray[np.int64]
"""Widths: of g's two layers, then of h's layers; the last is 1."""

SetNet = tuple[Vector, Sizes, bool, Vector]
"""The parameters, the widths, whether scores are standardised in each set first, and
else their frame: what is taken from them, and what they are divided by."""

Sets = tuple[Matrix, Matrix, Matrix]
"""Targets as numbers, scores, and weights of sum 1 in each set, `[sets, n]` each."""

Room = tuple[Vector, Vector, Matrix, Matrix, Vector]
"""Targets and scores of all pairs as g gets them; the activations of its two layers;
each set's deviation of the scores."""

_LANES = 16
"""Numbers that a loop takes at once; what is left over it takes one by one."""


@compiled
def _room(sizes: Sizes, n_sets: int, n: int) -> Room:
    """Return room for some sets of n pairs."""
    lanes = (n_sets * n + _LANES - 1) // _LANES * _LANES
    return (
        np.zeros(lanes, np.float32),
        np.zeros(lanes, np.float32),
        np.empty((sizes[0], lanes), np.float32),
        np.empty((sizes[1], lanes), np.float32),
        np.ones(n_sets, np.float32),
    )


@compiled
def _standardize(score: Matrix, share: Matrix, z: Matrix, spread: Vector) -> None:
    """Write scores of weighted mean 0 and deviation 1; `spread` gets the deviations."""
    for s in range(score.shape[0]):
        mean = float32(0.0)
        for i in range(score.shape[1]):
            mean += share[s, i] * score[s, i]
        variance = float32(0.0)
        for i in range(score.shape[1]):
            centred = score[s, i] - mean
            z[s, i] = centred
            variance += share[s, i] * centred * centred
        spread[s] = math.sqrt(variance + float32(1e-12))
        for i in range(score.shape[1]):
            z[s, i] /= spread[s]


@compiled
def _standardize_back(z: Matrix, share: Matrix, spread: Vector, grad: Matrix) -> None:
    """Turn the gradient with respect to z into that with respect to the scores."""
    for s in range(z.shape[0]):
        along = float32(0.0)
        for i in range(z.shape[1]):
            along += grad[s, i] * z[s, i]
        total = float32(0.0)
        for i in range(z.shape[1]):
            grad[s, i] = (grad[s, i] - share[s, i] * z[s, i] * along) / spread[s]
            total += grad[s, i]
        for i in range(z.shape[1]):
            grad[s, i] -= share[s, i] * total


@compiled
def _encode(beta: Vector, sizes: Sizes, room: Room) -> None:
    """Write the activations of g's two layers."""
    y, z, first, second, _ = room
    width, codes = sizes[0], sizes[1]
    at = 3 * width
    w1 = beta[: 2 * width].reshape(width, 2)
    on_target, on_score = w1[:, 0].copy(), w1[:, 1].copy()
    b1 = beta[2 * width : at]
    w2 = beta[at : at + codes * width].reshape(codes, width)
    b2 = beta[at + codes * width : at + codes * width + codes]
    for k in range(width):
        for i in range(len(z)):
            first[k, i] = tanh(b1[k] + on_target[k] * y[i] + on_score[k] * z[i])
    multiply(w2, first, second)
    for k in range(codes):
        for i in range(len(z)):
            second[k, i] = tanh(second[k, i] + b2[k])


@compiled
def _decode(beta: Vector, sizes: Sizes, layers: Matrix) -> None:
    """Write the activations of h's layers of each set, behind the set's code."""
    for s in range(layers.shape[0]):
        at, start = 3 * sizes[0] + sizes[1] * (sizes[0] + 1), 0
        for layer in range(2, len(sizes)):
            fan_in, fan_out = sizes[layer - 1], sizes[layer]
            bias = at + fan_in * fan_out
            for k in range(fan_out):
                total = beta[bias + k]
                for j in range(fan_in):
                    total += beta[at + k * fan_in + j] * layers[s, start + j]
                is_last = layer == len(sizes) - 1
                layers[s, start + fan_in + k] = total if is_last else tanh(total)
            start += fan_in
            at = bias + fan_out


@compiled
def _decode_back(
    beta: Vector, sizes: Sizes, layers: Matrix, slope: Vector, grad: Vector
) -> Matrix:
    """Return the gradient for each set's code, from `slope`, that for its output.

    Adds that of h's parameters to `grad`, which is of size 0 where it is not wanted.
    """
    codes = np.empty((layers.shape[0], sizes[1]), np.float32)
    widest = sizes[1:].max()
    after, before = np.empty(widest, np.float32), np.empty(widest, np.float32)
    for s in range(layers.shape[0]):
        at, start = beta.size, layers.shape[1]
        after[0] = slope[s]
        for layer in range(len(sizes) - 1, 1, -1):
            fan_in, fan_out = sizes[layer - 1], sizes[layer]
            bias = at - fan_out
            at = bias - fan_in * fan_out
            start -= fan_out
            below = start - fan_in
            before[:fan_in] = float32(0.0)
            for k in range(fan_out):
                if layer < len(sizes) - 1:
                    after[k] *= float32(1.0) - layers[s, start + k] ** 2
                for j in range(fan_in):
                    before[j] += after[k] * beta[at + k * fan_in + j]
                if grad.size > 0:
                    grad[bias + k] += after[k]
                    for j in range(fan_in):
                        grad[at + k * fan_in + j] += after[k] * layers[s, below + j]
            after[:fan_in] = before[:fan_in]
        codes[s] = after[: sizes[1]]
    return codes


@compiled
def _forward(net: SetNet, sets: Sets, room: Room) -> Matrix:
    """Return each set's code and the activations of h behind it."""
    beta, sizes, standardize, frame = net
    y, score, share = sets
    y_pairs, z_pairs, _, second, spread = room
    n_sets, n = score.shape
    y_pairs[: score.size] = y.reshape(-1)
    z = z_pairs[: score.size].reshape(n_sets, n)
    if standardize:
        _standardize(score, share, z, spread)
    else:
        z[:] = (score - frame[0]) / frame[1]
    _encode(beta, sizes, room)
    layers = np.zeros((n_sets, sizes[1:].sum()), np.float32)
    for s in range(n_sets):
        for k in range(sizes[1]):
            codes = second[k, s * n : (s + 1) * n]
            total = float32(0.0)
            for i in range(n):
                total += share[s, i] * codes[i]
            layers[s, k] = total
    _decode(beta, sizes, layers)
    return layers


@compiled
def _encode_back(net: SetNet, codes: Matrix, share: Matrix, room: Room) -> Matrix:
    """Return the gradient of g's first activations, from that of each set's code.

    Turns the second layer's activations into the gradient before their tanh, in place;
    it is 0 for the pairs that fill up lanes.
    """
    beta, sizes, _, _ = net
    _, _, first, second, _ = room
    n_sets, n = share.shape
    for s in range(n_sets):
        for k in range(second.shape[0]):
            code, inside = codes[s, k], second[k, s * n : (s + 1) * n]
            for i in range(n):
                a = inside[i]
                inside[i] = code * share[s, i] * (float32(1.0) - a * a)
    second[:, n_sets * n :] = float32(0.0)
    at = 3 * sizes[0]
    w2 = beta[at : at + sizes[1] * sizes[0]].reshape(sizes[1], sizes[0])
    back = np.empty_like(first)
    multiply(w2.T.copy(), second, back)
    return back


@compiled
def _encoder_gradient(sizes: Sizes, room: Room, back: Matrix, grad: Vector) -> None:
    """Write the gradient of g's parameters into `grad`, from that of `_encode_back`."""
    y, z, first, second, _ = room
    width, codes = sizes[0], sizes[1]
    at = 3 * width
    multiply_by_rows(second, first, grad[at : at + codes * width].reshape(codes, width))
    for k in range(codes):
        grad[at + codes * width + k] = second[k].sum()
    for k in range(width):
        total, on_target, on_score = float32(0.0), float32(0.0), float32(0.0)
        for i in range(len(z)):
            a = first[k, i]
            slope = back[k, i] * (float32(1.0) - a * a)
            total += slope
            on_target += slope * y[i]
            on_score += slope * z[i]
        grad[2 * k], grad[2 * k + 1] = on_target, on_score
        grad[2 * width + k] = total


@compiled
def value_and_slope(net: SetNet, sets: Sets, values: Vector, grad: Matrix) -> None:
    """Write each set's output and its gradient for the scores, `[sets, n]`.

    Both are in units of the loss's spread.
    """
    beta, sizes, standardize, frame = net
    _, score, share = sets
    n_sets, n = score.shape
    room = _room(sizes, n_sets, n)
    layers = _forward(net, sets, room)
    values[:] = layers[:, -1]
    none = np.empty(0, np.float32)
    codes = _decode_back(beta, sizes, layers, np.ones(n_sets, np.float32), none)
    back = _encode_back(net, codes, share, room)
    _, z, first, _, spread = room
    flat = grad.reshape(-1)
    flat[:] = float32(0.0)
    for k in range(sizes[0]):
        weight = beta[2 * k + 1]
        for i in range(n_sets * n):
            a = first[k, i]
            flat[i] += back[k, i] * (float32(1.0) - a * a) * weight
    if standardize:
        _standardize_back(z[: n_sets * n].reshape(n_sets, n), share, spread, grad)
    else:
        flat /= frame[1]


@compiled
def blend_cross_entropy(
    weights: tuple[float, float], sets: Sets, values: Vector, grad: Matrix
) -> None:
    """Weigh the learned loss, and add each set's mean logistic loss by its weight."""
    y, score, share = sets
    kept, factor = float32(weights[0]), float32(weights[1])
    for s in range(score.shape[0]):
        total = float32(0.0)
        for i in range(score.shape[1]):
            # log(1 + exp(-margin)), stable on both sides
            sign = float32(2.0) * y[s, i] - float32(1.0)
            margin = sign * score[s, i]
            small = np.exp(-abs(margin))
            rest = -margin if margin < 0 else float32(0.0)
            total += share[s, i] * (rest + np.log1p(small))
            wrong = small if margin > 0 else float32(1.0)
            slope = share[s, i] * sign * wrong / (float32(1.0) + small)
            grad[s, i] = kept * grad[s, i] - factor * slope
        values[s] = kept * values[s] + factor * total


@compiled
def fit_steps(adam: Adam, done: int, net: SetNet, sets: Sets, loss: Matrix) -> Vector:
    """Take Adam steps toward the true losses; return the mean gap before each.

    `done` steps were taken before. The losses are `[steps, sets]`, NaN for none, and as
    the gaps in units of their spread; the steps' sets lie one after another.
    """
    beta, sizes, _, _ = net
    y, score, share = sets
    grad = adam[1]
    steps, n_sets = loss.shape
    room = _room(sizes, n_sets, score.shape[1])
    slope, errors = np.empty(n_sets, np.float32), np.empty(steps, np.float32)
    for step in range(steps):
        own = slice(step * n_sets, (step + 1) * n_sets)
        layers = _forward(net, (y[own], score[own], share[own]), room)
        known, total = 0, float32(0.0)
        for s in range(n_sets):
            slope[s] = float32(0.0)
            gap = layers[s, -1] - loss[step, s]
            if loss[step, s] == loss[step, s]:
                known += 1
                total += abs(gap)
                slope[s] = float32(gap > 0) - float32(gap < 0)
        slope /= float32(max(known, 1))
        errors[step] = total / max(known, 1)
        grad[:] = float32(0.0)
        codes = _decode_back(beta, sizes, layers, slope, grad)
        back = _encode_back(net, codes, share[own], room)
        _encoder_gradient(sizes, room, back, grad)
        adam_step(adam, done + step + 1)
    return errors
