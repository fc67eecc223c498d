"""How much a loss depends on which rows were held out."""

import torch

from losslearn.metrics.columns import take_rows
from losslearn.metrics.sets import Loss, Sets

_CHUNK = 2_000_000
"""Resampled rows held at a time."""


def loss_interval(
    loss: Loss,
    sets: Sets,
    *,
    generator: torch.Generator,
    level: float = 0.95,
    n_resamples: int = 200,
) -> tuple[float, float]:
    """Return a percentile bootstrap interval of a loss over resampled rows.

    It says nothing of how the loss depends on the rows trained on. Resamples without a
    value, as those of one class, are left out.

    Args:
        loss: What to measure, as held-out rows are judged.
        sets: One set of rows.
        generator: Draws the rows.
        level: Share of the resamples inside the interval, in (0, 1).
        n_resamples: How many times the rows are drawn, with replacement.

    Returns:
        Lower and upper end; NaN where no resample has a value.

    Raises:
        ValueError: If `level` or `n_resamples` is out of range.
    """
    if not 0 < level < 1:
        raise ValueError(f"`level` must be in (0, 1), got {level}.")
    if n_resamples < 1:
        raise ValueError(f"`n_resamples` must be at least 1, got {n_resamples}.")
    n, device = len(sets.target), sets.target.device
    values = torch.empty(n_resamples, dtype=torch.float64, device=device)
    for some in values.split(max(_CHUNK // n, 1)):
        size = (len(some), n)
        rows = torch.randint(n, size, generator=generator, device=generator.device)
        rows = rows.to(device)
        columns = take_rows(sets.columns, rows)
        some.copy_(loss(Sets(sets.target[rows], sets.score[rows], None, columns)))
    ends = torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=torch.float64)
    low, high = values.cpu().nanquantile(ends).tolist()
    return low, high
