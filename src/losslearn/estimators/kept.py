"""Where the state of a fit is kept while it runs, and by what it is known again."""

import hashlib
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from losslearn import __version__
from losslearn.metrics import TrueLoss
from losslearn.models.rows import Rows
from losslearn.training.checkpoint import Checkpoint


def checkpoint_of(
    path: str | PathLike[str] | None,
    train: Rows,
    valid: Rows,
    true_loss: TrueLoss,
    *,
    model: str | nn.Module,
    **settings: Any,  # noqa: ANN401 - whatever else the fit depends on
) -> Checkpoint | None:
    """Return where the state of this fit is kept; None where it is not."""
    if path is None:
        return None
    known = repr(model)
    if isinstance(model, nn.Module):
        known += repr([part.double().sum().item() for part in model.parameters()])
    key = fit_key(train, valid, true_loss, {**settings, "model": known})
    return Checkpoint(Path(path), key)


def fit_key(
    train: Rows, valid: Rows, true_loss: TrueLoss, settings: Mapping[str, Any]
) -> str:
    """Return what tells a fit from others: a hash of rows, metric and settings.

    A metric is known by its values for a few scores of the validation rows, which
    change as its code does.
    """
    digest = hashlib.sha256(repr((__version__, torch.__version__)).encode())
    for rows in (train, valid):
        further = (rows.weight, *rows.columns.values())
        for part in (rows.x, rows.target, rows.numbers, *further):
            if part is not None:
                digest.update(np.ascontiguousarray(part.cpu().numpy()).data)
    draws, shape = torch.Generator().manual_seed(0), (valid.n_rows, *valid.score_shape)
    scores = [torch.randn(shape, generator=draws).to(valid.x.device) for _ in range(3)]
    values = [float(true_loss(valid.whole(score))) for score in scores]
    digest.update(repr((true_loss.name, values, sorted(settings.items()))).encode())
    return digest.hexdigest()
