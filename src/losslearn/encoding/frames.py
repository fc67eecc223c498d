"""Tables of any make as pandas holds them, and features as models take them."""

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from losslearn._wording import listed
from losslearn.encoding.sparse import as_dense

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


class TableError(ValueError):
    """A fault of a table, in words for its user."""


def is_table(table: object) -> bool:
    """Return whether this is a table of pandas, polars, Arrow or their like."""
    return hasattr(table, "__arrow_c_stream__")


def as_pandas(table: Any, *, called: str = "The table") -> "pd.DataFrame":  # noqa: ANN401 - of any library
    """Return a table as pandas holds it.

    Args:
        table: A table of pandas, polars, Arrow or whatever else offers Arrow's
            interface.
        called: What messages call it.

    Raises:
        TableError: If two columns share a name.
    """
    import pandas as pd

    if isinstance(table, pd.DataFrame):
        return table
    import pyarrow as pa

    return from_arrow(pa.table(table), called)


def from_arrow(table: "pa.Table", called: str) -> "pd.DataFrame":
    """Return a table of Arrow's as pandas holds it; raises as `as_pandas`."""
    check_doubles(table.column_names, called)
    # without the notes pandas leaves: an index that was stored is a column
    frame: pd.DataFrame = without_numbering(table).to_pandas(ignore_metadata=True)
    return frame


def without_numbering(table: "pa.Table") -> "pa.Table":
    """Return a table without the nameless index that pandas stored with it."""
    numbering = [
        name
        for name in table.column_names
        if name.startswith("__index_level_") and name.endswith("__")
    ]
    return table.drop_columns(numbering) if numbering else table


def check_doubles(names: Iterable[str], called: str) -> None:
    """Check that no two columns share a name.

    Raises:
        TableError: If two do.
    """
    doubles = [name for name, n in Counter(names).items() if n > 1 and name.strip()]
    if doubles:
        raise TableError(
            f"{called} has more than one column of the same name: {listed(doubles)}."
        )


def as_matrix(
    features: Any,  # noqa: ANN401 - of any transformer
    *,
    with_gaps: bool = False,
) -> NDArray[np.float32]:
    """Return what a transformer made, dense and in single precision.

    Raises:
        ValueError: If a value is infinite, or is no number, or missing though it may
            not be, or the matrix is sparse and too large to be dense.
    """
    matrix = np.ascontiguousarray(as_dense(features), dtype=np.float32)
    wrong = np.isinf(matrix) if with_gaps else ~np.isfinite(matrix)
    if wrong.any():
        raise ValueError("The encoder left values that are missing or infinite.")
    return matrix
