"""Arrays as rows to train on and rows to choose by."""

import warnings
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from losslearn.training.splitting import split_off_validation
from losslearn.metrics.columns import NO_COLUMNS, Columns, take_rows
from losslearn.training.loop import TrainingData

_CHUNK = 2**20
"""Rows taken at a time."""


def split_table(
    x: NDArray[np.float32],
    y_true: NDArray[np.int8],
    *,
    validation_fraction: float,
    seed: int,
    in_order: bool,
    device: str | torch.device,
    columns: Columns = NO_COLUMNS,
) -> TrainingData:
    """Return the table on the device, with the numbers of both parts' rows.

    Args:
        x: Features, shape `[rows, features]`.
        y_true: Targets, 0 or 1.
        validation_fraction: Share of the rows to choose by.
        seed: Of the split.
        in_order: Whether the validation rows are read in the table's order.
        device: Where the rows go.
        columns: What the true loss needs to know of each row besides.

    Raises:
        ValueError: If a class has fewer than two rows.
    """
    n_positive = np.count_nonzero(y_true)
    least = min(n_positive, len(y_true) - n_positive)
    if least < 2:
        raise ValueError(
            "`y` must hold at least 2 rows of each class, one to train and one "
            f"to validate on, got {least} of the rarer class."
        )
    # each part needs a row of each class
    n_valid = max(round(validation_fraction * len(y_true)), 2)
    train, valid = split_off_validation(y_true, n_valid=n_valid, seed=seed)
    if in_order:
        valid.sort()
    table, y_train, y_valid, rows, valid_rows = (
        as_tensor(part).to(device)
        for part in (
            x,
            _take(y_true, train),
            _take(y_true, valid).astype(np.int64),
            train,
            valid,
        )
    )
    there = {name: column.to(device) for name, column in columns.items()}
    return TrainingData(
        table,
        y_train,
        table,
        y_valid,
        rows,
        valid_rows,
        columns=there,
        valid_columns=take_rows(there, valid_rows.long()),
    )


def _take(
    values: NDArray[np.int8], numbers: NDArray[np.signedinteger]
) -> NDArray[np.int8]:
    """Return `values[numbers]`, without holding 8 bytes a row on the way."""
    taken = np.empty(len(numbers), values.dtype)
    for begin in range(0, len(numbers), _CHUNK):
        some = slice(begin, begin + _CHUNK)
        taken[some] = values[numbers[some]]
    return taken


def as_tensor(array: NDArray[Any]) -> Tensor:
    """Return the tensor of an array, which shares its memory."""
    with warnings.catch_warnings():
        # a memory map opened to read: nothing writes into a table
        warnings.filterwarnings("ignore", message="The given NumPy array is not writ")
        return torch.from_numpy(array)
