"""LightGBM's own data sets: binned once, of a memory map too, and taken in parts.

A bin is a byte, so that a data set takes a quarter of the room of its rows. Bins of a
part are those of all rows, which differ a little from those of the part alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Matrix = NDArray[np.float32]
Numbers = NDArray[np.int64]

_VALUES = 2**20
"""Of a matrix, read at a time."""


class MatrixRows(lightgbm.Sequence):
    """Rows of a matrix, by their numbers, which are read when they are asked for."""

    def __init__(self, x: Matrix, numbers: Numbers) -> None:
        """Read nothing yet."""
        self._x, self._numbers = x, numbers
        self.batch_size = _rows_at_a_time(x)

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self._numbers)

    def __getitem__(self, index: int | slice | list[int]) -> Floats:
        """Return one row, or some; LightGBM takes its sample in double precision."""
        return self._x[self._numbers[index]].astype(np.float64)


def binned(
    x: Matrix,
    y: Numbers,
    parameters: Mapping[str, Any],
    *,
    weight: Floats | None = None,
    categorical: Sequence[int] = (),
    numbers: Numbers | None = None,
) -> lightgbm.Dataset:
    """Return rows in LightGBM's form, without a copy of all of them as numbers.

    Args:
        x: A matrix of rows in a C-contiguous order, `[table, features]`, which may be
            a memory map; NaN is a missing value.
        y: Target of each row meant, 0 or 1.
        parameters: Of the booster, some of which say how to bin.
        weight: Of each row meant; None for all alike.
        categorical: Places of the features that are codes of categories.
        numbers: Which rows of the matrix are meant, in this order; None for all.
    """
    return lightgbm.Dataset(
        x if numbers is None else MatrixRows(x, numbers),
        y,
        weight=weight,
        categorical_feature=list(categorical),
        params={
            **parameters,
            "feature_pre_filter": False,  # trees of other leaves may follow
        },
        free_raw_data=True,
    ).construct()


def part_of(data: lightgbm.Dataset, rows: NDArray[Any]) -> lightgbm.Dataset:
    """Return some rows of a data set, in its bins, with their targets and weights.

    Args:
        data: Of `binned`.
        rows: Places of the rows, rising.
    """
    part: Any = data.subset([])
    # LightGBM would make a list of Python's numbers of them
    part.used_indices = np.ascontiguousarray(rows, dtype=np.int32)
    return part.construct()


def scores(
    booster: lightgbm.Booster,
    x: Matrix,
    numbers: Numbers | None = None,
    **how: Any,  # noqa: ANN401 - of `Booster.predict`
) -> Floats:
    """Return the raw scores of rows, which are read a part at a time.

    Args:
        booster: The trees.
        x: A matrix of rows, as for `binned`.
        numbers: Which of its rows; None for all.
        how: As of `lightgbm.Booster.predict`.
    """
    n = len(x) if numbers is None else len(numbers)
    found = np.empty(n)
    for part in _parts(n, _rows_at_a_time(x)):
        rows = x[part] if numbers is None else x[numbers[part]]
        found[part] = booster.predict(rows, raw_score=True, **how)
    return found


def _rows_at_a_time(x: Matrix) -> int:
    return max(_VALUES // max(x.shape[1], 1), 1)


def _parts(n: int, size: int) -> Iterator[slice]:
    for begin in range(0, n, size):
        yield slice(begin, min(begin + size, n))
