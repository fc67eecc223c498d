"""Arrays and tables as rows to train on and rows to choose by."""

import hashlib
import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from losslearn import __version__
from losslearn.metrics import TrueLoss
from losslearn.models.rows import Rows
from losslearn.training.splitting import split_off_validation


class Split(NamedTuple):
    """Numbers of the rows of both parts."""

    train: Tensor
    valid: Tensor


def split_numbers(
    strata: Tensor, *, validation_fraction: float, seed: int, in_order: bool
) -> Split:
    """Return which rows to train on, and which to choose by.

    Args:
        strata: Code of each row, from 0.
        validation_fraction: Share of the rows to choose by.
        seed: Of the split.
        in_order: Whether the validation rows are read in the table's order.

    Raises:
        ValueError: If a stratum has fewer than two rows.
    """
    codes = strata.numpy()
    least = int(torch.bincount(strata).min())
    if least < 2:
        raise ValueError(
            "`y` must hold at least 2 rows of each class, one to train and one "
            f"to validate on, got {least} of the rarer class."
        )
    # each part needs a row of each stratum
    n_valid = max(round(validation_fraction * len(codes)), 2)
    train, valid = split_off_validation(codes, n_valid=n_valid, seed=seed)
    if in_order:
        valid.sort()
    return Split(as_tensor(train), as_tensor(valid))


def fit_key(
    train: Rows, valid: Rows, true_loss: TrueLoss, settings: Mapping[str, Any]
) -> str:
    """Return what tells a fit from others: a hash of rows, metric and settings.

    A metric is known by its values for a few scores of the validation rows, which
    change as its code does.
    """
    digest = hashlib.sha256(repr((__version__, torch.__version__)).encode())
    for rows in (train, valid):
        for part in (rows.x, rows.target, rows.numbers, *rows.columns.values()):
            if part is not None:
                digest.update(np.ascontiguousarray(part.cpu().numpy()).data)
    draws, shape = torch.Generator().manual_seed(0), (valid.n_rows, *valid.score_shape)
    scores = [torch.randn(shape, generator=draws).to(valid.x.device) for _ in range(3)]
    values = [float(true_loss(valid.whole(score))) for score in scores]
    digest.update(repr((true_loss.name, values, sorted(settings.items()))).encode())
    return digest.hexdigest()


def as_tensor(array: NDArray[Any]) -> Tensor:
    """Return the tensor of an array, which shares its memory."""
    with warnings.catch_warnings():
        # a memory map opened to read: nothing writes into a table
        warnings.filterwarnings("ignore", message="The given NumPy array is not writ")
        return torch.from_numpy(array)
