"""Faster forms of the lower level: one compiled call, or one CUDA graph."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn

from losslearn._fast import name_of
from losslearn._fast.cuda_graphs import GraphedFunction, addresses_of
from losslearn._fast.descent import FlatDescent
from losslearn._fast.kernels import can_compile

if TYPE_CHECKING:
    from losslearn._fast.kernels.set_network import SetNet
    from losslearn.metrics import Loss, Sets
    from losslearn.surrogate.fitter import SurrogateFitter, Weights

Array = NDArray[np.float32]

_CROSS_ENTROPY = "losslearn.tasks.cross_entropy.CrossEntropy"
"""The one usual loss that is compiled."""
_NO_FRAME = np.array([0, 1], np.float32)
_NO_SURROGATE = (np.empty(0, np.float32), np.empty(0, np.int64), False, _NO_FRAME)
_SURROGATE = "losslearn.surrogate.network.SetSurrogate"
_VIEW = "losslearn.tasks.tokens.ScoreTokens"


def faster(part: "SurrogateFitter") -> "SurrogateFitter | Faster":
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
        and name_of(part.usual_loss) == _CROSS_ENTROPY
        and can_compile(*surrogate.parameters())
    )
    return CompiledFitter(part) if is_compiled else part


def has_hooks(module: nn.Module) -> bool:
    """Return whether something is called when PyTorch runs a module."""
    kinds = ("forward_", "forward_pre_", "backward_", "backward_pre_")
    return any(getattr(module, f"_{kind}hooks") for kind in kinds)


class Faster:
    """Hands on to a part what has no faster form."""

    def __init__(self, part: Any) -> None:  # noqa: ANN401 - a fitter or a predictor
        """Keep the part, and its descent, which `faster` has seen to be flat."""
        self.part = part
        self.descent: FlatDescent = part.descent

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the part has
        """Return what the part has."""
        return getattr(self.part, name)


class CompiledForm(Faster):
    """A part whose module's parameters compiled calls work on, in their buffer."""

    def __init__(self, part: Any, layers: Iterable[nn.Module]) -> None:  # noqa: ANN401 - as above
        """Find the parameters of the module's linear layers in their buffer."""
        super().__init__(part)
        linear = [layer for layer in layers if isinstance(layer, nn.Linear)]
        self.sizes = np.array([layer.out_features for layer in linear], np.int64)
        values = self.descent.flat.values.detach()
        self.parameters: Array = values.numpy()
        self._first, self._place = linear[0], values.data_ptr()

    def is_current(self) -> bool:
        """Return whether the module's parameters still are those in the buffer."""
        return self._first.weight.data_ptr() == self._place


class CompiledFitter(CompiledForm):
    """A fitter whose passes forward and back are one compiled call each.

    It works on the surrogate's own parameters; where these were exchanged, or scores
    are of another kind, the reference does the work.

    Attributes:
        network: The surrogate, as kernels take it, for scores in its frame.
    """

    def __init__(self, part: "SurrogateFitter") -> None:
        """Lay out the surrogate as kernels take it."""
        surrogate = part.surrogate
        super().__init__(part, (*surrogate.encoder, *surrogate.decoder))
        standardize = bool(surrogate.view.standardize)
        self.network = (self.parameters, self.sizes, standardize, _NO_FRAME)
        # looked up once: a module finds its buffers slowly
        self._shift, self._scale = surrogate.loss_shift, surrogate.loss_scale
        self._fit_shares, self._shares = Shares(), Shares()

    def framing(self) -> "SetNet":
        """Return the surrogate, as kernels take it, for scores that are in no frame."""
        centre, scale, _ = self.part.frame
        return (*self.network[:3], np.array((centre, scale), np.float32))

    def _takes(self, score: Tensor) -> bool:
        return self.is_current() and can_compile(score)

    def _units(self) -> tuple[float, float]:
        """Return what is added to the network's output, in its unit, and the unit."""
        scale = self._scale.item()
        return self._shift.item() / scale, scale

    def _rows(self, sets: "Sets", shares: "Shares") -> tuple[Array, Array, Array]:
        """Return targets, scores and shares as kernels take them."""
        n = sets.score.shape[-1]
        score = sets.score.detach().contiguous().numpy().reshape(-1, n)
        y = as_rows(sets.target, score.shape)
        return y.numpy(), score, shares.of(sets.weight, score.shape)

    def fit(
        self, sets: "Sets", loss: Float[Tensor, "steps sets"]
    ) -> Float[Tensor, " steps"]:
        """Take a step for each entry of the first axis; return the errors before."""
        if not self._takes(sets.score):
            return self.part.fit(sets, loss)
        from losslearn._fast.kernels.set_network import fit_steps

        rows = self._rows(sets, self._fit_shares)
        # arrays, since a few numbers take PyTorch longer than a step of the kernel
        shift, scale = self._units()
        unit_loss = (loss.numpy() / scale - shift).astype(np.float32)
        adam, done = self.descent.counted(len(loss))
        errors = fit_steps(adam, done, self.network, rows, unit_loss)
        errors *= scale
        return torch.from_numpy(errors)

    def values(self, sets: "Sets") -> Float[Tensor, "*sets"]:
        """Return the learned loss alone, in its own units, without a graph."""
        if not self._takes(sets.score):
            return self.part.values(sets)
        value, _ = self._evaluated(self.network, sets, (1.0, 0.0))
        return value * self._scale

    def value_and_slope(
        self, sets: "Sets", weights: tuple[float, float]
    ) -> tuple[Float[Tensor, "*sets"], Tensor]:
        """Return the blend of each set and its gradient for the scores."""
        if self.part.frame.squashed or not self._takes(sets.score):
            return self.part.value_and_slope(sets, weights)
        return self._evaluated(self.framing(), sets, weights)

    def _evaluated(
        self, network: "SetNet", sets: "Sets", weights: tuple[float, float]
    ) -> tuple[Tensor, Tensor]:
        from losslearn._fast.kernels.set_network import blend_cross_entropy
        from losslearn._fast.kernels.set_network import value_and_slope as evaluate

        rows = self._rows(sets, self._shares)
        values, slope = np.empty(len(rows[1]), np.float32), np.empty_like(rows[1])
        evaluate(network, rows, values, slope)
        values += np.float32(self._units()[0])
        if weights != (1, 0):
            blend_cross_entropy((weights[0], weights[1]), rows, values, slope)
        value = torch.from_numpy(values).reshape(sets.score.shape[:-1])
        return value, torch.from_numpy(slope).reshape(sets.score.shape)


Blend = tuple["SetNet", tuple[float, float]]
"""A surrogate, and what it and cross-entropy count for."""


def compiled_blend(objective: "Loss") -> Blend | None:
    """Return what an objective is made of, or None where it is not compiled."""
    if name_of(objective) == _CROSS_ENTROPY:
        return _NO_SURROGATE, (0.0, 1.0)
    fitter = getattr(objective, "fitter", None)
    if not isinstance(fitter, CompiledFitter) or not fitter.is_current():
        return None
    learned, usual = getattr(objective, "weights")  # noqa: B009 - of whoever has a fitter
    return fitter.framing(), (float(learned), float(usual))


class RecordedFitter(Faster):
    """A fitter on a GPU whose launches are recorded once, and sent at once."""

    def __init__(self, part: "SurrogateFitter") -> None:
        """Record nothing yet."""
        super().__init__(part)
        addresses = addresses_of(part.surrogate)
        self._kind: Any  # of the sets
        self._weights: Weights

        def fit(*rows: Tensor) -> tuple[Tensor, ...]:
            return (part.fit(self._kind(*rows[:-1]), rows[-1]),)

        def slope(*rows: Tensor) -> tuple[Tensor, ...]:
            return part.value_and_slope(self._kind(*rows), self._weights)

        self._graphed_fit = GraphedFunction(
            fit, works_on=lambda: (addresses(), self.descent.works_on())
        )
        self._graphed_slope = GraphedFunction(
            slope, works_on=lambda: (addresses(), self._weights, part.frame)
        )

    def fit(self, sets: "Sets", loss: Tensor) -> Tensor:
        """Take a step for each entry of the first axis; return the errors before."""
        if sets.columns or sets.weight is None:
            return self.part.fit(sets, loss)
        self._kind = type(sets)
        (errors,) = self._graphed_fit(sets.target, sets.score, sets.weight, loss)
        return errors

    def value_and_slope(
        self, sets: "Sets", weights: "Weights"
    ) -> tuple[Tensor, Tensor]:
        """Return the blend of each set and its gradient for the scores."""
        if sets.columns or sets.weight is None:
            return self.part.value_and_slope(sets, weights)
        self._weights, self._kind = weights, type(sets)
        value, slope = self._graphed_slope(sets.target, sets.score, sets.weight)
        return value, slope


class Shares:
    """Weights of sum 1 as an array, made anew only when they change.

    A sampler's are the same object in every iteration.
    """

    def __init__(self) -> None:
        """Start with nothing made."""
        self._weight: Tensor | None = None
        self._kind: object = None
        self._made = np.empty((0, 0), np.float32)

    def of(self, weight: Tensor | None, shape: tuple[int, ...]) -> Array:
        """Return the weights of `shape`, `[sets, n]`; None weighs all alike."""
        # writing into an inference tensor is not counted: made anew
        is_counted = weight is None or not weight.is_inference()
        kind = (shape, weight._version if weight is not None and is_counted else 0)
        if not is_counted or weight is not self._weight or kind != self._kind:
            share = torch.full(shape, 1 / shape[1])
            if weight is not None:
                own = as_rows(weight, shape)
                share = own / own.sum(-1, keepdim=True)
            self._made, self._weight, self._kind = share.numpy(), weight, kind
        return self._made


def as_rows(values: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return values of sets in single precision, `[sets, n]`, in one piece."""
    if values.ndim > 2:
        values = values.reshape(-1, values.shape[-1])
    return values.float().expand(shape).contiguous()
