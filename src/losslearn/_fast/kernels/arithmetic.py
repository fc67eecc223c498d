"""What the compiled kernels share: settings, tanh, clipping and Adam's update."""

import math
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numba import float32, njit
from numpy.typing import NDArray

Vector = NDArray[np.float32]
Matrix = NDArray[np.float32]

Adam = tuple[Vector, Vector, Vector, Vector, Vector, float, float]
"""Parameters in one buffer, their gradient (kernels write it), Adam's two moments, each
parameter's penalty (empty for none); the learning rate, and the largest norm of the
gradient, infinite for no clipping."""

# every licence of fast arithmetic but those that take NaN and infinity for impossible:
# scores that are not numbers must be seen to be so
_FAST = {"nsz", "arcp", "contract", "afn", "reassoc"}

Kernel = TypeVar("Kernel", bound=Callable[..., object])


def compiled(function: Kernel) -> Kernel:
    """Compile a kernel at its first call and keep it on disk, where there is room."""
    return _kept(function, fastmath=_FAST)


def compiled_exactly(function: Kernel) -> Kernel:
    """Compile a kernel that rounds and adds in the order in which it is written."""
    return _kept(function, fastmath=False)


def _kept(function: Kernel, *, fastmath: set[str] | bool) -> Kernel:
    options = {"nogil": True, "error_model": "numpy", "fastmath": fastmath}
    try:
        return njit(cache=True, **options)(function)
    except RuntimeError:  # no folder can be written: compiled anew in each process
        return njit(**options)(function)


inlined = njit(inline="always", fastmath=_FAST)
"""Decorates what a kernel's loop calls for each number."""

ADAM_BETA1, ADAM_BETA2, ADAM_EPS = 0.9, 0.999, 1e-8
"""PyTorch's defaults."""


@inlined
def tanh(x):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202 - compiled
    """Return tanh in single precision, to about 3e-7; vectorises, unlike libm's.

    The rational approximation of Eigen and XLA, odd of degree 13 over even of degree 6.
    """
    x = float32(7.9) if x > float32(7.9) else x
    x = float32(-7.9) if x < float32(-7.9) else x
    square = x * x
    p = float32(-2.76076847742355e-16)
    p = p * square + float32(2.00018790482477e-13)
    p = p * square + float32(-8.60467152213735e-11)
    p = p * square + float32(5.12229709037114e-08)
    p = p * square + float32(1.48572235717979e-05)
    p = p * square + float32(6.37261928875436e-04)
    p = p * square + float32(4.89352455891786e-03)
    q = float32(1.19825839466702e-06)
    q = q * square + float32(1.18534705686654e-04)
    q = q * square + float32(2.26843463243900e-03)
    q = q * square + float32(4.89352518554385e-03)
    return x * p / q


@compiled
def adam_step(adam: Adam, step: int) -> None:
    """Clip the gradient and take Adam's step of this number, from 1, in place.

    The same arithmetic as `clip_grad_norm_` and `torch.optim.Adam`; the penalty's
    gradient comes between them.
    """
    values, grad, exp_avg, exp_avg_sq, penalty, lr, max_grad_norm = adam
    norm = float32(0.0)
    for i in range(grad.size):
        norm += grad[i] * grad[i]
    # a norm that is not a number stays one, and so do the parameters: it is seen
    share = max_grad_norm / (math.sqrt(norm) + 1e-6)
    clip = float32(1.0 if share > 1.0 else share)
    if max_grad_norm == math.inf:
        clip = float32(1.0)
    if penalty.size > 0:
        for i in range(grad.size):
            grad[i] = grad[i] * clip + penalty[i] * values[i]
        clip = float32(1.0)
    beta1, beta2 = float32(ADAM_BETA1), float32(ADAM_BETA2)
    rest1, rest2 = float32(1.0 - ADAM_BETA1), float32(1.0 - ADAM_BETA2)
    size = float32(lr / (1.0 - ADAM_BETA1**step))
    spread = float32(1.0 / math.sqrt(1.0 - ADAM_BETA2**step))
    eps = float32(ADAM_EPS)
    for i in range(grad.size):
        g = grad[i] * clip
        first = beta1 * exp_avg[i] + rest1 * g
        second = beta2 * exp_avg_sq[i] + rest2 * g * g
        exp_avg[i] = first
        exp_avg_sq[i] = second
        values[i] -= size * first / (np.sqrt(second) * spread + eps)
