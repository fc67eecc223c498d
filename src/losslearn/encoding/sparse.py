"""Sparse matrices, which the models take dense, as far as that is no surprise."""

from typing import Any

import numpy as np

LARGEST = 2**31
"""Bytes of the largest matrix that is made dense unasked."""


def by_rows(X: Any) -> Any:  # noqa: ANN401 - of any library
    """Return a sparse matrix as one of rows, and anything else as it is.

    Entries of the same place are added up in the precision that they come in.
    """
    if not hasattr(X, "tocsr"):  # which all of scipy's have
        return X
    rows = X.tocsr()
    if rows.has_canonical_format:
        return rows
    rows = rows.copy()  # it may be the user's own
    rows.sum_duplicates()
    return rows


def as_dense(X: Any) -> Any:  # noqa: ANN401 - of any library
    """Return a sparse matrix as a dense one in single precision, else what it is.

    Raises:
        ValueError: If it would take more than `LARGEST` bytes.

    Example:
        >>> from scipy.sparse import eye_array
        >>> as_dense(eye_array(2))
        array([[1., 0.],
               [0., 1.]], dtype=float32)
    """
    if not hasattr(X, "tocsr"):
        return X
    n_rows, n_columns = X.shape
    if (size := 4 * n_rows * n_columns) > LARGEST:
        raise ValueError(
            "The models take dense features, and this sparse matrix of "
            f"{n_rows:,} rows and {n_columns:,} columns would be {size / 2**30:,.1f} "
            f"GiB, above the {LARGEST / 2**30:.3g} GiB that are taken unasked. Take "
            "fewer columns, by `encoder=TruncatedSVD(100)` of scikit-learn or by "
            "feature selection, or fewer rows at a time; or pass `X.toarray()`."
        )
    return by_rows(X).astype(np.float32).toarray()
