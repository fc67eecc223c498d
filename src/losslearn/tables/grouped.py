"""A table's rows divided by a column: which belong together, or when they were."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from losslearn.encoding.columns import as_dates, as_numbers, read_kind
from losslearn.tables.target import called, no_such_column
from losslearn.training.grouping import group_codes, split_by_groups, split_by_time
from losslearn.training.splitting import Numbers, RowSplit

if TYPE_CHECKING:
    import pandas as pd


def dividing_column(
    frame: "pd.DataFrame", group: str, target: str, *, instead_of: str | None = None
) -> "pd.Series":
    """Return the column that says which rows belong together, or when they were.

    Raises:
        ValueError: If there is none, it is the target, or another divides the rows.
    """
    if instead_of is not None:
        raise ValueError(
            f"{group!r} (`time`, --time) and {instead_of!r} (`groups`, --group) divide "
            "the rows in two ways. Leave one of them out."
        )
    if group == target:
        raise ValueError(f"{called(target)} cannot divide the rows as well.")
    if group not in frame.columns:
        raise ValueError(no_such_column(group, [str(name) for name in frame.columns]))
    return frame[group]


def divide_by_time(
    strata: NDArray[np.integer], column: "pd.Series", *, sizes: Sequence[float]
) -> RowSplit:
    """Divide the rows by time: training rows first, then validation, then test rows.

    Args:
        strata: Code of each row.
        column: Dates, or numbers that grow with time.
        sizes: Shares of training, validation and test rows; 0 for no part.

    Raises:
        ValueError: If the column holds neither, lacks a value, a part would hold too
            few rows of a stratum, or there is one part alone.
    """
    shares = [size for size in sizes if size > 0]
    if len(shares) == 1:
        raise ValueError(
            "`time` (--time) divides the rows, and with `valid` and `test` nothing is "
            "left to divide. Leave it out."
        )
    said = f"The column {column.name!r} (--time)"
    if (n_missing := int(column.isna().sum())) > 0:
        raise ValueError(f"{said} lacks a value in {n_missing:,} rows. Fill them in.")
    reading = read_kind(column)
    times: NDArray[Any]
    if reading.kind == "date":
        times = as_dates(column, date_formats=reading.date_formats).to_numpy()
    elif reading.kind == "number" and not reading.marks:
        times = as_numbers(column, form=reading.form)
    else:
        raise ValueError(f"{said} must hold dates, or numbers that grow with time.")
    found = split_by_time(strata, times, shares, least=2, called=said)
    return RowSplit(*_placed(found, sizes))


def _placed(found: Sequence[Numbers], sizes: Sequence[float]) -> list[Numbers]:
    """Return the rows of each part, none for one of size 0."""
    parts = iter(found)
    return [next(parts) if size > 0 else np.empty(0, np.intp) for size in sizes]


def divide_groups(
    strata: NDArray[np.integer],
    names: "pd.Series",
    *,
    sizes: Sequence[float],
    seed: int,
) -> tuple[RowSplit, dict[str, Any]]:
    """Divide the rows, groups whole, and count the groups of each part.

    Args:
        strata: Code of each row.
        names: Group of each row.
        sizes: Shares of training, test and validation rows; 0 for no part.
        seed: Of the split.

    Raises:
        ValueError: If a row has no group, or the groups cannot be divided.
    """
    said = f"The column {names.name!r} (--group)"
    groups = group_codes(names, n_rows=len(strata), called=said)
    shares = [size for size in sizes if size > 0]
    found = split_by_groups(strata, groups, shares, least=2, seed=seed, called=said)
    train, test, validation = _placed(found, sizes)
    split = RowSplit(train, validation, test)
    counts = {
        part: len(np.unique(groups[rows])) for part, rows in split._asdict().items()
    }
    return split, {"column": names.name, **counts}


def count_apart(
    table: "pd.DataFrame",
    others: "Mapping[str, pd.DataFrame]",
    group: str,
    target: str,
) -> int:
    """Return how many groups a table has, none of which is in others, by their names.

    Raises:
        ValueError: If some are, or the table does not say which groups it has.
    """
    names = dividing_column(table, group, target)
    for name, other in others.items():
        both = set(names.map(str)) & set(other[group].map(str))
        if both:
            raise ValueError(
                f"{len(both):,} groups of the column {group!r} are in {name} as well, "
                f"such as {min(both)!r}. Leave their rows out of one of the tables."
            )
    return int(names.nunique())
