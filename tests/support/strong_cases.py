"""A small TabM and rows for it."""

from typing import Any

import torch
from torch import Tensor

from losslearn.models.kinds import Fitting
from losslearn.models.rows import Rows
from losslearn.models.strong.kind import Ensemble
from losslearn.models.strong.predictor import EnsemblePredictor
from losslearn.models.strong.tabm import TabM

TINY = TabM(k=3, n_blocks=2, d_block=8, batch_size=32, patience=3)


def rows_of(n: int = 120, *, seed: int = 0, **further: Any) -> Rows:
    """Return rows of two classes that two features tell apart."""
    draws = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 4, generator=draws)
    target = (x[:, 0] + x[:, 1] + 0.5 * torch.randn(n, generator=draws) > 0).long()
    return Rows(x, target, **further)


def predictor_of(
    rows: Rows, settings: TabM = TINY, **fitting: Any
) -> EnsemblePredictor:
    """Return a small TabM of some rows, from one seed."""
    torch.manual_seed(0)
    given = {"lr": 1e-2, "max_grad_norm": None, "seed": 0, **fitting}
    return Ensemble(settings).predictor(rows, Fitting(**given))


def equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    """Return whether weights are the same to the bit."""
    return all(torch.equal(part, other[name]) for name, part in one.items())
