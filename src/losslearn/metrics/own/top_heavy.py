"""Whether a loss depends on the rows of the highest scores alone."""

import torch
from torch import Tensor

from losslearn.metrics.sets import Sets
from losslearn.metrics.true_loss import TrueLoss

_N_SETS, _N_ROWS = 8, 512
_LITTLE = 0.1
"""Below this share of what the highest scores do, the others do not count."""


def is_top_heavy(loss: TrueLoss) -> bool:
    """Return whether exchanging rows below the highest scores leaves a loss alone.

    Rows change places within the highest eighth of a set's scores, and within the rest;
    in sets of poor scores, and of good ones, where a recall at a precision, say,
    depends on what is further down.

    Raises:
        MetricError: If a user's metric behind the loss fails.
    """
    place = torch.linspace(0, 1, _N_ROWS, dtype=torch.float64)  # the highest score is 0
    poor, good = 0.7 - 0.6 * place, torch.where(place < 0.5, 0.9, 0.05)
    return all(_top_decides(loss, chance) for chance in (poor, good))


def _top_decides(loss: TrueLoss, chance: Tensor) -> bool:
    """Return whether it is so where rows are positive with a chance by their place."""
    generator = torch.Generator().manual_seed(0)
    shape = (_N_SETS, _N_ROWS)

    def uniform() -> Tensor:
        return torch.rand(shape, generator=generator, dtype=torch.float64)

    y_score = uniform().sort(-1, descending=True).values
    y_true = (uniform() < chance).long()
    columns = {name: uniform() for name in loss.columns}
    before = loss(Sets(y_true, y_score, columns=columns))

    def change(part: slice) -> Tensor:
        """Return how much the loss changes where the rows of a part change places."""
        order = torch.arange(_N_ROWS).repeat(_N_SETS, 1)
        order[:, part] = order[:, part].gather(-1, uniform()[:, part].argsort(-1))
        there = {name: column.gather(-1, order) for name, column in columns.items()}
        after = loss(Sets(y_true.gather(-1, order), y_score, columns=there))
        return (after - before).square().mean().sqrt()

    top, rest = slice(0, _N_ROWS // 8), slice(_N_ROWS // 8, None)
    return bool(change(rest) < _LITTLE * change(top))
