"""A table's rows divided by a column that says which belong together."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from losslearn.tables.target import called, no_such_column
from losslearn.training.grouping import group_codes, split_by_groups
from losslearn.training.splitting import RowSplit

if TYPE_CHECKING:
    import pandas as pd


def group_column(frame: "pd.DataFrame", group: str, target: str) -> "pd.Series":
    """Return the column that says which rows belong together.

    Raises:
        ValueError: If there is none, or it is the target.
    """
    if group == target:
        raise ValueError(f"{called(target)} cannot be the column of groups as well.")
    if group not in frame.columns:
        raise ValueError(no_such_column(group, [str(name) for name in frame.columns]))
    return frame[group]


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
    train, test, *further = found
    validation = further[0] if further else train[:0]
    split = RowSplit(train, validation, test)
    counts = {
        part: len(np.unique(groups[rows])) for part, rows in split._asdict().items()
    }
    return split, {"column": names.name, **counts}


def check_apart(names: "pd.Series", trained_on: "pd.Series", group: str) -> None:
    """Check that groups of the validation rows are not in the other table as well.

    Raises:
        ValueError: If some are.
    """
    both = set(names.map(str)) & set(trained_on.map(str))
    if both:
        raise ValueError(
            f"{len(both):,} groups of the column {group!r} are in DATA as well, such "
            f"as {min(both)!r}. Leave their rows out of one of the tables."
        )
