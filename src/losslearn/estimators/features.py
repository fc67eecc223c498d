"""Features as users give them, tables or matrices, as numbers that a model takes."""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import Tags, check_consistent_length
from sklearn.utils.validation import validate_data
from torch import Tensor, nn

from losslearn.encoding import TableEncoder
from losslearn.encoding.frames import as_matrix, as_pandas, is_table
from losslearn.encoding.sparse import as_dense, by_rows
from losslearn.estimators.rows import as_targets, as_tensor
from losslearn.models.kinds import AUTO, kind_of, takes_gaps
from losslearn.models.own import device_of
from losslearn.tasks.task import Task

_NUMBERS: dict[str, Any] = {
    "dtype": np.float32,
    "order": "C",
    "accept_sparse": "csr",
}
"""What `validate_data` is to make of features that are no table."""


class TakesTables(BaseEstimator):
    """An estimator that takes matrices of numbers as they are, and encodes tables.

    By a `TableEncoder`, or by `encoder`, fitted to the training rows alone. Sparse
    matrices are made dense, or given to `encoder`.
    """

    task: ClassVar[Task]
    model: object
    encoder: Any
    encoder_: Any
    model_: nn.Module

    def _checked(self, X: Any, y: Any, *, reset: bool) -> tuple[Any, Any]:  # noqa: ANN401 - of any library
        """Return features, a table or a matrix, and targets, one for each row."""
        encodes = is_table(X) or self.encoder is not None
        if not (encodes if reset else self.encoder_ is not None):
            matrix, targets = self._validated(
                X,
                y,
                reset=reset,
                ensure_min_samples=2 if reset else 1,
                multi_output=bool(self.task.target_shape),
            )
            targets = targets if self.task.target_shape else as_targets(targets)
            return as_dense(matrix), targets
        if y is None:
            raise ValueError(f"{self} requires y to be passed, but it is None.")
        features = self._checked_table(X, reset=reset)
        if not self.task.target_shape:
            y = as_targets(y)
        check_consistent_length(features, y)
        return features, y

    @property
    def _takes_gaps(self) -> bool:
        """Whether features may be missing for the model."""
        if self.model == AUTO:  # which is known when it was fitted
            return takes_gaps(self.model_)
        return kind_of(self.model).takes_gaps

    def _validated(self, X: Any, *y: Any, **checks: Any) -> Any:  # noqa: ANN401 - as scikit-learn's
        """Return a matrix of numbers, and targets if given, both checked."""
        try:
            gaps = "allow-nan" if self._takes_gaps else True
            return validate_data(
                self, by_rows(X), *y, **_NUMBERS, ensure_all_finite=gaps, **checks
            )
        except OverflowError:
            raise ValueError(
                f"Column {_too_large(X)} of `X` holds an integer of too many digits. "
                "Replace it."
            ) from None

    def _checked_table(self, X: Any, *, reset: bool) -> Any:  # noqa: ANN401 - as above
        """Return features as the encoder takes them, their columns checked."""
        if not is_table(X):
            X = by_rows(X)
            validate_data(self, X, skip_check_array=True, reset=reset)
            if reset or not hasattr(self, "feature_names_in_"):
                return X
            import pandas as pd

            return pd.DataFrame(np.asarray(as_dense(X)), columns=self.feature_names_in_)
        frame = as_pandas(X)
        if not all(isinstance(name, str) for name in frame.columns):
            frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
        # a `TableEncoder` takes columns by name, in any order
        if reset or not isinstance(self.encoder_, TableEncoder):
            validate_data(self, frame, skip_check_array=True, reset=reset)
        return frame

    def _fit_encoder(
        self,
        features: Any,  # noqa: ANN401 - a table or a matrix
        target: Tensor,
        rows: Tensor | None,
    ) -> NDArray[np.float32]:
        """Fit the encoder to the training rows alone, and return all rows as numbers.

        Args:
            features: Of all rows.
            target: Of all rows.
            rows: Numbers of the training rows; None for all.
        """
        self.encoder_ = None
        if self.encoder is None and isinstance(features, np.ndarray):
            return features
        encoder = self.encoder
        if encoder is None:
            encoder = TableEncoder(for_trees=self._takes_gaps)
        encoder = clone(encoder)
        train, truth = features, target.numpy()
        if rows is not None:
            numbers, by_place = rows.numpy(), getattr(features, "iloc", features)
            train, truth = by_place[numbers], truth[numbers]
        fitted: Any = encoder.fit(train, truth)
        is_frozen = isinstance(fitted, FrozenEstimator)
        self.encoder_ = fitted.estimator if is_frozen else fitted
        return self._encoded(features)

    def _encoded(self, features: Any) -> NDArray[np.float32]:  # noqa: ANN401 - as above
        """Return checked features as numbers."""
        if self.encoder_ is None:
            matrix: NDArray[np.float32] = features
            return matrix
        matrix = self.encoder_.transform(features)
        return as_matrix(matrix, with_gaps=self._takes_gaps)

    def _matrix(self, X: ArrayLike) -> Tensor:
        """Return features as the model takes them, where it lies."""
        if self.encoder_ is None:
            x = as_dense(self._validated(X, reset=False))
        else:
            x = self._encoded(self._checked_table(X, reset=False))
        return as_tensor(x).to(device_of(self.model_))

    def __sklearn_tags__(self) -> Tags:
        """Sparse matrices are taken."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _too_large(X: Any) -> int:  # noqa: ANN401 - a matrix
    """Return the number of the first column with an integer that no double holds."""
    columns = np.asarray(X, dtype=object).T
    limit = int(np.finfo(np.float64).max)
    is_large = [
        any(isinstance(value, int) and abs(value) > limit for value in column)
        for column in columns
    ]
    return is_large.index(True)
