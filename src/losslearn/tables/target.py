"""The target column of a table."""

import difflib
from typing import TYPE_CHECKING

import numpy as np

from losslearn._wording import listed, shown
from losslearn.encoding.columns import cast_text

if TYPE_CHECKING:
    import pandas as pd

Label = bool | int | float | str
"""What a class can be called: what JSON can hold."""


_NO_LABELS = (list, tuple, dict, set, frozenset, bytes, complex, np.ndarray)


def take_target(
    frame: "pd.DataFrame", target: str
) -> tuple["pd.DataFrame", "pd.Series"]:
    """Return a table's other columns and its target column, of what JSON can hold.

    Numbers written as text are numbers, and whole ones stay whole where a column holds
    them as floats; dates become text. Other labels are what the file says.

    Args:
        frame: The table.
        target: Name of its target column.

    Raises:
        ValueError: If the column is absent, lacks values, holds infinite ones or what
            is no label, or if no other column is left.
    """
    if target not in frame.columns:
        raise ValueError(no_such_column(target, [str(name) for name in frame.columns]))
    if frame.shape[1] == 1:
        raise ValueError(f"The table has no column besides the target {target!r}.")
    column = frame[target]
    n_missing = int(column.isna().sum())
    if n_missing:
        raise ValueError(
            f"The target column {target!r} lacks a value in {n_missing:,} of "
            f"{len(column):,} rows. Remove these rows or fill them in."
        )
    return frame.drop(columns=target), _as_json_can_hold(column)


def _as_json_can_hold(column: "pd.Series") -> "pd.Series":
    import pandas as pd
    from pandas.api import types

    _check_labels(column)
    numbers = cast_text(column)
    if numbers is not None:
        column = pd.Series(numbers, index=column.index, name=column.name)
    if types.is_datetime64_any_dtype(column.dtype):
        return column.map(str)
    if not types.is_float_dtype(column.dtype):
        return column
    if not np.isfinite(column.to_numpy(np.float64)).all():
        raise ValueError(f"The target column {column.name!r} holds infinite values.")
    is_whole = (column == column.round()).all() and column.abs().max() < 2**53
    return column.astype(np.int64) if is_whole else column


def _check_labels(column: "pd.Series") -> None:
    """Check that the values are no containers, and numbers that a file can hold."""
    values = column.cat.categories if hasattr(column, "cat") else column
    if values.dtype != object:
        return
    for value in values:
        is_number = isinstance(value, int) and not -(2**63) <= value < 2**64
        if is_number or isinstance(value, _NO_LABELS):
            what = "an integer of too many digits" if is_number else shown(value)
            raise ValueError(
                f"The target column {column.name!r} holds {what}; expected text, "
                "numbers or truth values in each row."
            )


def called(target: str) -> str:
    """Return what messages call a target column."""
    return f"The target column {target!r}"


def no_such_column(target: str, columns: list[str]) -> str:
    """Return that there is no such column, and which are there."""
    folded = {name.casefold(): name for name in columns}
    near = [
        folded[name]
        for name in difflib.get_close_matches(target.casefold(), folded, cutoff=0.5)
    ]
    hint = f"the nearest are {listed(near)}" if near else f"it has {listed(columns)}"
    return f"The table has no column {target!r}; {hint}."
