"""Rows divided by groups, such as persons or days, that stay whole, and by time."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from losslearn.training.splitting import Numbers

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
    n_groups, n_strata = int(groups.max()) + 1, int(strata.max()) + 1
    cells = groups.astype(np.intp) * n_strata + strata
    counts = np.bincount(cells, minlength=n_groups * n_strata).reshape(-1, n_strata)
    part_of = _fitted(counts, np.asarray(shares), np.random.default_rng(seed))
    _repair(part_of, counts, len(shares), least, called)
    of_row = part_of[groups]
    return [np.flatnonzero(of_row == part) for part in range(len(shares))]


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
