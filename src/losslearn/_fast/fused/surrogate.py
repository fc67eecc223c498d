"""The set surrogate in compiled form: its fit, and its gradient for the model."""

from typing import Any, NamedTuple, TypeGuard

import numpy as np
import torch
from jaxtyping import Float, Integer
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from losslearn._fast.descent import ClippedAdam
from losslearn._fast.flat import FlatParameters
from losslearn._fast.kernels import can_compile
from losslearn.surrogate.network import SetSurrogate

Array = NDArray[np.float32]


def has_hooks(module: nn.Module) -> bool:
    """Return whether something is called when PyTorch runs a module."""
    return any(
        getattr(module, hooks)
        for hooks in (
            "_forward_hooks",
            "_forward_pre_hooks",
            "_backward_hooks",
            "_backward_pre_hooks",
        )
    )


def is_as_built(surrogate: nn.Module) -> TypeGuard[SetSurrogate]:
    """Return whether it is a `SetSurrogate` that runs nothing of a user's.

    Neither what derives from it nor one with hooks or other layers is.
    """
    return (
        type(surrogate) is SetSurrogate
        and all(
            type(layer) in (nn.Linear, nn.Tanh)
            for layer in (*surrogate.encoder, *surrogate.decoder)
        )
        and not any(map(has_hooks, surrogate.modules()))
    )


class Weights(NamedTuple):
    """What the parts of a learned objective count for."""

    learned: float
    cross_entropy: float


class FusedSurrogate:
    """A `SetSurrogate` whose passes forward and back are one compiled call each.

    It works on the surrogate's own parameters; `of` says whether it can.

    Attributes:
        beta: The parameters, in one buffer.
        sizes: Widths of g's layers, then of h's.
    """

    def __init__(self, surrogate: SetSurrogate) -> None:
        """Bring the surrogate's parameters into one buffer."""
        self._surrogate = surrogate
        flat = FlatParameters(surrogate.parameters())
        self.beta: Array = flat.values.detach().numpy()
        layers = [
            layer
            for part in (surrogate.encoder, surrogate.decoder)
            for layer in part
            if isinstance(layer, nn.Linear)
        ]
        self.sizes = np.array([layer.out_features for layer in layers], np.int64)
        self._first, self._place = layers[0], flat.values.data_ptr()
        self._fit_arrays, self._arrays = SetArrays(), SetArrays()

    @classmethod
    def of(cls, surrogate: nn.Module) -> "FusedSurrogate | None":
        """Return the fast form of a surrogate, or None where there is none.

        There is one for a `SetSurrogate` as it is built, on a CPU in single precision,
        that takes the plain mean alone.
        """
        if not is_as_built(surrogate) or not can_compile(*surrogate.parameters()):
            return None
        return cls(surrogate) if surrogate.is_plain else None

    def is_current(self) -> bool:
        """Return whether the surrogate's parameters still are those in the buffer."""
        return self._first.weight.data_ptr() == self._place

    def takes(self, y_score: Tensor) -> bool:
        """Return whether these scores can be valued, by the parameters as they are."""
        return self.is_current() and can_compile(y_score)

    @property
    def standardize(self) -> bool:
        """Whether scores are standardised within each set."""
        return self._surrogate.standardize

    @property
    def scale(self) -> float:
        """Spread of the true loss, the unit in which the network works."""
        return self._surrogate.loss_scale.item()

    @property
    def shift(self) -> float:
        """What is added to the network's output, in units of the spread."""
        return self._surrogate.loss_shift.item() / self.scale

    def fit(
        self,
        descent: ClippedAdam,
        y_true: Integer[Tensor, "*#sets n"],
        y_score: Float[Tensor, "steps sets n"],
        loss: Float[Tensor, "steps sets"],
        *,
        sample_weight: Float[Tensor, "*#sets n"] | None = None,
    ) -> Float[Tensor, " steps"]:
        """Take a step toward the true losses for each entry of the first axis.

        The same as `bilevel.surrogate_step` for one after the other.

        Args:
            descent: Over the surrogate's parameters.
            y_true: Targets.
            y_score: Scores.
            loss: True losses; NaN leaves a set out.
            sample_weight: Weight of each row.

        Returns:
            The surrogate error before each step, in units of the loss.
        """
        from losslearn._fast.kernels.set_network import fit_steps

        assert descent.arrays is not None, "`of` has seen to it"
        steps, n_sets, n = y_score.shape
        shape = (steps * n_sets, n)
        y, share = self._fit_arrays.of(y_true, sample_weight, shape)
        # arrays, since a few numbers take PyTorch longer than a step of the kernel
        scale = self.scale
        unit_loss = (loss.numpy() / scale - self.shift).astype(np.float32)
        _, grad, exp_avg, exp_avg_sq, n_steps = descent.arrays
        errors = np.empty(steps, np.float32)
        fit_steps(
            self.beta,
            grad,
            exp_avg,
            exp_avg_sq,
            int(n_steps),
            self.sizes,
            y,
            y_score.contiguous().numpy(),
            unit_loss,
            share,
            self.standardize,
            descent.lr,
            descent.max_grad_norm,
            errors,
        )
        n_steps += steps
        errors *= scale
        return torch.from_numpy(errors)

    def objective(
        self,
        y_true: Integer[Tensor, "*#sets n"],
        y_score: Float[Tensor, "*sets n"],
        *,
        sample_weight: Float[Tensor, "*#sets n"] | None,
        weights: Weights,
    ) -> Float[Tensor, "*sets"]:
        """Return `bilevel.LearnedObjective` with its gradient for the scores alone."""
        value: Tensor = _Objective.apply(  # type: ignore[no-untyped-call]
            y_score, self, y_true, sample_weight, weights
        )
        return value

    def value_and_slope(
        self,
        y_true: Tensor,
        y_score: Tensor,
        sample_weight: Tensor | None,
        weights: Weights,
    ) -> tuple[Tensor, Tensor]:
        """Return the objective of each set and its gradient for the scores."""
        from losslearn._fast.kernels.set_network import (
            blend_cross_entropy,
            value_and_slope,
        )

        score = y_score.detach().reshape(-1, y_score.shape[-1]).contiguous()
        y, share = self._arrays.of(y_true, sample_weight, (len(score), score.shape[1]))
        values = np.empty(len(score), np.float32)
        slope = np.empty(score.shape, np.float32)
        value_and_slope(
            self.beta,
            self.sizes,
            y,
            score.numpy(),
            share,
            self.standardize,
            values,
            slope,
        )
        values += np.float32(self.shift)
        if weights != (1, 0):
            blend_cross_entropy(*weights, y, score.numpy(), share, values, slope)
        return (
            torch.from_numpy(values).reshape(y_score.shape[:-1]),
            torch.from_numpy(slope).reshape(y_score.shape),
        )


class SetArrays:
    """Targets and weights of a step's sets as arrays, made anew only when they change.

    A sampler's are the same objects in every iteration.
    """

    def __init__(self) -> None:
        """Start with nothing made."""
        self._made_from: tuple[object, ...] = ()
        self._made: tuple[Array, Array] | None = None

    def of(
        self,
        y_true: Integer[Tensor, "*#sets n"],
        sample_weight: Float[Tensor, "*#sets n"] | None,
        shape: tuple[int, int],
    ) -> tuple[Array, Array]:
        """Return targets as numbers and weights of sum 1, both of `shape`."""
        last = self._made_from
        # writing into an inference tensor is not counted: made anew
        version = -1 if y_true.is_inference() else y_true._version
        if (
            self._made is None
            or version < 0
            or last[0] is not y_true
            or last[1] is not sample_weight
            or last[2:] != (shape, version)
        ):
            share = torch.full(shape, 1 / shape[1])
            if sample_weight is not None:
                weight = _rows(sample_weight, shape)
                share = weight / weight.sum(-1, keepdim=True)
            self._made = (_rows(y_true, shape).numpy(), share.numpy())
            self._made_from = (y_true, sample_weight, shape, version)
        return self._made


def _rows(values: Tensor, shape: tuple[int, int]) -> Tensor:
    if values.ndim > 2:
        values = values.reshape(-1, values.shape[-1])
    return values.float().expand(shape).contiguous()


class _Objective(torch.autograd.Function):
    """Value forward, with the gradient worked out beside it."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401 - PyTorch gives it no type with what it holds
        y_score: Tensor,
        fused: FusedSurrogate,
        y_true: Tensor,
        sample_weight: Tensor | None,
        weights: Weights,
    ) -> Tensor:
        """Return one value per set."""
        values, slope = fused.value_and_slope(y_true, y_score, sample_weight, weights)
        ctx.save_for_backward(slope)
        return values

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any,  # noqa: ANN401 - as above
        grad: Tensor,
    ) -> tuple[Tensor, None, None, None, None]:
        """Return the gradient of the scores."""
        (slope,) = ctx.saved_tensors
        return grad.unsqueeze(-1) * slope, None, None, None, None
