"""Prediction models: the paper's MLP, a linear model, and how rows get their scores."""

import copy
import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from jaxtyping import Float, Integer
from torch import Tensor, nn

Table = Float[Tensor, "rows features"]
Taken = Integer[Tensor, " taken"] | None
"""The numbers of some rows of a table, in an order; None takes all."""

Spreads = Float[Tensor, " features"] | None
"""The deviation of each feature in a model; None for 1."""

Shape = tuple[int, ...]

_CHUNK = 2**18
"""Values of a table, or numbers of its rows, that are looked at at a time."""

_SCORED_ROWS, _SCORED = 8_192, 2**22
"""Rows, and values of a table, that are scored at a time, at most."""


class Standardizer(nn.Module):
    """Features with mean 0 and deviation 1, by statistics taken once from the data.

    Or of deviations of their own. Constant features become 0.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, n_features: int) -> None:
        """Start as the identity."""
        super().__init__()
        self.register_buffer("mean", torch.zeros(n_features))
        self.register_buffer("scale", torch.ones(n_features))

    def fit(
        self, x: Table, *, rows: Taken = None, spreads: Spreads = None
    ) -> "Standardizer":
        """Take mean and deviation from rows of `x`, each once.

        Features get deviations of 1, or `spreads`.

        One pass over the table, a chunk at a time, in double (Chan, Golub and LeVeque,
        1983): a table in a memory map is read once, in order. Returns itself.
        """
        is_taken = None
        if rows is not None:
            is_taken = torch.zeros(len(x), dtype=torch.bool, device=rows.device)
            for some in rows.split(_CHUNK):
                is_taken[some.long()] = True
        dtype = torch.float32 if x.device.type == "mps" else torch.float64
        count = 0
        mean, squares, largest = x.new_zeros(3, x.shape[1], dtype=dtype)
        step = max(_CHUNK // max(x.shape[1], 1), 1)
        for begin in range(0, len(x), step):
            part = x[begin : begin + step]
            if is_taken is not None:
                part = part[is_taken[begin : begin + step]]
            if len(part) == 0:
                continue
            n, part = len(part), part.to(dtype)
            variance, centre = torch.var_mean(part, dim=0, correction=0)
            gap, share = centre - mean, n / (count + n)
            squares = squares + n * variance + gap.square() * count * share
            mean, count = mean + gap * share, count + n
            largest = torch.maximum(largest, part.abs().amax(dim=0))
        deviation = (squares / max(count, 1)).sqrt()
        # a constant column's deviation is rounding, relative to its size
        floor = 1e-6 * largest.clamp_min(1e-30)
        self.mean.copy_(mean)
        self.scale.copy_(torch.where(deviation > floor, deviation, torch.inf))
        if spreads is not None:
            self.scale /= spreads.to(self.scale)
        return self

    def forward(self, x: Float[Tensor, "*n features"]) -> Float[Tensor, "*n features"]:
        """Return the standardised features."""
        return (x - self.mean) / self.scale


class _Standardizing(nn.Module):
    """Layers behind a standardizer: `[n, features]` to `[n, *score_shape]`."""

    layers: nn.Module

    def __init__(self, n_features: int, score_shape: Shape) -> None:
        super().__init__()
        self.score_shape = score_shape
        self.standardizer = Standardizer(n_features)

    def forward(self, x: Float[Tensor, "n features"]) -> Float[Tensor, "n ..."]:
        """Return the scores of each row."""
        return self.layers(self.standardizer(x)).reshape(len(x), *self.score_shape)


class Linear(_Standardizing):
    """One weight a feature and an offset, after standardising the features."""

    layers: nn.Linear

    def __init__(self, n_features: int, *, score_shape: Shape = ()) -> None:
        """Start from PyTorch's default initialisation."""
        super().__init__(n_features, score_shape)
        self.layers = nn.Linear(n_features, math.prod(score_shape))


class MLP(_Standardizing):
    """The paper's prediction model (section 4.1).

    Blocks of Linear, LeakyReLU, BatchNorm and Dropout of 100, 30 and 10 units and a
    linear output, after standardising the features.
    """

    def __init__(
        self,
        n_features: int,
        *,
        score_shape: Shape = (),
        hidden: Sequence[int] = (100, 30, 10),
        dropout: float = 0.2,
    ) -> None:
        """Start from PyTorch's default initialisation."""
        super().__init__(n_features, score_shape)
        widths, layers = (n_features, *hidden), []
        for fan_in, units in pairwise(widths):
            layers += [nn.Linear(fan_in, units), nn.LeakyReLU()]
            layers += [nn.BatchNorm1d(units), nn.Dropout(dropout)]
        self.layers = nn.Sequential(
            *layers, nn.Linear(widths[-1], math.prod(score_shape))
        )


MODELS: dict[str, type[Linear] | type[MLP]] = {"linear": Linear, "mlp": MLP}


def build_model(
    name: str,
    x: Table,
    *,
    rows: Taken = None,
    score_shape: Shape = (),
    spreads: Spreads = None,
) -> nn.Module:
    """Return a new model, "linear" or "mlp", standardising by the training rows.

    Raises:
        ValueError: If the name is unknown.
    """
    if name not in MODELS:
        raise ValueError(
            f"`model` must be one of {sorted(MODELS)} or a torch.nn.Module, "
            f"got {name!r}."
        )
    model = MODELS[name](x.shape[1], score_shape=score_shape)
    model.to(device=x.device, dtype=x.dtype)
    model.standardizer.fit(x, rows=rows, spreads=spreads)
    return model


def check_weights(model: nn.Module) -> None:
    """Check that the weights of one of these models are numbers to score with.

    Raises:
        ValueError: If one is NaN or infinite. The scale of a constant feature, which is
            to become 0, is infinite rightly.
    """
    for name, weights in model.state_dict().items():
        is_scale = name == "standardizer.scale"
        if not bool((weights > 0 if is_scale else weights.isfinite()).all()):
            raise ValueError(f"the weights {name!r} are not all finite numbers")


def score_sets(
    model: Callable[[Tensor], Tensor],
    x: Float[Tensor, "*sets n features"],
    *,
    score_shape: Shape = (),
) -> Tensor:
    """Return the scores of sets of rows in one forward pass, in the model's mode.

    The model maps `[n, features]` to `[n, *score_shape]`; `[n, 1]` is one score a row.

    Raises:
        ValueError: If the model gives scores of another shape.
    """
    rows = x.reshape(-1, x.shape[-1])
    scores = model(rows)
    if score_shape == () and scores.shape == (len(rows), 1):
        scores = scores.squeeze(-1)
    if scores.shape != (len(rows), *score_shape):
        wanted = ", ".join(("n", *map(str, score_shape)))
        one = "" if score_shape else " or [n, 1]"
        raise ValueError(
            f"`model` must map [n, features] to [{wanted}]{one}, got "
            f"{list(rows.shape)} -> {list(scores.shape)}."
        )
    return scores.reshape(*x.shape[:-1], *score_shape)


def gather_rows(
    x: Table, rows: Integer[Tensor, "*sets n"]
) -> Float[Tensor, "*sets n features"]:
    """Return `x[rows]`, in half of the time and less that PyTorch takes for that."""
    return x.index_select(0, rows.reshape(-1)).reshape(*rows.shape, *x.shape[1:])


@torch.no_grad()
def score_rows(
    model: nn.Module,
    x: Table,
    *,
    rows: Taken = None,
    score_shape: Shape = (),
    dtype: torch.dtype | None = None,
) -> Float[Tensor, "taken ..."]:
    """Return every row's score in evaluation mode; the mode is put back.

    The model (see `score_sets`) calculates in `dtype`, or else in the table's type.
    """
    size = max(min(_SCORED_ROWS, _SCORED // max(x.shape[1], 1)), 1)
    parts = (
        x.split(size)
        if rows is None
        else (gather_rows(x, some) for some in rows.split(size))
    )
    n = len(x) if rows is None else len(rows)
    was_training = model.training
    model.eval()
    scores, begin = x.new_empty(0), 0
    try:
        for part in parts:
            here = score_sets(model, part.to(dtype=dtype), score_shape=score_shape)
            if begin == 0:
                # in one piece: between many small ones what is freed stays held
                scores = here.new_empty((n, *score_shape))
            scores[begin : begin + len(here)] = here
            begin += len(here)
    finally:
        model.train(was_training)
    return scores


def exact_scores(
    model: nn.Module, x: Table, *, rows: Taken = None, score_shape: Shape = ()
) -> Float[Tensor, "taken ..."]:
    """Return the same as `score_rows`, worked out in float64.

    In float32 a row's score depends, in its last digits, on the rows scored with it.
    """
    exact = copy.deepcopy(model).double()
    return score_rows(exact, x, rows=rows, score_shape=score_shape, dtype=torch.float64)
