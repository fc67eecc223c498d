"""From a table of any columns to a matrix of numbers, and to a file and back."""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from losslearn._wording import listed
from losslearn.encoding.features import ColumnFeatures, Features
from losslearn.encoding.fitted_column import READ_AS, fit_column, restore_column

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.utils import Tags

_FORMAT = "losslearn table encoder"
_VERSION = 4
_DAMAGED = (AttributeError, LookupError, OSError, RecursionError, TypeError, ValueError)
"""What reading a damaged file can raise."""


class TableEncoder:
    """Turns tables into matrices of numbers, the way the training rows ask for.

    - Numbers, truth values and time spans are scaled to mean 0 and deviation 1; columns
      with a heavy tail pass through asinh first; values far outside the training rows
      are kept near their range.
    - Dates, also as text, give year, month, day, weekday, time and total seconds.
    - Categories and text of at most 40 different values give one feature a value; other
      text gives one a frequent value and 30 for its spelling, which spread as far as
      they say something (see `spreads`).
    - A missing number or date becomes the median; where the training rows lack values,
      one more feature says so. Constant columns are left out.

    Text that holds numbers but for a few marks such as "?" is a column of numbers.

    For trees, which need no scale and know gaps and categories themselves, numbers and
    parts of dates stay as they are, a missing value is NaN, and the values of a column
    are one feature, their codes (see `categorical`).

    Fits into scikit-learn's pipelines.

    Attributes:
        feature_names_in_: Columns a table must have, in the training table's order.
        n_features_in_: How many.

    Example:
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"age": [30, 40, None, 50], "city": list("abab")})
        >>> encoder = TableEncoder().fit(frame)
        >>> encoder.get_feature_names_out().tolist()
        ['age', 'age is missing', 'city=a', 'city=b']
        >>> encoder.transform(pd.DataFrame({"age": [40], "city": ["c"]}))
        array([[0., 0., 0., 0.]], dtype=float32)
    """

    def __init__(
        self, read_as: Mapping[str, str] | None = None, *, for_trees: bool = False
    ) -> None:
        """Start without columns.

        Args:
            read_as: What columns hold, where they are not to be looked at.
            for_trees: Whether trees take the matrix.
        """
        self.read_as, self.for_trees = read_as, for_trees
        self._columns: tuple[ColumnFeatures, ...] = ()

    @property
    def feature_names_in_(self) -> NDArray[np.object_]:  # noqa: D102 - as above
        return np.array([column.name for column in self._columns], dtype=object)

    @property
    def n_features_in_(self) -> int:  # noqa: D102 - as above
        return len(self._columns)

    @property
    def kinds(self) -> dict[str, str]:
        """What each column is: number, date, category or text.

        Or why it is left out: constant, empty, id or ignored.
        """
        return {column.name: column.kind for column in self._columns}

    @property
    def categorical(self) -> tuple[int, ...]:
        """Places of the features that are codes of categories; none but for trees."""
        places, start = [], 0
        for column in self._columns:
            names = self._names_of(column)
            if self.for_trees and column.has_codes and names:
                places.append(start)
            start += len(names)
        return tuple(places)

    def _names_of(self, column: ColumnFeatures) -> list[str]:
        return column.raw_names if self.for_trees else column.feature_names

    @property
    def spreads(self) -> Features:
        """The deviation that each feature is to have in a model, shape `[features]`.

        1, but for the spelling of text: that of all texts together is worth 1.
        """
        if self.for_trees:
            return np.ones(len(self.get_feature_names_out()), dtype=np.float32)
        found = [spread for column in self._columns for spread in column.spreads]
        return np.array(found, dtype=np.float32)

    def get_feature_names_out(
        self,
        input_features: object = None,
    ) -> NDArray[np.object_]:
        """Return the names of the matrix's columns."""
        del input_features  # those of `fit`
        names = [name for column in self._columns for name in self._names_of(column)]
        return np.array(names, dtype=object)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the settings by name."""
        del deep
        return {"read_as": self.read_as, "for_trees": self.for_trees}

    def set_params(self, **params: Any) -> Self:  # noqa: ANN401 - as scikit-learn's
        """Set them.

        Raises:
            ValueError: If there is no such setting.
        """
        for name, value in params.items():
            if name not in self.get_params():
                raise ValueError(f"A `TableEncoder` has no setting {name!r}.")
            setattr(self, name, value)
        return self

    def readings(self) -> list[dict[str, str]]:
        """Return how each column is read: `column`, `read_as`, `note`."""
        return [
            {"column": column.name, "read_as": column.kind, "note": column.note}
            for column in self._columns
        ]

    def __sklearn_tags__(self) -> "Tags":
        """Gaps and text are taken; nothing but tables is."""
        from sklearn.utils import InputTags, Tags, TargetTags, TransformerTags

        return Tags(
            estimator_type=None,
            target_tags=TargetTags(required=False),
            transformer_tags=TransformerTags(preserves_dtype=[]),
            input_tags=InputTags(allow_nan=True, string=True, categorical=True),
        )

    def __sklearn_is_fitted__(self) -> bool:
        """Whether `fit` was called."""
        return bool(self._columns)

    def fit(self, X: "pd.DataFrame", y: object = None) -> Self:
        """Fit to the training rows; returns itself.

        Args:
            X: The training rows, without the target column.
            y: Nothing: targets are not looked at.

        Raises:
            TypeError: If `X` is not a pandas table.
            ValueError: If a column holds infinite values or values that cannot be
                encoded, or not what it is read as, or if no column is left that varies.
        """
        del y
        names = _check_names(X)
        if len(X) == 0:
            raise ValueError("The table has no rows to fit to.")
        read_as = dict(self.read_as or {})
        for name, kind in read_as.items():
            if name not in names or kind not in READ_AS:
                raise ValueError(
                    f"`read_as` must give columns of the table one of {READ_AS}, got "
                    f"{kind!r} for {name!r}."
                )
        columns = [fit_column(X[name], read_as.get(name)) for name in names]
        if not any(column.feature_names for column in columns):
            found = [f"{column.name} ({column.kind})" for column in columns]
            raise ValueError(
                "No column varies and says something in the training rows: "
                f"{listed(found)}. Overrule it by `read_as` (--as COL=KIND)."
            )
        self._columns = tuple(columns)
        return self

    def transform(self, X: "pd.DataFrame") -> Features:
        """Return a table as a matrix.

        Args:
            X: Rows with the columns of the training table, in any order, without
                the target column.

        Returns:
            Shape `[rows, features]`; no value is infinite, and none missing but for
            trees.

        Raises:
            TypeError: If `X` is not a pandas table.
            ValueError: If the encoder is not fitted, a column that it needs is absent
                or one too many, holds infinite values, or is of another kind than in
                the training rows.
        """
        if not self._columns:
            raise ValueError("This encoder is not fitted. Call `fit` first.")
        self._check_columns(_check_names(X))
        matrix = np.empty((len(X), len(self.get_feature_names_out())), np.float32)
        start = 0
        for column in self._columns:
            end = start + len(self._names_of(column))
            write = column.write_raw if self.for_trees else column.write
            if end > start:
                write(X[column.name], matrix[:, start:end])
            start = end
        return matrix

    def fit_transform(self, X: "pd.DataFrame", y: object = None) -> Features:
        """Fit to the training rows and return their matrix; raises as `fit` does."""
        return self.fit(X, y).transform(X)

    def _check_columns(self, names: list[str]) -> None:
        needed = [column.name for column in self._columns if column.feature_names]
        found, expected = set(names), set(self.feature_names_in_)
        missing = [name for name in needed if name not in found]
        extra = [name for name in names if name not in expected]
        faults = []
        if missing:
            faults.append(f"lacks columns of the training table: {listed(missing)}")
        if extra:
            faults.append(
                f"has columns that the training table had not: {listed(extra)}"
            )
        if faults:
            raise ValueError(f"The table {'; and it '.join(faults)}.")

    def dump(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted encoder to a file that holds only text and numbers.

        Raises:
            ValueError: If the encoder is not fitted.
        """
        if not self._columns:
            raise ValueError("This encoder is not fitted. Call `fit` first.")
        columns = [column.state() for column in self._columns]
        settings = {
            "format": _FORMAT,
            "version": _VERSION,
            "digest": _digest(columns),
            "for_trees": self.for_trees,
            "columns": columns,
        }
        Path(path).write_text(json.dumps(settings, allow_nan=False), encoding="utf-8")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Return the encoder in a file that `dump` wrote; runs nothing stored in it.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If the file is damaged, of another kind or another version.
        """
        path = Path(path)
        if not path.exists():
            raise FileNotFoundError(f"There is no file {str(path)!r}.")
        fault = f"{str(path)!r} is damaged or is not the file of a table encoder."
        try:
            settings = json.loads(path.read_bytes())
            found = settings["format"], settings["version"]
        except _DAMAGED as error:
            raise ValueError(fault) from error
        if found != (_FORMAT, _VERSION):
            raise ValueError(
                f"{str(path)!r} holds {found[0]!r}, version {found[1]!r}; expected "
                f"{_FORMAT!r}, version {_VERSION}. Fit the model again."
            )
        encoder = cls(for_trees=settings.get("for_trees") is True)
        try:
            columns = tuple(restore_column(state) for state in settings["columns"])
            is_whole = settings["digest"] == _digest(settings["columns"])
        except _DAMAGED as error:
            raise ValueError(fault) from error
        if not columns or not is_whole:
            raise ValueError(fault)
        encoder._columns = columns
        return encoder


def _digest(columns: Sequence[Mapping[str, Any]]) -> str:
    return hashlib.sha256(json.dumps(columns).encode()).hexdigest()


def _check_names(frame: "pd.DataFrame") -> list[str]:
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        raise TypeError(f"`X` must be a pandas DataFrame, got {type(frame)}.")
    names = list(frame.columns)
    if not all(isinstance(name, str) for name in names):
        raise ValueError(f"Column names must be text, got {listed(names)}.")
    doubles = [name for name, n in Counter(names).items() if n > 1]
    if doubles:
        raise ValueError(f"More than one column has the name {listed(doubles)}.")
    return names
