"""The built-in models in compiled form: scoring rows, and steps down an objective."""

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float, Integer
from torch import Tensor, nn

from losslearn._fast import name_of
from losslearn._fast.descent import FlatDescent
from losslearn._fast.fitter import (
    Blend,
    CompiledForm,
    Shares,
    compiled_blend,
    has_hooks,
)
from losslearn._fast.kernels import can_compile
from losslearn._fast.kernels.blas import one_thread

if TYPE_CHECKING:
    from losslearn._fast.kernels.feed_forward import Net, Work
    from losslearn._fast.kernels.rows import Table
    from losslearn.metrics import Loss
    from losslearn.models.predictor import TorchPredictor
    from losslearn.models.rows import Drawn

_MODELS = ("losslearn.models.networks.Linear", "losslearn.models.networks.MLP")

_USUAL = {
    "negative_slope": 0.01,
    "momentum": 0.1,
    "eps": 1e-5,
    "affine": True,
    "track_running_stats": True,
}
"""How layers of the built-in models are set up, those that have such a setting."""


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
        and can_compile(x, *model.parameters())
        and x.is_contiguous()
        and all(parameter.requires_grad for parameter in model.parameters())
        and not any(map(has_hooks, model.modules()))
        and _is_as_built(model)
    )
    return CompiledPredictor(part) if is_as_built else part


class CompiledPredictor(CompiledForm):
    """A built-in model that trains without PyTorch's graph, in its training mode.

    It works on the model's own parameters and BatchNorm averages. Dropout draws its
    masks from a seed that it takes from PyTorch's global generator, as dropout does.
    Where the parameters were exchanged, the reference does the work.
    """

    def __init__(self, part: "TorchPredictor") -> None:
        """Bring BatchNorm's averages into one buffer, and its counts into another."""
        model: Any = part.model
        super().__init__(part, _layers(model))
        self.rows, standardizer = part.rows, model.standardizer
        self._mean, self._scale = standardizer.mean.numpy(), standardizer.scale.numpy()
        self._work: Work | None = None
        self._shares = Shares()
        self._x, self._target = part.rows.x.numpy(), part.rows.target.numpy()
        sizes = self.sizes.tolist()
        self._widths = np.array([self._x.shape[1], *sizes], np.int64)
        self._dropouts = [m for m in model.modules() if isinstance(m, nn.Dropout)]
        norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm1d)]
        running = torch.empty(2, sum(sizes[:-1]))
        counts = torch.empty(len(norms), dtype=torch.long)
        # kept as arrays, which cost less than tensors to change or hand over
        self._running, self._batches = running.numpy(), counts.numpy()
        own_averages = running.split(sizes[:-1], dim=1)
        for norm, batches, averages in zip(norms, counts, own_averages, strict=True):
            assert norm.num_batches_tracked is not None, "as built, it counts"
            norm.num_batches_tracked = batches.copy_(norm.num_batches_tracked)
            for row, name in enumerate(("running_mean", "running_var")):
                setattr(norm, name, averages[row].copy_(getattr(norm, name)))

    @property
    def lr(self) -> float:
        """eta_alpha, as it is now."""
        return self.descent.lr

    @lr.setter
    def lr(self, value: float) -> None:
        self.descent.lr = value

    @property
    def penalty(self) -> float:
        """Of the weights, as it is now."""
        return self.descent.penalty

    @penalty.setter
    def penalty(self, value: float) -> None:
        self.descent.penalty = value

    def scores(self, rows: Integer[Tensor, "*sets n"]) -> Float[Tensor, "*sets n"]:
        """Return the scores of some rows in training mode, without gradient."""
        if not self.is_current():
            return self.part.scores(rows)
        from losslearn._fast.kernels.model_steps import score_rows

        numbers, seed = rows.reshape(-1).numpy(), self._draw_seed(1)
        with one_thread():
            values = score_rows(self._net(), self._table(), numbers, seed)
        self._batches += 1
        return torch.from_numpy(values).reshape(rows.shape)

    def moved(
        self,
        rows: Integer[Tensor, "moves *sets n"],
        strength: float,
        *,
        generator: torch.Generator,
    ) -> Float[Tensor, "2 moves *sets n"]:
        """Return scores in evaluation mode, at weights moved to and fro."""
        return self.part.moved(rows, strength, generator=generator)

    def descend(self, objective: "Loss", drawn: "Drawn") -> None:
        """Take one step for each set of rows; in one call, where the loss allows."""
        if not self.is_current():
            self.part.descend(objective, drawn)
            return
        blend = compiled_blend(objective)
        if blend is None:
            self._descend_any(objective, drawn)
        else:
            self._descend_blend(blend, drawn)
        if not self.part.model.training:
            self.part.model.train()

    def _descend_blend(self, blend: Blend, drawn: "Drawn") -> None:
        from losslearn._fast.kernels.model_steps import model_steps

        rows = drawn.rows.numpy()
        steps, n = rows.shape
        weight = self.rows.weights(drawn)
        is_own = weight is not None and weight.ndim > 1
        share = self._shares.of(weight, (steps if is_own else 1, n))
        y, seed = self._target.take(rows).astype(np.float32), self._draw_seed(steps)
        net, table, work = self._net(), self._table(), self._work_for(n)
        adam, done = self.descent.counted(steps)
        with one_thread():
            model_steps(adam, done, net, table, rows, seed, work, y, share, *blend)
        self._batches += steps

    def _descend_any(self, objective: "Loss", drawn: "Drawn") -> None:
        """Take the steps down a loss whose gradient for the scores is PyTorch's."""
        from losslearn._fast.kernels.feed_forward import backward, forward

        net, table = self._net(), self._table()
        n_steps, n = drawn.rows.shape
        work = self._work_for(n)
        if self.rows.columns:  # such sets are taken one by one
            seeds = [self._draw_seed(1) for _ in range(n_steps)]
        else:
            first = self._draw_seed(n_steps)
            seeds = [first + step * len(self._widths) for step in range(n_steps)]
        for seed, one in zip(seeds, drawn.each(), strict=True):
            with one_thread():
                values = forward(net, table, one.rows.numpy(), work, seed)
            score = torch.from_numpy(values).requires_grad_()
            self.descent.zero_grad()
            self.part.step_back(objective, self.rows.sets(one, score))
            assert score.grad is not None, "the objective depends on the scores"
            slope = score.grad.unsqueeze(0).contiguous().numpy()
            with one_thread():
                backward(net, work, slope, self.descent.flat.grad.numpy())
            self.descent.step()
            self._batches += 1

    def _net(self) -> "Net":
        return self.parameters, self._widths, self._running, self._rate

    def _table(self) -> "Table":
        return self._x, self._mean, np.reciprocal(self._scale)

    def _work_for(self, n: int) -> "Work":
        """Return scratch for a set of n rows, made once."""
        if self._work is None or len(self._work[0]) != n:
            table = np.empty((n, self._x.shape[1]), np.float32)
            units = self._running.shape[1]
            outs, normals, masks = np.empty((3, units, n), np.float32)
            self._work = (table, outs, normals, masks, np.empty(units, np.float32))
        return self._work

    @property
    def _rate(self) -> float:
        return self._dropouts[0].p if self._dropouts else 0.0

    def _draw_seed(self, n_steps: int) -> int:
        if self._rate == 0:
            return 0
        # room for the seeds of all layers and steps, so that none wraps around
        return int(torch.randint(2**31 - 1 - n_steps * len(self._widths), ()))


def _layers(model: Any) -> list[nn.Module]:  # noqa: ANN401 - `Linear` or `MLP`
    """Return the layers behind the standardizer."""
    return [model.layers] if isinstance(model.layers, nn.Linear) else [*model.layers]


def _is_as_built(model: nn.Module) -> bool:
    """Return whether nobody has exchanged or set up a layer in another way."""
    layers = _layers(model)
    block = (nn.Linear, nn.LeakyReLU, nn.BatchNorm1d, nn.Dropout)
    expected = (*block * ((len(layers) - 1) // 4), nn.Linear)
    if tuple(type(layer) for layer in layers) != expected:
        return False
    rates = {layer.p for layer in layers if isinstance(layer, nn.Dropout)}
    return (
        len(rates) <= 1
        and max(rates, default=0) < 1
        and all(layer.bias is not None for layer in layers[::4])
        and all(
            getattr(layer, name, usual) == usual
            for layer in layers
            for name, usual in _USUAL.items()
        )
    )
