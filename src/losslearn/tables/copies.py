"""Rows that stand more than once, in one table or in two."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from losslearn.encoding.columns import as_text, cast_text, code_values, is_id, read_kind

if TYPE_CHECKING:
    import pandas as pd


_MOSTLY, _SAMPLE = 0.95, 1_000
"""A column may be one of ids if so many of its rows differ, and its first ones do."""


def copy_codes(
    features: "pd.DataFrame", read_as: Mapping[str, str]
) -> NDArray[np.intp]:
    """Return a code for each row, from 0, which rows that are equal to a model share.

    Ids, and columns that are to be ignored, are not looked at. Nor is the target: a
    model that learned one of two equal rows by heart has a guess at the other, and
    where their targets differ it is no fairer a test.

    Args:
        features: The table, without its target.
        read_as: What columns are to be read as, by name.

    Example:
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"a": [1, 2, 1, 1], "b": ["x", "y", "x", "z"]})
        >>> copy_codes(frame, {}).tolist()
        [0, 1, 0, 2]
    """
    import pandas as pd

    found = np.zeros(len(features), np.uint64)
    for name in features.columns:
        if read_as.get(name) != "ignore":
            column, hashed = features[name], _of_column(features[name])
            if name in read_as or not _names_rows(column, hashed):
                found = _mixed(found, hashed)
    codes, _ = pd.factorize(found)
    return codes


def _names_rows(column: "pd.Series", hashed: NDArray[np.uint64]) -> bool:
    """Return whether an encoder would leave a column out as one of ids."""
    import pandas as pd

    if len(pd.unique(hashed)) < _MOSTLY * len(hashed):  # which is soon seen
        return False
    first = column[:_SAMPLE]
    try:
        return is_id(first, read_kind(first).kind)
    except (OverflowError, ValueError):  # of which the encoder will tell
        return False


def count_copies(frame: "pd.DataFrame", *among: "pd.DataFrame") -> int:
    """Return how many rows of a table are equal to a row of others in all columns.

    Numbers are equal however they are written, as in files of two formats. Columns that
    the table or the other one lacks are not looked at.

    Example:
        >>> import pandas as pd
        >>> one = pd.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "z"]})
        >>> count_copies(one, pd.DataFrame({"b": ["z", "x"], "a": ["3", "2"]}))
        1
    """
    found = np.zeros(len(frame), bool)
    for other in among:
        shared = [name for name in frame.columns if name in other.columns]
        found |= np.isin(_hashes(frame[shared]), _hashes(other[shared]))
    return int(found.sum())


def _hashes(frame: "pd.DataFrame") -> NDArray[np.uint64]:
    """Return eight bytes for each row; of unequal rows they are so by chance only."""
    found = np.zeros(len(frame), np.uint64)
    for name in frame.columns:
        found = _mixed(found, _of_column(frame[name]))
    return found


def _mixed(
    found: NDArray[np.uint64], further: NDArray[np.uint64]
) -> NDArray[np.uint64]:
    return found * np.uint64(0x100000001B3) + further


def _of_column(column: "pd.Series") -> NDArray[np.uint64]:
    from pandas.api import types
    from pandas.util import hash_array

    numbers = cast_text(column)
    is_number = types.is_numeric_dtype(column.dtype)
    if types.is_bool_dtype(column.dtype) or types.is_complex_dtype(column.dtype):
        is_number = False  # in a text file they are none
    if numbers is None and is_number:
        numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
    if numbers is not None:
        return hash_array(numbers + 0.0)  # no -0.0
    coded = code_values(column)
    texts = np.array([*map(as_text, coded.values), ""], dtype=object)
    return hash_array(texts, categorize=False)[coded.codes]  # -1 takes the last
