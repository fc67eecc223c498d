"""Splits that depend on data set and repetition alone, never on the method."""

import hashlib
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

TEST_SHARE = 0.2
"""Share of the rows kept for the test, as in the paper (section 4.1)."""
VALIDATION_SHARE = 0.2
"""Share of the other rows kept to choose by."""


class Split(NamedTuple):
    """Row numbers of the three parts, no row in two of them."""

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]


def seed_of(*axes: object) -> int:
    """Return a seed that is the same for the same axes, on every machine.

    Example:
        >>> [seed_of("a9a", 0) == seed_of("a9a", n) for n in (0, 1)]
        [True, False]
    """
    text = "\x1f".join(str(axis) for axis in axes)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) % (2**31 - 1)


def split_rows(
    y: NDArray[Any], dataset: str, repetition: int, *, max_train_rows: int | None = None
) -> Split:
    """Return the parts of a repetition: 80/20, and the validation rows of the 80.

    Stratified by target, of which each part needs a row of either class. A cap takes
    rows from the training part only, so that a capped run is measured on the very rows
    of a full one.

    Example:
        >>> split = split_rows(np.array([0, 1] * 50), "mine", 0, max_train_rows=20)
        >>> [len(part) for part in split]
        [20, 16, 20]
    """
    rarest = int(np.unique(y, return_counts=True)[1].min())
    if rarest < 5:
        raise ValueError(
            f"{dataset!r} must hold at least 5 rows of each class to be split, "
            f"got {rarest} of the rarer."
        )
    seed = seed_of(dataset, repetition)
    split = partial(train_test_split, random_state=seed)
    rest, test = split(np.arange(len(y)), test_size=TEST_SHARE, stratify=y)
    train, validation = split(rest, test_size=VALIDATION_SHARE, stratify=y[rest])
    if max_train_rows is not None and len(train) > max_train_rows:
        train, _ = split(train, train_size=max_train_rows, stratify=y[train])
    return Split(train, validation, test)
