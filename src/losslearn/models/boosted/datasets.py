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

_SAMPLED = 200_000
"""Rows by which LightGBM tells bins, unless its parameters say otherwise."""


class BinnedTable:
    """Rows in LightGBM's form."""

    def __init__(self, dataset: lightgbm.Dataset, features: Features) -> None:
        """Take a data set, and the same rows as numbers."""
        self.dataset, self.features = dataset.construct(), features

    @classmethod
    def of(
        cls,
        table: Table,
        parameters: Parameters,
        *,
        like: lightgbm.Dataset | None = None,
    ) -> "BinnedTable":
        """Bin a table, without a copy of all its rows as numbers if it is large.

        In the bins of another data set, if it is to be like that.
        """
        features = table.features
        more: dict[str, Any] = {
            "params": {
                **parameters,
                "feature_pre_filter": False,  # corrections have other leaves
            },
            "categorical_feature": list(table.categorical),
        }
        if features.numbers is None:
            data: Matrix | lightgbm.Sequence = features.matrix
        elif features.n_rows <= (n := _n_sampled(parameters)):
            data = features.read(slice(None))
        else:
            data = _ReadRows(features)
            # LightGBM would read a sample one by one, and hold it three times
            drawn = np.random.default_rng(0).choice(features.n_rows, n, replace=False)
            sample = features.read(np.sort(drawn))
            like = like or lightgbm.Dataset(sample, **more).construct()
        return cls(
            lightgbm.Dataset(data, table.y, like, table.weight, **more), features
        )

    def taken(self, rows: NDArray[Any]) -> "BinnedTable":
        """Return some of the rows, by their places, which rise."""
        part: Any = self.dataset.subset([])
        # LightGBM would make a list of Python's numbers of them
        part.used_indices = rows = np.ascontiguousarray(rows, dtype=np.int32)
        return BinnedTable(part, self.features.some(rows))


def _n_sampled(parameters: Parameters) -> int:
    names = ("bin_construct_sample_cnt", "subsample_for_bin")
    return next(
        (int(parameters[name]) for name in names if name in parameters), _SAMPLED
    )


class _ReadRows(lightgbm.Sequence):
    """Rows that are read when they are asked for."""

    def __init__(self, features: Features) -> None:
        self._features, self.batch_size = features, features.n_at_a_time

    def __len__(self) -> int:
        return self._features.n_rows

    def __getitem__(self, index: Any) -> Matrix:  # noqa: ANN401 - a slice
        return self._features.read(index)


def binned_of(data: Data) -> lightgbm.Dataset:
    """Return the data set of rows in LightGBM's form.

    Raises:
        TypeError: If they are in another's.
    """
    if not isinstance(data, BinnedTable):
        raise TypeError(f"Rows must be in LightGBM's form, got {type(data).__name__}.")
    return data.dataset
