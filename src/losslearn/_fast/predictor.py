"""The built-in models in compiled form: scoring rows, and steps down an objective."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Integer
from numpy.typing import NDArray
from torch import Tensor, nn

from losslearn._fast import name_of
from losslearn._fast.descent import AdamArrays, FlatDescent
from losslearn._fast.fitter import CROSS_ENTROPY, CompiledFitter, Shares, has_hooks
from losslearn._fast.kernels import can_compile
from losslearn._fast.kernels.blas import one_thread

if TYPE_CHECKING:
    from losslearn.metrics import Loss
    from losslearn.models.predictor import TorchPredictor
    from losslearn.models.rows import Drawn

Array = NDArray[np.float32]
Rows = NDArray[np.int64]

_MODELS = ("losslearn.models.networks.Linear", "losslearn.models.networks.MLP")


class Work(NamedTuple):
    """Scratch for a set of n rows: what the way forward leaves for the way back."""

    table: Array
    """The standardised rows, shape `[n, features]`."""
    outs: Array
    """Each block's output, shape `[units, n]`, as the next two."""
    normals: Array
    """The normalised activations."""
    masks: Array
    """Dropout's and LeakyReLU's factors."""
    inverses: Array
    """One over BatchNorm's deviations, shape `[units]`."""


def faster(part: "TorchPredictor") -> "TorchPredictor | CompiledPredictor":
    """Return the fast form of a predictor, or itself where there is none.

    There is one for `Linear` and `MLP` as they are built, on a CPU in single precision:
    none derived from them, frozen in part, with hooks, or with layers exchanged.
    """
    model, x = part.model, part.rows.x
    is_as_built = (
        name_of(model) in _MODELS
        and not part.rows.score_shape
        and isinstance(part.descent, FlatDescent)
        and part.descent.arrays is not None
        and can_compile(x, *model.parameters())
        and x.is_contiguous()
        and all(parameter.requires_grad for parameter in model.parameters())
        and not any(map(has_hooks, model.modules()))
        and _is_as_built(model)
    )
    return CompiledPredictor(part) if is_as_built else part


class CompiledPredictor:
    """A built-in model that trains without PyTorch's graph, in its training mode.

    It works on the model's own parameters and BatchNorm averages. Dropout draws its
    masks from a seed that it takes from PyTorch's global generator, as dropout does.
    Where the parameters were exchanged, the reference does the work.
    """

    def __init__(self, part: "TorchPredictor") -> None:
        """Bring BatchNorm's averages into one buffer, and its counts into another."""
        self.part, self.rows = part, part.rows
        model: Any = part.model
        self._descent: FlatDescent = part.descent  # type: ignore[assignment] # seen to
        self._standardizer = model.standardizer
        self._alpha = self._buffers().values
        self._work: Work | None = None
        self._shares = Shares()
        self._x, self._target = part.rows.x.numpy(), part.rows.target.numpy()
        linear = [layer for layer in _layers(model) if isinstance(layer, nn.Linear)]
        self._widths = np.array(
            [linear[0].in_features, *(layer.out_features for layer in linear)], np.int64
        )
        self._first = linear[0].weight
        self._place = self._first.data_ptr()
        self._norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm1d)]
        self._dropouts = [m for m in model.modules() if isinstance(m, nn.Dropout)]
        n_units = sum(norm.num_features for norm in self._norms)
        running = torch.empty(2, n_units)
        counts = torch.empty(len(self._norms), dtype=torch.long)
        # kept as arrays, which cost less than tensors to change or hand over
        self._running, self._batches = running.numpy(), counts.numpy()
        at = 0
        for norm, batches in zip(self._norms, counts, strict=True):
            assert norm.num_batches_tracked is not None, "as built, it counts"
            norm.num_batches_tracked = batches.copy_(norm.num_batches_tracked)
            for row, name in enumerate(("running_mean", "running_var")):
                part_of = running[row, at : at + norm.num_features]
                part_of.copy_(getattr(norm, name))
                setattr(norm, name, part_of)
            at += norm.num_features

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the part has
        """Hand on what has no faster form."""
        return getattr(self.part, name)

    @property
    def lr(self) -> float:
        """eta_alpha, as it is now."""
        return self._descent.lr

    @lr.setter
    def lr(self, value: float) -> None:
        self._descent.lr = value

    def is_current(self) -> bool:
        """Return whether the model's parameters still are those in the buffer."""
        return self._first.data_ptr() == self._place

    def scores(self, rows: Integer[Tensor, "*sets n"]) -> Float[Tensor, "*sets n"]:
        """Return the scores of some rows in training mode, without gradient."""
        if not self.is_current():
            return self.part.scores(rows)
        from losslearn._fast.kernels.model_steps import score_rows

        with one_thread():
            values = score_rows(
                self._alpha,
                self._widths,
                *self._at(rows.reshape(-1)),
                self._draw_seed(1),
            )
        self._count_batches(1)
        return torch.from_numpy(values).reshape(rows.shape)

    def descend(self, objective: "Loss", drawn: "Drawn") -> None:
        """Take one step for each set of rows; in one call, where the loss allows."""
        if not self.is_current():
            self.part.descend(objective, drawn)
            return
        blend = _compiled_blend(objective)
        if blend is None:
            self._descend_any(objective, drawn)
        else:
            self._descend_blend(blend, drawn)
        if not self.part.model.training:
            self.part.model.train()

    def _descend_blend(self, blend: "_Blend", drawn: "Drawn") -> None:
        from losslearn._fast.kernels.model_steps import model_steps

        rows = drawn.rows.numpy()
        steps, n = rows.shape
        is_own = drawn.weight is not None and drawn.weight.ndim > 1
        share = self._shares.of(drawn.weight, (steps if is_own else 1, n))
        with one_thread():
            model_steps(
                *self._adam(0),
                self._widths,
                *self._at(drawn.rows),
                self._draw_seed(steps),
                *self._work_for(n),
                self._target[rows].astype(np.float32),
                share,
                *blend,
            )
        self._count_steps(steps)

    def _descend_any(self, objective: "Loss", drawn: "Drawn") -> None:
        """Take the steps down a loss whose gradient for the scores is PyTorch's."""
        from losslearn._fast.kernels.model_steps import backward_step, forward_step

        work = self._work_for(drawn.rows.shape[1])
        n_steps, apart = len(drawn.rows), len(self._widths)
        if self.rows.columns:  # such sets are taken one by one
            seeds = [self._draw_seed(1) for _ in range(n_steps)]
        else:
            first = self._draw_seed(n_steps)
            seeds = [first + step * apart for step in range(n_steps)]
        for seed, one in zip(seeds, drawn.each(), strict=True):
            with one_thread():
                values = forward_step(
                    self._alpha,
                    self._widths,
                    *self._at(one.rows),
                    seed,
                    *work,
                )
            score = torch.from_numpy(values).requires_grad_()
            self._descent.zero_grad()
            self.part.step_back(objective, self.rows.sets(one, score))
            assert score.grad is not None, "the objective depends on the scores"
            with one_thread():
                backward_step(
                    *self._adam(1),
                    self._widths,
                    self._rate,
                    *work,
                    score.grad.unsqueeze(0).contiguous().numpy(),
                )
            self._descent.step_unclipped()
            self._count_steps(1)

    def _adam(self, ahead: int) -> tuple[Array, Array, Array, Array, int, float, float]:
        """Return Adam's buffers and settings, with the number of a step to come."""
        arrays, descent = self._buffers(), self._descent
        step = int(arrays.n_steps) + ahead
        return (*arrays[:4], step, descent.lr, descent.max_grad_norm)

    def _buffers(self) -> AdamArrays:
        arrays = self._descent.arrays
        assert arrays is not None, "`faster` has seen to it"
        return arrays

    def _at(self, rows: Tensor) -> tuple[Array, float, Array, Rows, Array, Array]:
        """Return what the kernels need to score rows of the table."""
        return (
            self._running,
            self._rate,
            self._x,
            rows.numpy(),
            self._standardizer.mean.numpy(),
            np.reciprocal(self._standardizer.scale.numpy()),
        )

    def _work_for(self, n: int) -> Work:
        """Return scratch for a set of n rows, made once."""
        if self._work is None or len(self._work.table) != n:
            units = int(self._widths[1:-1].sum())
            shapes = ((n, int(self._widths[0])), *((units, n),) * 3, (units,))
            self._work = Work(*(np.empty(shape, np.float32) for shape in shapes))
        return self._work

    @property
    def _rate(self) -> float:
        return self._dropouts[0].p if self._dropouts else 0.0

    def _draw_seed(self, n_steps: int) -> int:
        if self._rate == 0:
            return 0
        # room for the seeds of all layers and steps, so that none wraps around
        return int(torch.randint(2**31 - 1 - n_steps * len(self._widths), ()))

    def _count_steps(self, n: int) -> None:
        n_steps = self._buffers().n_steps
        n_steps += n
        self._count_batches(n)

    def _count_batches(self, n: int) -> None:
        if self._norms:
            self._batches += n


_Blend = tuple[Array, NDArray[np.int64], bool, float, float]
"""Parameters and widths of a surrogate, whether it standardises scores, and weights."""

_NO_SURROGATE = (np.empty(0, np.float32), np.empty(0, np.int64), False)


def _compiled_blend(objective: "Loss") -> _Blend | None:
    """Return what an objective is made of, or None where it is not compiled."""
    if name_of(objective) == CROSS_ENTROPY:
        return (*_NO_SURROGATE, 0.0, 1.0)
    fitter = getattr(objective, "fitter", None)
    if not isinstance(fitter, CompiledFitter) or not fitter.is_current():
        return None
    weights: tuple[float, float] = getattr(objective, "weights")  # noqa: B009 - of whoever has a fitter
    return (fitter.beta, fitter.sizes, fitter.standardize, *weights)


def _layers(model: Any) -> list[nn.Module]:  # noqa: ANN401 - `Linear` or `MLP`
    """Return the layers behind the standardizer."""
    if isinstance(model.layers, nn.Linear):
        return [model.layers]
    return list(model.layers)


def _is_as_built(model: nn.Module) -> bool:
    """Return whether nobody has exchanged or set up a layer in another way."""
    layers = _layers(model)
    block = (nn.Linear, nn.LeakyReLU, nn.BatchNorm1d, nn.Dropout)
    expected = (*block * ((len(layers) - 1) // 4), nn.Linear)
    if tuple(type(layer) for layer in layers) != expected:
        return False
    rates = {layer.p for layer in layers if isinstance(layer, nn.Dropout)}
    return len(rates) <= 1 and all(map(_has_defaults, layers))


def _has_defaults(layer: nn.Module) -> bool:
    """Return whether a layer is set up as the built-in models' are."""
    if isinstance(layer, nn.Linear):
        return layer.bias is not None
    if isinstance(layer, nn.LeakyReLU):
        return layer.negative_slope == 0.01
    if isinstance(layer, nn.BatchNorm1d):
        same = (layer.momentum, layer.eps) == (0.1, 1e-5)
        return same and layer.affine and layer.track_running_stats
    return isinstance(layer, nn.Dropout) and layer.p < 1
