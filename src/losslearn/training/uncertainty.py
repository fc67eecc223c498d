"""Whether a difference of two models on the same rows is more than chance."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from losslearn.metrics import TrueLoss
from losslearn.metrics.columns import NO_COLUMNS, Columns, take_rows

_N_RESAMPLES = 100
"""The standard error is then known to 7 %."""
_MAX_ROWS = 2**18
"""Rows of the resamples that are valued in one call."""
_ENOUGH_ROWS = 2**18
"""Rows of a resample, where there are more to draw."""
_LEAST_ROWS = 1_000
"""Rows of the rarer class, if there are so many, that a smaller resample holds."""


class Difference(NamedTuple):
    """Loss of one model minus that of another, on the same rows."""

    value: float
    """Below 0 where the first is better."""
    standard_error: float
    """Of `value`, over the choice of rows; 0 for models that do the same."""

    @property
    def is_clear_gain(self) -> bool:
        """Whether the first is better by more than the standard error."""
        return self.value < -self.standard_error


def loss_difference(
    true_loss: TrueLoss,
    y_true: Integer[Tensor, " n"],
    y_scores: Sequence[Float[Tensor, " n"]],
    thresholds: Sequence[float | None],
    *,
    columns: Columns = NO_COLUMNS,
    seed: int,
) -> Difference:
    """Return the difference of two models' losses, with its bootstrap standard error.

    Rows are resampled with replacement within each class, the same for both models
    (paired), and each is judged at its own threshold (Efron and Tibshirani, 1993). Of
    very many rows fewer are drawn, and the error is scaled (the m out of n bootstrap;
    Bickel, Götze and van Zwet, 1997).

    Args:
        true_loss: What is compared.
        y_true: Targets.
        y_scores: Scores of the first model and of the second.
        thresholds: Of each; None for a loss without one.
        columns: What the loss needs to know of each row besides.
        seed: Of the resampling.

    Returns:
        The difference on the rows as they are, and its standard error.
    """
    losses = [
        true_loss if threshold is None else true_loss.with_threshold(threshold)
        for threshold in thresholds
    ]
    first, second = (
        float(loss(y_true, y_score, columns=columns))
        for loss, y_score in zip(losses, y_scores, strict=True)
    )
    if torch.equal(y_scores[0], y_scores[1]) and thresholds[0] == thresholds[1]:
        return Difference(0.0, 0.0)
    generator = torch.Generator(y_true.device).manual_seed(seed)
    classes = [torch.nonzero(y_true == kind).squeeze(-1) for kind in (1, 0)]
    rarer = max(min(map(len, classes)), 1)
    share = min(max(_ENOUGH_ROWS / len(y_true), _LEAST_ROWS / rarer), 1.0)
    sizes = [round(share * len(kind)) for kind in classes]
    at_once = max(_MAX_ROWS // max(sum(sizes), 1), 1)
    # in one tensor: small ones kept among large ones that go would hold their memory
    found = torch.empty(_N_RESAMPLES, dtype=torch.float64, device=y_true.device)
    for some in found.split(at_once):
        rows = torch.cat(
            [
                _resample(kind, (len(some), size), generator=generator)
                for kind, size in zip(classes, sizes, strict=True)
            ],
            dim=-1,
        )
        resampled = take_rows(columns, rows)
        ours, theirs = (
            loss(y_true[rows], y_score[rows], columns=resampled)
            for loss, y_score in zip(losses, y_scores, strict=True)
        )
        some.copy_(ours - theirs)
    found = found[found.isfinite()]
    error = float(found.std()) if len(found) > 1 else float("nan")
    return Difference(first - second, error * math.sqrt(sum(sizes) / len(y_true)))


def _resample(
    rows: Integer[Tensor, " n"], shape: tuple[int, int], *, generator: torch.Generator
) -> Integer[Tensor, "n_sets size"]:
    places = torch.randint(len(rows), shape, generator=generator, device=rows.device)
    return rows[places]
