"""Rows divided by number, of each stratum (as of a class) its share to each part.

No row of a large table is copied, and a row number takes four bytes where it can.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Numbers = NDArray[np.signedinteger]

LEAST_ROWS = 2
"""Rows of each stratum in every part of `split_rows`, so that its loss is defined."""


class RowNumbers(NamedTuple):
    """Row numbers of both parts, in the order of the draw."""

    train: Numbers
    validation: Numbers


class RowSplit(NamedTuple):
    """Row numbers of the three parts, each in increasing order."""

    train: Numbers
    validation: Numbers
    test: Numbers


def split_by_strata(
    strata: NDArray[np.integer],
    counts: ArrayLike,
    generator: np.random.Generator | np.random.RandomState,
) -> list[Numbers]:
    """Draw `counts`, `[strata, parts]`, rows: each part's, stratum by stratum."""
    of_stratum = np.asarray(counts)  # all rows of each
    numbers = np.arange(len(strata), dtype=np.int32 if len(strata) < 2**31 else None)
    # all of them before the first is shuffled, then without the numbers themselves
    rows = [numbers[strata == code] for code in range(len(of_stratum))]
    del numbers
    split = []
    for own, sizes in zip(rows, of_stratum, strict=True):
        generator.shuffle(own)
        split.append(np.split(own, np.cumsum(sizes)[:-1]))
    return [np.concatenate(part) for part in zip(*split, strict=True)]


def split_off_validation(
    strata: NDArray[np.integer], *, n_valid: int, seed: int
) -> RowNumbers:
    """Draw validation rows, of each stratum its share, and in both parts one at least.

    The rows, and their order, are those of scikit-learn's `train_test_split` with
    `stratify=strata`, which takes some 100 bytes a row; this takes 20. Where that would
    leave a part without a stratum, a row of it changes places with one of another.

    Raises:
        ValueError: If a part would hold fewer rows than there are strata, or a stratum
            has fewer than two rows.

    Example:
        >>> import numpy as np
        >>> parts = split_off_validation(np.array([0, 0, 0, 1, 1]), n_valid=2, seed=0)
        >>> [len(part) for part in parts]
        [3, 2]
    """
    n_train, rows_of = len(strata) - n_valid, np.bincount(strata)
    if min(n_train, n_valid) < len(rows_of):
        raise ValueError(
            f"Training and validation rows must be at least {len(rows_of)} each, got "
            f"{n_train} and {n_valid} of {len(strata)}. Choose another "
            "`validation_fraction`."
        )
    if rows_of.min() < 2:
        raise ValueError(
            "Each stratum (as a class) needs 2 rows, one to train and one to validate "
            f"on, got {rows_of.min()}."
        )
    generator = np.random.RandomState(seed)
    of_train = _share_out(n_train, rows_of, generator)
    of_valid = rows_of - of_train
    for few, many in ((of_valid, of_train), (of_train, of_valid)):
        for code in np.flatnonzero(few == 0):  # there is one to give up for each
            richest = few.argmax()
            few[[code, richest]] += 1, -1
            many[[code, richest]] += -1, 1
    # scikit-learn draws once more, for what is no choice: all that is left
    _share_out(n_valid, of_valid, generator)
    counts = np.column_stack([of_train, of_valid])
    parts = RowNumbers(*split_by_strata(strata, counts, generator))
    for part in parts:
        generator.shuffle(part)
    return parts


def _share_out(
    n_rows: int, counts: NDArray[np.integer], generator: np.random.RandomState
) -> NDArray[np.integer]:
    """Return how many of `n_rows` each stratum gets: its share, largest rests up."""
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


def split_rows(
    strata: ArrayLike,
    *,
    test_size: float = 0.2,
    validation_size: float = 0.2,
    seed: int,
    names: Sequence[object] | None = None,
) -> RowSplit:
    """Divide the rows into training, validation and test rows, each stratum alike.

    Depends on nothing but the strata and the seed. Every part holds at least two rows
    of each stratum; no row is left out. Sizes are shares of the rows, 0 for no part;
    names are what an error calls the strata.

    Raises:
        ValueError: If the shares leave no training rows, or a stratum has too few rows.

    Example:
        >>> parts = split_rows([0] * 16 + [1] * 8, test_size=0.25, seed=0)
        >>> [len(part) for part in parts]
        [13, 5, 6]
    """
    codes = np.asarray(strata).astype(np.intp)
    sizes = {"test_size": test_size, "validation_size": validation_size}
    if min(sizes.values()) < 0 or sum(sizes.values()) >= 1:
        raise ValueError(
            "`test_size` and `validation_size` must be shares that leave rows to train "
            f"on, got {test_size} and {validation_size}."
        )
    rows_of = np.bincount(codes)
    needed = LEAST_ROWS * (1 + sum(size > 0 for size in sizes.values()))
    counts = []
    for code, n in enumerate(rows_of.tolist()):
        if n < needed:
            name = code if names is None else names[code]
            raise ValueError(
                f"Class {name!r} has too few rows: {n}; at least {needed} are needed, "
                f"{LEAST_ROWS} in each part."
            )
        counts.append(_part_sizes(n, test_size, validation_size))
    parts = split_by_strata(codes, counts, np.random.default_rng(seed))
    test, validation, train = (np.sort(part) for part in parts)
    return RowSplit(train, validation, test)


def _part_sizes(n: int, *sizes: float) -> list[int]:
    """Return how many of `n` rows each part gets; the rest are training rows."""
    counts = [max(LEAST_ROWS, round(size * n)) if size > 0 else 0 for size in sizes]
    while n - sum(counts) < LEAST_ROWS:
        counts[counts.index(max(counts))] -= 1
    return [*counts, n - sum(counts)]
