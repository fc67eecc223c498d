"""Prediction models: the paper's MLP, a linear model, and how rows get their scores."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Integer
from torch import Tensor, nn


class Standardizer(nn.Module):
    """Features with mean 0 and deviation 1, by statistics taken once from the data.

    Constant features become 0.

    Example:
        >>> import torch
        >>> layer = Standardizer(2).fit(torch.tensor([[0.0, 5.0], [2.0, 5.0]]))
        >>> layer(torch.tensor([[2.0, 5.0]]))
        tensor([[1., 0.]])
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, n_features: int) -> None:
        """Start as the identity."""
        super().__init__()
        self.register_buffer("mean", torch.zeros(n_features))
        self.register_buffer("scale", torch.ones(n_features))

    def fit(self, x: Float[Tensor, "rows features"]) -> "Standardizer":
        """Take mean and deviation from `x`; returns itself."""
        deviation = x.std(dim=0, correction=0)
        # a constant column's deviation is rounding, relative to its size
        floor = 1e-6 * x.abs().amax(dim=0).clamp_min(1e-30)
        self.mean.copy_(x.mean(dim=0))
        self.scale.copy_(torch.where(deviation > floor, deviation, torch.inf))
        return self

    def forward(self, x: Float[Tensor, "*n features"]) -> Float[Tensor, "*n features"]:
        """Return the standardised features."""
        return (x - self.mean) / self.scale


class Linear(nn.Module):
    """One weight a feature and an offset, after standardising the features.

    Shape:
        `[n, features]` to `[n]`.
    """

    def __init__(self, n_features: int) -> None:
        """Start from PyTorch's default initialisation."""
        super().__init__()
        self.standardizer = Standardizer(n_features)
        self.layers = nn.Linear(n_features, 1)

    def forward(self, x: Float[Tensor, "n features"]) -> Float[Tensor, " n"]:
        """Return one score a row."""
        return self.layers(self.standardizer(x)).squeeze(-1)


class MLP(nn.Module):
    """The paper's prediction model (section 4.1).

    Blocks of Linear, LeakyReLU, BatchNorm and Dropout of 100, 30 and 10 units and a
    linear output, after standardising the features.

    Shape:
        `[n, features]` to `[n]`.
    """

    def __init__(
        self,
        n_features: int,
        *,
        hidden: Sequence[int] = (100, 30, 10),
        dropout: float = 0.2,
    ) -> None:
        """Start from PyTorch's default initialisation."""
        super().__init__()
        self.standardizer = Standardizer(n_features)
        layers: list[nn.Module] = []
        width = n_features
        for units in hidden:
            layers += [
                nn.Linear(width, units),
                nn.LeakyReLU(),
                nn.BatchNorm1d(units),
                nn.Dropout(dropout),
            ]
            width = units
        self.layers = nn.Sequential(*layers, nn.Linear(width, 1))

    def forward(self, x: Float[Tensor, "n features"]) -> Float[Tensor, " n"]:
        """Return one score a row."""
        return self.layers(self.standardizer(x)).squeeze(-1)


MODELS: dict[str, type[Linear] | type[MLP]] = {"linear": Linear, "mlp": MLP}


def build_model(name: str, x: Float[Tensor, "rows features"]) -> nn.Module:
    """Return a new model by name, its standardizer fitted to the training rows `x`.

    Raises:
        ValueError: If the name is unknown.
    """
    if name not in MODELS:
        raise ValueError(
            f"`model` must be one of {sorted(MODELS)} or a torch.nn.Module, "
            f"got {name!r}."
        )
    model = MODELS[name](x.shape[1]).to(device=x.device, dtype=x.dtype)
    model.standardizer.fit(x)
    return model


def score_sets(
    model: nn.Module, x: Float[Tensor, "*sets n features"]
) -> Float[Tensor, "*sets n"]:
    """Return the scores of sets of rows in one forward pass, in the model's mode.

    Raises:
        ValueError: If the model does not give one score a row.
    """
    rows = x.reshape(-1, x.shape[-1])
    scores = model(rows)
    if scores.shape == (len(rows), 1):
        scores = scores.squeeze(-1)
    if scores.shape != (len(rows),):
        raise ValueError(
            "`model` must map [n, features] to [n] or [n, 1], got "
            f"{list(rows.shape)} -> {list(scores.shape)}."
        )
    return scores.reshape(x.shape[:-1])


def row_scorer(
    model: nn.Module, x: Float[Tensor, "rows features"]
) -> Callable[[Integer[Tensor, "*sets n"]], Float[Tensor, "*sets n"]]:
    """Return a function from row numbers of `x` to scores, without gradient.

    The model is taken in the state and mode that it is in at each call.
    """

    @torch.no_grad()
    def score(rows: Integer[Tensor, "*sets n"]) -> Float[Tensor, "*sets n"]:
        return score_sets(model, x[rows])

    return score


@torch.no_grad()
def score_rows(
    model: nn.Module, x: Float[Tensor, "rows features"], *, chunk_size: int = 65_536
) -> Float[Tensor, " rows"]:
    """Return every row's score in evaluation mode; the mode is put back."""
    was_training = model.training
    model.eval()
    try:
        return torch.cat([score_sets(model, part) for part in x.split(chunk_size)])
    finally:
        model.train(was_training)
