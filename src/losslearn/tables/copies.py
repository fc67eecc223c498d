"""Rows of one table that stand in another as well."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from losslearn.encoding.columns import as_text, cast_text, code_values

if TYPE_CHECKING:
    import pandas as pd


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
        found = found * np.uint64(0x100000001B3) + _of_column(frame[name])
    return found


def _of_column(column: "pd.Series") -> NDArray[np.uint64]:
    from pandas.api import types
    from pandas.util import hash_array

    numbers = cast_text(column)
    is_truth = types.is_bool_dtype(column.dtype)  # in a text file it is no number
    if numbers is None and types.is_numeric_dtype(column.dtype) and not is_truth:
        numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
    if numbers is not None:
        return hash_array(numbers + 0.0)  # no -0.0
    coded = code_values(column)
    texts = np.array([*map(as_text, coded.values), ""], dtype=object)
    return hash_array(texts, categorize=False)[coded.codes]  # -1 takes the last
