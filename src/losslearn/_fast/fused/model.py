"""The built-in models in compiled form: scoring rows, and steps down an objective."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Integer
from numpy.typing import NDArray
from torch import Tensor, nn

from losslearn._fast.descent import AdamArrays, ClippedAdam
from losslearn._fast.fused.surrogate import (
    FusedSurrogate,
    SetArrays,
    Weights,
    has_hooks,
)
from losslearn._fast.kernels import can_compile
from losslearn._fast.kernels.blas import one_thread
from losslearn.models.networks import MLP, Linear

Array = NDArray[np.float32]
Rows = NDArray[np.int64]

Network = tuple[Array, NDArray[np.int64], bool]
"""Parameters and widths of a surrogate, and whether it standardises scores."""

_NO_SURROGATE: Network = (np.empty(0, np.float32), np.empty(0, np.int64), False)


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


class FusedModel:
    """A built-in model that trains without PyTorch's graph, in its training mode.

    It works on the model's own parameters and BatchNorm averages. Dropout draws its
    masks from a seed that it takes from PyTorch's global generator, as dropout does.
    """

    def __init__(self, model: Linear | MLP, descent: ClippedAdam, x: Tensor) -> None:
        """Bring BatchNorm's averages into one buffer, and its counts into another.

        Args:
            model: What is trained.
            descent: Over its parameters.
            x: The table whose rows are drawn.
        """
        self._standardizer, self._descent = model.standardizer, descent
        self._alpha = self._buffers().values
        self._arrays = SetArrays()
        self._work: Work | None = None
        self._x = x.numpy()
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
                part = running[row, at : at + norm.num_features]
                part.copy_(getattr(norm, name))
                setattr(norm, name, part)
            at += norm.num_features

    @classmethod
    def of(
        cls, model: nn.Module, descent: ClippedAdam, x: Tensor
    ) -> "FusedModel | None":
        """Return the fast form of a model, or None where there is none.

        There is one for `Linear` and `MLP` as they are built: none derived from them,
        frozen in part, with hooks, or with layers exchanged.
        """
        if not isinstance(model, Linear | MLP) or descent.arrays is None:
            return None
        parameters = list(model.parameters())
        plain = (
            can_compile(x, *parameters)
            and x.is_contiguous()
            and all(parameter.requires_grad for parameter in parameters)
            and type(model) in (Linear, MLP)
            and not any(map(has_hooks, model.modules()))
            and _is_as_built(model)
        )
        return cls(model, descent, x) if plain else None

    def is_current(self) -> bool:
        """Return whether the model's parameters still are those in the buffer."""
        return self._first.data_ptr() == self._place

    def scores(self, rows: Integer[Tensor, "*sets n"]) -> Float[Tensor, "*sets n"]:
        """Return the scores of some rows in training mode, without gradient."""
        from losslearn._fast.kernels.feed_forward import score_rows

        with one_thread():
            values = score_rows(
                self._alpha,
                self._widths,
                *self._at(rows.reshape(-1)),
                self._draw_seed(1),
            )
        self._count_batches(1)
        return torch.from_numpy(values).reshape(rows.shape)

    def steps(
        self,
        rows: Integer[Tensor, "steps n"],
        y_true: Integer[Tensor, " n"],
        *,
        sample_weight: Float[Tensor, " n"] | None,
        surrogate: FusedSurrogate | None,
        weights: Weights,
    ) -> Float[Tensor, "steps n"]:
        """Take one step for each set of rows, all in one call.

        Args:
            rows: Row numbers of each step's set.
            y_true: Targets of a set, the same for each.
            sample_weight: Weight of each place of a set.
            surrogate: The learned loss; None for cross-entropy alone.
            weights: Of the learned loss and of cross-entropy.

        Returns:
            The scores before each step.
        """
        from losslearn._fast.kernels.feed_forward import model_steps

        y, share = self._arrays.of(y_true, sample_weight, (1, len(y_true)))
        scores = np.empty(rows.shape, np.float32)
        with one_thread():
            model_steps(
                *self._adam(0),
                self._widths,
                *self._at(rows),
                self._draw_seed(len(rows)),
                *self._work_for(rows.shape[1]),
                y,
                share,
                *(_NO_SURROGATE if surrogate is None else _network(surrogate)),
                *weights,
                scores,
            )
        self._count_steps(len(rows))
        return torch.from_numpy(scores)

    def descend(
        self,
        objective: Callable[..., Tensor],
        rows: Integer[Tensor, "steps n"],
        y_true: Integer[Tensor, " n"],
        *,
        sample_weight: Float[Tensor, " n"] | None,
    ) -> Float[Tensor, "steps n"]:
        """Take one step for each set of rows down any objective.

        PyTorch works out the objective's gradient for the scores, and no more.

        Args:
            objective: Of targets and scores, one value a set.
            rows: Row numbers of each step's set.
            y_true: Targets of a set, the same for each.
            sample_weight: Weight of each place of a set.

        Returns:
            The scores before each step.
        """
        from losslearn._fast.kernels.feed_forward import backward_step, forward_step

        work = self._work_for(rows.shape[1])
        seed = self._draw_seed(len(rows))
        scores = []
        for step, some in enumerate(rows):
            with one_thread():
                values = forward_step(
                    self._alpha,
                    self._widths,
                    *self._at(some),
                    seed + step * len(self._widths),
                    *work,
                )
            score = torch.from_numpy(values).requires_grad_()
            self._descent.zero_grad()
            objective(y_true, score, sample_weight=sample_weight).mean().backward()
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
            scores.append(score.detach())
        return torch.stack(scores)

    def _adam(self, ahead: int) -> tuple[Array, Array, Array, Array, int, float, float]:
        """Return Adam's buffers and settings, with the number of a step to come."""
        arrays, descent = self._buffers(), self._descent
        step = int(arrays.n_steps) + ahead
        return (*arrays[:4], step, descent.lr, descent.max_grad_norm)

    def _buffers(self) -> AdamArrays:
        arrays = self._descent.arrays
        assert arrays is not None, "`of` has seen to it"
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


def _network(surrogate: FusedSurrogate) -> Network:
    return surrogate.beta, surrogate.sizes, surrogate.standardize


def _layers(model: Linear | MLP) -> list[nn.Module]:
    """Return the layers behind the standardizer."""
    if isinstance(model.layers, nn.Linear):
        return [model.layers]
    return list(model.layers)


def _is_as_built(model: Linear | MLP) -> bool:
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
