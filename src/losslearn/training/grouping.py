"""Rows divided by groups, such as persons or days, that stay whole, and by time."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from losslearn.training.splitting import (
    LEAST_ROWS,
    Numbers,
    RowSplit,
    split_by_strata,
)

_NEAR = 0.02
"""How far a part's share of a stratum may be off where equal rows stay in one part."""
_ONE_BY_ONE = 4_000
"""Groups, the largest, that each go where they fit best; the many others are drawn."""


def group_codes(groups: object, *, n_rows: int, called: str) -> NDArray[np.intp]:
    """Return the number of each row's group, from 0.

    Args:
        groups: Name of each row's group, of any type, shape `[rows]`.
        n_rows: How many there must be.
        called: What messages call them.

    Raises:
        ValueError: If there is not one for each row, or a row has none.
    """
    import pandas as pd

    names = groups if isinstance(groups, pd.Series) else np.asarray(groups)
    if names.shape != (n_rows,):
        raise ValueError(
            f"{called} must hold one group for each of the {n_rows} rows, got shape "
            f"{list(names.shape)}."
        )
    codes, _ = pd.factorize(names)
    n_missing = int((codes < 0).sum())
    if n_missing:
        raise ValueError(
            f"{called} lacks a value in {n_missing:,} of {n_rows:,} rows. Give each "
            "row a group; one that belongs to no other, a group of its own."
        )
    return codes


def split_by_groups(
    strata: NDArray[np.integer],
    groups: NDArray[np.integer],
    shares: Sequence[float],
    *,
    least: int,
    seed: int,
    called: str = "`groups`",
) -> list[Numbers]:
    """Return the row numbers of each part, in increasing order; groups stay whole.

    Large groups come first, each to the part whose shares of the strata then are
    nearest to what they should be. Where a part is left with too few rows of a stratum,
    it gets the smallest group with such rows that another part can spare.

    Args:
        strata: Code of each row, from 0.
        groups: Code of each row's group, from 0.
        shares: Of each part, sum 1.
        least: Rows of each stratum that each part must hold.
        seed: Of the split.
        called: What messages call the groups.

    Raises:
        ValueError: If the groups cannot be divided so that each part holds enough.

    Example:
        >>> import numpy as np
        >>> strata, groups = np.arange(12) % 2, np.arange(12) // 3
        >>> parts = split_by_groups(strata, groups, (0.75, 0.25), least=1, seed=0)
        >>> [len(part) for part in parts]
        [9, 3]
    """
    counts = _counted(groups, strata, int(strata.max()) + 1)
    part_of = _fitted(counts, np.asarray(shares), np.random.default_rng(seed))
    _repair(part_of, counts, len(shares), least, called)
    of_row = part_of[groups]
    return [np.flatnonzero(of_row == part) for part in range(len(shares))]


def keep_together(
    split: RowSplit, strata: NDArray[np.integer], codes: NDArray[np.integer], seed: int
) -> RowSplit | None:
    """Return a split as large, with rows of one code in one part.

    Codes that stand more than once are divided as groups are, and all other rows drawn
    to make each part as large as it was, stratum by stratum.

    Args:
        split: Of rows alone.
        strata: Code of each row's stratum, from 0.
        codes: Code of each row, from 0, all of them in use, some more than once.
        seed: Of the split.

    Returns:
        None where most rows have the code of another, or a part would be left with too
        few rows of a stratum, or its share of one be off by more than 2 in 100.

    Example:
        >>> import numpy as np
        >>> from losslearn.training.splitting import split_rows
        >>> strata, codes = np.zeros(50, int), np.r_[0, 0, 0, 1, 1, 2:47]
        >>> split = split_rows(strata, seed=0)
        >>> kept = keep_together(split, strata, codes, seed=0)
        >>> [(len(part), (codes[part] == 0).sum().item()) for part in kept]
        [(30, 3), (10, 0), (10, 0)]
    """
    rows_of, n_strata = np.bincount(codes), int(strata.max()) + 1
    if 2 * len(rows_of) < len(codes):
        return None
    is_single = rows_of[codes] == 1
    singles, copies = np.flatnonzero(is_single), np.flatnonzero(~is_single)
    parts = [name for name, rows in split._asdict().items() if len(rows)]
    wanted = np.stack(
        [
            np.bincount(strata[getattr(split, name)], minlength=n_strata)
            for name in parts
        ]
    )
    generator = np.random.default_rng(seed)
    _, groups = np.unique(codes[copies], return_inverse=True)
    shares = wanted.sum(1) / len(codes)
    part_of = _fitted(_counted(groups, strata[copies], n_strata), shares, generator)
    of_copy = part_of[groups]
    held = _counted(of_copy, strata[copies], n_strata, n_groups=len(parts))
    counts = _shared_out(
        np.maximum(wanted - held, 0), np.bincount(strata[singles], minlength=n_strata)
    )
    got = held + counts
    is_far = np.abs(got - wanted) > np.maximum(_NEAR * wanted.sum(0), 1)
    if is_far.any() or got.min() < LEAST_ROWS:
        return None
    drawn = split_by_strata(strata[singles], counts.T, generator)
    found = {
        name: np.sort(np.concatenate([copies[of_copy == place], singles[drawn[place]]]))
        for place, name in enumerate(parts)
    }
    return split._replace(**found)


def _counted(
    groups: NDArray[np.integer],
    strata: NDArray[np.integer],
    n_strata: int,
    *,
    n_groups: int | None = None,
) -> NDArray[np.intp]:
    """Return how many rows of each stratum each group has, `[groups, strata]`."""
    n = int(groups.max()) + 1 if n_groups is None else n_groups
    cells = groups.astype(np.intp) * n_strata + strata
    return np.bincount(cells, minlength=n * n_strata).reshape(-1, n_strata)


def _shared_out(
    wanted: NDArray[np.integer], there: NDArray[np.integer]
) -> NDArray[np.intp]:
    """Return how many of the rows there are each part gets: its share of those wanted.

    Args:
        wanted: Of each part and stratum, in each stratum no fewer than there are.
        there: Of each stratum.
    """
    until = np.cumsum(wanted, 0) * there / np.maximum(wanted.sum(0), 1)
    return np.diff(np.rint(until).astype(np.intp), axis=0, prepend=0)


def split_by_time(
    strata: NDArray[np.integer],
    times: NDArray[np.generic],
    shares: Sequence[float],
    *,
    least: int,
    called: str,
) -> list[Numbers]:
    """Return the row numbers of each part, the first part the earliest rows.

    Rows of one moment stay in one part: shares are met as nearly as that allows.

    Args:
        strata: Code of each row, from 0.
        times: Of each row; anything that can be sorted.
        shares: Of each part, sum 1.
        least: Rows of each stratum that each part must hold.
        called: What messages call the times.

    Raises:
        ValueError: If a part would hold too few rows of a stratum.

    Example:
        >>> import numpy as np
        >>> times, strata = np.array([3, 1, 2, 4]), np.zeros(4, int)
        >>> split_by_time(strata, times, (0.75, 0.25), least=1, called="times")
        [array([0, 1, 2]), array([3])]
    """
    moments, codes, counts = np.unique(times, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - counts / 2  # of each moment's rows
    part_of = np.searchsorted(np.cumsum(shares[:-1]) * len(times), middle, side="right")
    of_row = part_of[codes]
    n_strata = int(strata.max()) + 1
    for part in range(len(shares)):
        held = np.bincount(strata[of_row == part], minlength=n_strata)
        if held.min() < least:
            raise ValueError(
                f"{called} divides the rows into {len(shares)} parts, of which part "
                f"{part + 1} in time holds {held.min()} rows of one kind, and at least "
                f"{least} are needed ({len(moments):,} moments in all). Take more "
                "data, or divide the rows otherwise."
            )
    return [np.flatnonzero(of_row == part) for part in range(len(shares))]


def _fitted(
    counts: NDArray[np.integer],
    shares: NDArray[np.float64],
    generator: np.random.Generator,
) -> NDArray[np.intp]:
    """Return the part of each group, given its rows of each stratum."""
    total = counts.sum(0)
    missing = shares[:, None] * total  # rows, of each part and stratum
    order = generator.permutation(len(counts))
    order = order[np.argsort(-counts.sum(1)[order], kind="stable")]
    part_of = np.zeros(len(counts), np.intp)
    for group in order[:_ONE_BY_ONE]:
        # how much nearer the squared distances, in shares of the strata, come
        own = counts[group] / np.maximum(total, 1) ** 2
        part = int(((2 * missing - counts[group]) * own).sum(1).argmax())
        part_of[group] = part
        missing[part] -= counts[group]
    rest = generator.permutation(order[_ONE_BY_ONE:])
    if len(rest):
        wanted = np.maximum(missing.sum(1), 0)
        until = np.cumsum(wanted / wanted.sum())
        done = np.cumsum(counts[rest].sum(1)) / counts[rest].sum()
        part_of[rest] = np.searchsorted(until[:-1], done, side="left")
    return part_of


def _repair(
    part_of: NDArray[np.intp],
    counts: NDArray[np.integer],
    n_parts: int,
    least: int,
    called: str,
) -> None:
    """Move groups, in place, until each part holds enough rows of each stratum."""
    held = np.stack([counts[part_of == part].sum(0) for part in range(n_parts)])
    sizes = counts.sum(1)
    while (held < least).any():
        part, code = np.argwhere(held < least)[0]
        spares = (held[part_of] - counts >= least) | (counts == 0)
        movable = (part_of != part) & (counts[:, code] > 0) & spares.all(1)
        if not movable.any():
            n = int((counts[:, code] > 0).sum())
            raise ValueError(
                f"{called} cannot be divided into {n_parts} parts, each with {least} "
                f"or more rows of each kind: those of one kind are in {n} groups. "
                "Take smaller groups, or more data."
            )
        group = int(np.where(movable, sizes, sizes.max() + 1).argmin())
        held[part_of[group]] -= counts[group]
        held[part] += counts[group]
        part_of[group] = part
