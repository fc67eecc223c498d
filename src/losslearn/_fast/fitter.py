"""Faster forms of the lower level: one compiled call, or one CUDA graph."""

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn

from losslearn._fast import name_of
from losslearn._fast.cuda_graphs import Addresses, GraphedFunction
from losslearn._fast.descent import FlatDescent
from losslearn._fast.kernels import can_compile

if TYPE_CHECKING:
    from losslearn.metrics import Sets
    from losslearn.surrogate.fitter import SurrogateFitter, Weights

Array = NDArray[np.float32]

CROSS_ENTROPY = "losslearn.tasks.cross_entropy.CrossEntropy"
"""The one usual loss that is compiled."""
_SURROGATE = "losslearn.surrogate.network.SetSurrogate"
_VIEW = "losslearn.tasks.tokens.ScoreTokens"


def faster(
    part: "SurrogateFitter",
) -> "SurrogateFitter | CompiledFitter | RecordedFitter":
    """Return the fast form of a fitter, or itself where there is none.

    There is one for a `SetSurrogate` as it is built, without hooks or other layers, in
    single precision: compiled on a CPU where h sees the plain mean alone, recorded on
    a GPU.
    """
    surrogate = part.surrogate
    layers = (*surrogate.encoder, *surrogate.decoder)
    is_as_built = (
        name_of(surrogate) == _SURROGATE
        and name_of(surrogate.view) == _VIEW
        and all(type(layer) in (nn.Linear, nn.Tanh) for layer in layers)
        and not any(map(has_hooks, surrogate.modules()))
        and isinstance(part.descent, FlatDescent)
    )
    if not is_as_built:
        return part
    if surrogate.loss_scale.is_cuda:
        return RecordedFitter(part)
    is_compiled = (
        surrogate.view.n_means == 1
        and name_of(part.usual_loss) == CROSS_ENTROPY
        and can_compile(*surrogate.parameters())
    )
    return CompiledFitter(part) if is_compiled else part


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


class _Fitter:
    """Hands on what has no faster form."""

    def __init__(self, part: "SurrogateFitter") -> None:
        self.part = part
        self.surrogate, self.usual_loss = part.surrogate, part.usual_loss
        self.descent: FlatDescent = part.descent  # type: ignore[assignment] # seen to

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the part has
        return getattr(self.part, name)


class CompiledFitter(_Fitter):
    """A fitter whose passes forward and back are one compiled call each.

    It works on the surrogate's own parameters; where these were exchanged, or scores
    are of another kind, the reference does the work.

    Attributes:
        beta: The parameters, in one buffer.
        sizes: Widths of g's layers, then of h's.
        standardize: Whether scores are standardised within each set.
    """

    def __init__(self, part: "SurrogateFitter") -> None:
        """Find the surrogate's parameters in their buffer."""
        super().__init__(part)
        surrogate = part.surrogate
        self.beta: Array = self.descent.flat.values.detach().numpy()
        layers = [
            layer
            for layer in (*surrogate.encoder, *surrogate.decoder)
            if isinstance(layer, nn.Linear)
        ]
        self.sizes = np.array([layer.out_features for layer in layers], np.int64)
        self.standardize: bool = surrogate.view.standardize
        self._fit_shares, self._shares = Shares(), Shares()
        self._first, self._place = layers[0], self.descent.flat.values.data_ptr()

    def is_current(self) -> bool:
        """Return whether the surrogate's parameters still are those in the buffer."""
        return self._first.weight.data_ptr() == self._place

    def _takes(self, score: Tensor) -> bool:
        return self.is_current() and can_compile(score)

    def _units(self) -> tuple[float, float]:
        """Return what is added to the network's output, in its unit, and the unit."""
        scale = self.surrogate.loss_scale.item()
        return self.surrogate.loss_shift.item() / scale, scale

    def fit(
        self, sets: "Sets", loss: Float[Tensor, "steps sets"]
    ) -> Float[Tensor, " steps"]:
        """Take a step for each entry of the first axis; return the errors before."""
        if not self._takes(sets.score):
            return self.part.fit(sets, loss)
        from losslearn._fast.kernels.set_network import fit_steps

        arrays = self.descent.arrays
        assert arrays is not None, "`faster` has seen to it"
        steps, n_sets, n = sets.score.shape
        shape = (steps * n_sets, n)
        y, share = as_rows(sets.target, shape), self._fit_shares.of(sets.weight, shape)
        # arrays, since a few numbers take PyTorch longer than a step of the kernel
        shift, scale = self._units()
        unit_loss = (loss.numpy() / scale - shift).astype(np.float32)
        _, grad, exp_avg, exp_avg_sq, n_steps = arrays
        errors = np.empty(steps, np.float32)
        fit_steps(
            self.beta,
            grad,
            exp_avg,
            exp_avg_sq,
            int(n_steps),
            self.sizes,
            y.numpy(),
            sets.score.contiguous().numpy(),
            unit_loss,
            share,
            self.standardize,
            self.descent.lr,
            self.descent.max_grad_norm,
            errors,
        )
        n_steps += steps
        errors *= scale
        return torch.from_numpy(errors)

    def values(self, sets: "Sets") -> Float[Tensor, "*sets"]:
        """Return the learned loss alone, in its own units, without a graph."""
        if not self._takes(sets.score):
            return self.part.values(sets)
        value, _ = self._value_and_slope(sets, (1.0, 0.0))
        return value * self.surrogate.loss_scale

    def value_and_slope(
        self, sets: "Sets", weights: "Weights"
    ) -> tuple[Float[Tensor, "*sets"], Tensor]:
        """Return the blend of each set and its gradient for the scores."""
        if not self._takes(sets.score):
            return self.part.value_and_slope(sets, weights)
        return self._value_and_slope(sets, weights)

    def _value_and_slope(
        self, sets: "Sets", weights: tuple[float, float]
    ) -> tuple[Tensor, Tensor]:
        from losslearn._fast.kernels.set_network import blend_cross_entropy
        from losslearn._fast.kernels.set_network import value_and_slope as evaluate

        n = sets.score.shape[-1]
        score = sets.score.detach().reshape(-1, n).contiguous().numpy()
        y = as_rows(sets.target, score.shape).numpy()
        share = self._shares.of(sets.weight, score.shape)
        values, slope = np.empty(len(score), np.float32), np.empty_like(score)
        evaluate(
            self.beta, self.sizes, y, score, share, self.standardize, values, slope
        )
        values += np.float32(self._units()[0])
        if weights != (1, 0):
            blend_cross_entropy(*weights, y, score, share, values, slope)
        return (
            torch.from_numpy(values).reshape(sets.score.shape[:-1]),
            torch.from_numpy(slope).reshape(sets.score.shape),
        )


class RecordedFitter(_Fitter):
    """A fitter on a GPU whose launches are recorded once, and sent at once."""

    def __init__(self, part: "SurrogateFitter") -> None:
        """Record nothing yet."""
        super().__init__(part)
        addresses = Addresses(part.surrogate)
        self._weights: Weights | None = None

        def bound_to() -> Hashable:
            return addresses(), self._weights

        def moved() -> Hashable:
            return addresses(), self.descent.works_on()

        self._graphed_fit = GraphedFunction(self._fit_plainly, works_on=moved)
        self._graphed_slope = GraphedFunction(self._slope_plainly, works_on=bound_to)

    def fit(
        self, sets: "Sets", loss: Float[Tensor, "steps sets"]
    ) -> Float[Tensor, " steps"]:
        """Take a step for each entry of the first axis; return the errors before."""
        if sets.columns or sets.weight is None:
            return self.part.fit(sets, loss)
        self._kind = type(sets)
        (errors,) = self._graphed_fit(sets.target, sets.score, sets.weight, loss)
        return errors

    def value_and_slope(
        self, sets: "Sets", weights: "Weights"
    ) -> tuple[Float[Tensor, "*sets"], Tensor]:
        """Return the blend of each set and its gradient for the scores."""
        if sets.columns or sets.weight is None:
            return self.part.value_and_slope(sets, weights)
        self._weights, self._kind = weights, type(sets)
        value, slope = self._graphed_slope(sets.target, sets.score, sets.weight)
        return value, slope

    def _fit_plainly(
        self, target: Tensor, score: Tensor, weight: Tensor, loss: Tensor
    ) -> tuple[Tensor, ...]:
        return (self.part.fit(self._kind(target, score, weight), loss),)

    def _slope_plainly(
        self, target: Tensor, score: Tensor, weight: Tensor
    ) -> tuple[Tensor, ...]:
        assert self._weights is not None, "set by the only caller"
        sets = self._kind(target, score, weight)
        return self.part.value_and_slope(sets, self._weights)


class Shares:
    """Weights of sum 1 as an array, made anew only when they change.

    A sampler's are the same object in every iteration.
    """

    def __init__(self) -> None:
        """Start with nothing made."""
        self._made_from: tuple[object, ...] = ()
        self._made = np.empty((0, 0), np.float32)

    def of(self, weight: Tensor | None, shape: tuple[int, ...]) -> Array:
        """Return the weights of `shape`, `[sets, n]`; None weighs all alike."""
        # writing into an inference tensor is not counted: made anew
        version = 0
        if weight is not None:
            version = -1 if weight.is_inference() else weight._version
        key = (weight, shape, version)
        last = self._made_from
        if version < 0 or not last or last[0] is not weight or last[1:] != key[1:]:
            share = torch.full(shape, 1 / shape[1])
            if weight is not None:
                own = as_rows(weight, shape)
                share = own / own.sum(-1, keepdim=True)
            self._made, self._made_from = share.numpy(), key
        return self._made


def as_rows(values: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return values of sets in single precision, `[sets, n]`, in one piece."""
    if values.ndim > 2:
        values = values.reshape(-1, values.shape[-1])
    return values.float().expand(shape).contiguous()
