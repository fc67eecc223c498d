"""Where the state of a fit is kept while it runs, and by what it is known again."""

import hashlib
import math
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from losslearn import __version__
from losslearn.metrics import MetricError, Sets, TrueLoss
from losslearn.models.rows import Rows
from losslearn.training.checkpoint import Checkpoint


def checkpoint_of(
    given: str | PathLike[str] | Checkpoint | None,
    train: Rows,
    valid: Rows,
    true_loss: TrueLoss,
    *,
    model: object,
    max_time: float | None,
    **settings: Any,  # noqa: ANN401 - whatever else the fit depends on
) -> Checkpoint | None:
    """Return where the state of this fit is kept; None where it is not.

    One that was given knows already for how long the job is, of which this fit has
    what time is left.
    """
    if given is None:
        return None
    known = repr(model)
    if isinstance(model, nn.Module):
        known += repr([part.double().sum().item() for part in model.parameters()])
    kept = given
    if not isinstance(kept, Checkpoint):
        kept = Checkpoint(Path(kept), f"{max_time} ")
    kept.key += fit_key(train, valid, true_loss, {**settings, "model": known})
    return kept


def fit_key(
    train: Rows, valid: Rows, true_loss: TrueLoss, settings: Mapping[str, Any]
) -> str:
    """Return what tells a fit from others: a hash of rows, metric and settings.

    A metric is known by its code, if it is at hand, by its value for some scores of the
    validation rows, and by what was found of it.
    """
    digest = hashlib.sha256(repr((__version__, torch.__version__)).encode())
    for rows in (train, valid):
        further = (rows.weight, *rows.columns.values())
        for part in (rows.x, rows.target, rows.numbers, *further):
            if part is not None:
                digest.update(np.ascontiguousarray(part.cpu().numpy()).data)
    draws, shape = torch.Generator().manual_seed(0), (valid.n_rows, *valid.score_shape)
    score = torch.randn(shape, generator=draws).to(valid.x.device)
    value = _value(true_loss, valid.whole(score))
    known = true_loss.name, true_loss.scale_invariant, true_loss.is_top_heavy
    code = "" if true_loss.own is None else true_loss.own.source
    digest.update(repr((*known, code, value, sorted(settings.items()))).encode())
    return digest.hexdigest()


def _value(true_loss: TrueLoss, sets: Sets) -> float:
    """Return the loss in a call that does not depend on how long calls take."""
    try:
        return float(true_loss.in_a_call()(sets))
    except MetricError:
        return math.nan
