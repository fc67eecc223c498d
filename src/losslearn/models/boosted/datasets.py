"""LightGBM's own data sets: binned once, of a memory map too, and taken in parts.

A bin is a byte, so that a data set takes a quarter of the room of its rows. Bins of a
part are those of all rows, which differ a little from those of the part alone.
"""

from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

from losslearn.models.boosted.library import (
    Data,
    Features,
    Matrix,
    Parameters,
    Table,
)

_COPIED = 2**24
"""Values of rows that are copied to be binned, which is faster than to read them one
by one."""


class BinnedTable:
    """Rows in LightGBM's form."""

    def __init__(self, dataset: lightgbm.Dataset, features: Features) -> None:
        """Take a data set, and the same rows as numbers."""
        self.dataset, self.features = dataset.construct(), features

    @classmethod
    def of(cls, table: Table, parameters: Parameters) -> "BinnedTable":
        """Bin a table, without a copy of all its rows as numbers if it is large."""
        features = table.features
        dataset = lightgbm.Dataset(
            _as_data(features),
            table.y,
            weight=table.weight,
            categorical_feature=list(table.categorical),
            params={
                **parameters,
                "feature_pre_filter": False,  # corrections have other leaves
            },
            free_raw_data=True,
        )
        return cls(dataset, features)

    def taken(self, rows: NDArray[Any]) -> "BinnedTable":
        """Return some of the rows, by their places, which rise."""
        part: Any = self.dataset.subset([])
        # LightGBM would make a list of Python's numbers of them
        part.used_indices = np.ascontiguousarray(rows, dtype=np.int32)
        return BinnedTable(part, self.features.some(rows))


def _as_data(features: Features) -> Matrix | lightgbm.Sequence:
    if features.numbers is None:
        return features.matrix
    is_small = features.n_rows * features.matrix.shape[1] <= _COPIED
    return features.read(slice(None)) if is_small else _ReadRows(features)


class _ReadRows(lightgbm.Sequence):
    """Rows that are read when they are asked for."""

    def __init__(self, features: Features) -> None:
        self._features, self.batch_size = features, features.n_at_a_time

    def __len__(self) -> int:
        return self._features.n_rows

    def __getitem__(self, index: int | slice | list[int]) -> NDArray[np.float64]:
        rows = np.asarray(index) if isinstance(index, list) else index
        # LightGBM takes its sample in double precision
        return self._features.read(rows).astype(np.float64)


def binned_of(data: Data) -> lightgbm.Dataset:
    """Return the data set of rows in LightGBM's form.

    Raises:
        TypeError: If they are in another's.
    """
    if not isinstance(data, BinnedTable):
        raise TypeError(f"Rows must be in LightGBM's form, got {type(data).__name__}.")
    return data.dataset
