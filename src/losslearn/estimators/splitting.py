"""Validation rows by number, so that no row of a large table is copied."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state


class RowNumbers(NamedTuple):
    """Row numbers of both parts, in the order of the draw."""

    train: NDArray[np.signedinteger]
    validation: NDArray[np.signedinteger]


def split_off_validation(
    y_true: NDArray[np.integer], *, n_valid: int, seed: int
) -> RowNumbers:
    """Draw validation rows, of each class its share.

    The rows, and their order, are those of scikit-learn's `train_test_split` with
    `stratify=y_true`, which takes some 100 bytes a row; this takes 20.

    Args:
        y_true: Targets, 0 or 1.
        n_valid: How many rows to split off.
        seed: Seed of the draw.

    Raises:
        ValueError: If a part would hold fewer rows than there are classes.

    Example:
        >>> import numpy as np
        >>> parts = split_off_validation(
        ...     np.array([0, 0, 0, 1, 1, 1]), n_valid=2, seed=0
        ... )
        >>> [len(part) for part in parts]
        [4, 2]
    """
    n_train = len(y_true) - n_valid
    if min(n_train, n_valid) < 2:
        raise ValueError(
            f"Training and validation rows must be at least 2 each, got {n_train} and "
            f"{n_valid} of {len(y_true)}. Choose another `validation_fraction`."
        )
    numbers = np.arange(
        len(y_true), dtype=np.int32 if len(y_true) < 2**31 else np.int64
    )
    classes = [numbers[y_true == code] for code in (0, 1)]
    del numbers
    generator = check_random_state(seed)
    counts = np.array([len(rows) for rows in classes])
    of_train = _share_out(n_train, counts, generator)
    of_valid = _share_out(n_valid, counts - of_train, generator)
    train, validation = [], []
    for i, rows in enumerate(classes):
        generator.shuffle(rows)
        train.append(rows[: of_train[i]])
        validation.append(rows[of_train[i] : of_train[i] + of_valid[i]])
    parts = RowNumbers(np.concatenate(train), np.concatenate(validation))
    for part in parts:
        generator.shuffle(part)
    return parts


def _share_out(
    n_rows: int, counts: NDArray[np.integer], generator: np.random.RandomState
) -> NDArray[np.integer]:
    """Return how many of `n_rows` each class gets: its share, the largest rests up."""
    exact = counts / counts.sum() * n_rows
    shares = np.floor(exact)
    rest = exact - shares
    missing = int(n_rows - shares.sum())
    for value in np.unique(rest)[::-1]:
        if missing == 0:
            break
        tied = np.flatnonzero(rest == value)
        n_raised = min(len(tied), missing)
        shares[generator.choice(tied, size=n_raised, replace=False)] += 1
        missing -= n_raised
    return shares.astype(np.intp)
