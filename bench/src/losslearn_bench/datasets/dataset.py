"""A binary data set as arrays, checked once where it enters."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from jaxtyping import Float32, Int64

from losslearn_bench.datasets.catalogue import DatasetInfo

if TYPE_CHECKING:
    import pandas as pd

TARGET = "target"
"""The column that holds 1 for the positive rows and 0 for the others."""

Source = Literal["folder", "cache", "openml", "scikit-learn", "callable", "file"]
"""Where a data set came from."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Dataset:
    """Features and targets of a binary task, with where they came from."""

    name: str
    x: Float32[np.ndarray, "rows features"]
    """Features, unscaled."""
    y: Int64[np.ndarray, " rows"]
    """Targets, 0 or 1."""
    source: Source
    info: DatasetInfo | None = None
    """What the catalogue says of it; None for data of one's own."""

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.y)

    @property
    def n_features(self) -> int:
        """Number of features."""
        return int(self.x.shape[1])

    @property
    def pos_rate(self) -> float:
        """Share of positive rows, in (0, 1)."""
        return float(self.y.mean())

    @property
    def is_complete(self) -> bool:
        """Whether all rows, features and positives that the catalogue has are there."""
        counts = (self.n_rows, self.n_features, int(self.y.sum()))
        return self.info is None or self.info.matches(*counts)


def make_dataset(
    name: str,
    features: object,
    target: object,
    *,
    source: Source,
    info: DatasetInfo | None = None,
) -> Dataset:
    """Check and convert features, `[rows, features]`, and targets, 0 or 1.

    Raises:
        ValueError: If a value is missing, infinite or no number, a target is neither 0
            nor 1, one class is absent, or the lengths differ.
    """
    x = _as_features(name, features)
    y = _as_target(name, target)
    if len(x) != len(y):
        raise ValueError(
            f"`{name}` must have one target per row, got {len(x):,} rows and "
            f"{len(y):,} targets."
        )
    return Dataset(name=name, x=x, y=y, source=source, info=info)


def _as_features(name: str, features: object) -> Float32[np.ndarray, "rows features"]:
    """Return the features as float32, each of them a number."""
    frame = as_frame(name, features)
    if frame.shape[1] == 0:
        raise ValueError(f"`{name}` has no features beside its targets.")
    x = np.empty(frame.shape, dtype=np.float32)
    for index, (label, column) in enumerate(frame.items()):
        with np.errstate(over="ignore"):  # to infinity, which is refused below
            x[:, index] = _as_numbers(column, f"Column `{label}` of `{name}`")
    bad = ~np.isfinite(x)
    if bad.any():
        first = frame.columns[int(bad.any(axis=0).argmax())]
        raise ValueError(
            f"`{name}` has {int(bad.sum()):,} missing or infinite values, the first in "
            f"column `{first}`. Fill them in or leave these rows out."
        )
    return x


def as_frame(name: str, features: Any) -> "pd.DataFrame":  # noqa: ANN401 - any array
    """Return features as a table; of a sparse matrix, zeros are filled in."""
    import pandas as pd

    if isinstance(features, pd.DataFrame):
        return features
    values = features.toarray() if hasattr(features, "toarray") else features
    values = np.asarray(values)
    if values.ndim != 2:
        raise ValueError(
            f"The features of `{name}` must have the shape [rows, features], got "
            f"{list(values.shape)}."
        )
    return pd.DataFrame(values)


def _as_numbers(column: "pd.Series[Any]", what: str) -> np.ndarray:
    """Return a column as floats, numbers in text and categories included."""
    import pandas as pd

    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype)
    try:
        if column.dtype.kind in "mMc":  # times would become nanoseconds
            raise TypeError(f"got {column.dtype}")
        return pd.to_numeric(column).to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{what} must hold numbers ({error}). Leave it out or encode it as 0 and 1 "
            "per category."
        ) from error


def _as_target(name: str, target: object) -> Int64[np.ndarray, " rows"]:
    """Return the targets as 0 and 1, both of which must be there."""
    values = np.asarray(target)
    if values.dtype == object:  # nullable columns
        import pandas as pd

        values = np.where(pd.isna(values), np.nan, values)
    if values.ndim != 1:
        raise ValueError(
            f"The targets of `{name}` must have the shape [rows], got "
            f"{list(values.shape)}."
        )
    is_positive = np.asarray(values == 1, dtype=bool)
    is_known = is_positive | np.asarray(values == 0, dtype=bool)
    if not is_known.all():
        found = list(dict.fromkeys(values[~is_known].tolist()))
        raise ValueError(
            f"The targets of `{name}` must be 0 or 1 (1 is positive), got the values "
            f"{found[:5]}. Encode the labels first: `(labels == positive).astype(int)`."
        )
    if is_positive.all() or not is_positive.any():
        raise ValueError(
            f"The targets of `{name}` must hold both classes, got {len(values):,} rows "
            f"of {'one class only' if len(values) else 'none'}."
        )
    return is_positive.astype(np.int64)
