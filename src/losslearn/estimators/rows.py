"""Arrays and tables as rows to train on and rows to choose by."""

import warnings
from typing import Any, NamedTuple

import torch
from numpy.typing import NDArray
from torch import Tensor

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


def as_tensor(array: NDArray[Any]) -> Tensor:
    """Return the tensor of an array, which shares its memory."""
    with warnings.catch_warnings():
        # a memory map opened to read: nothing writes into a table
        warnings.filterwarnings("ignore", message="The given NumPy array is not writ")
        return torch.from_numpy(array)
