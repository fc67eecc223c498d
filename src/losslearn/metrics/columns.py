"""Further numbers of each row that a metric takes, such as what a mistake costs."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Columns = Mapping[str, Tensor]
"""Columns by their names, each with the rows last: `[*#sets, n]`."""

NO_COLUMNS: Columns = {}
"""Those of a metric that needs none; a dictionary, which copies and pickles."""


V = TypeVar("V", Tensor, NDArray[Any])


def take_rows(columns: Mapping[str, V], rows: Any) -> dict[str, V]:  # noqa: ANN401 - any index
    """Return the columns of some rows; numbers of rows give each column their shape."""
    return {name: column[rows] for name, column in columns.items()}


def as_array(values: object) -> NDArray[Any]:
    """Return values as an array, without an axis where they are ragged."""
    if isinstance(values, Tensor):
        values = values.detach().cpu().numpy()
    try:
        return np.asarray(values)
    except ValueError:
        return np.asarray(None)


def as_columns(
    given: object,
    names: Sequence[str],
    *,
    n_rows: int,
    metric: str,
    argument: str = "metric_columns",
) -> dict[str, Tensor]:
    """Return the columns that a metric needs, in double precision, in its own order.

    They are given as a mapping of names to values, as a table with such columns or as
    None; `argument` is what messages call them.

    Example:
        >>> as_columns({"amount": [3, 5]}, ["amount"], n_rows=2, metric="profit")
        {'amount': tensor([3., 5.], dtype=torch.float64)}
    """
    columns = _by_name(given, argument)
    missing = [name for name in names if name not in columns]
    extra = [name for name in columns if name not in names]
    if missing:
        example = ", ".join(f'"{name}": values' for name in names)
        raise ValueError(
            f"`{metric}` needs {_named(names)} of each row, and `{argument}` "
            f"{'lacks ' + _named(missing) if columns else 'was not given'}. "
            f"Pass `{argument}={{{example}}}`."
        )
    if extra:
        needs = f"needs {_named(names)} only" if names else "needs no columns"
        function = metric if metric.isidentifier() else "metric"
        raise ValueError(
            f"`{argument}` holds {_named(extra)}, but `{metric}` {needs}. Leave out "
            f"the rest, or let the metric take it: `def {function}(..., *, "
            f"{', '.join([*names, *map(str, extra)])})`."
        )
    return {
        name: torch.from_numpy(_numbers(columns[name], f"{argument}[{name!r}]", n_rows))
        for name in names
    }


def _by_name(given: object, argument: str) -> Mapping[Any, Any]:
    """Return what was given as a mapping."""
    if given is None:
        return {}
    if isinstance(given, Mapping):
        return given
    if hasattr(given, "columns") and hasattr(given, "__getitem__"):
        return {name: given[name] for name in given.columns}
    raise ValueError(
        f"`{argument}` must be a mapping of names to values or a DataFrame, got "
        f"{type(given).__name__}."
    )


def _numbers(values: object, what: str, n_rows: int) -> NDArray[np.float64]:
    """Return a column's values as doubles, of its own memory, checked."""
    found = as_array(values)
    if found.shape != (n_rows,) and found.ndim > 0:
        raise ValueError(
            f"`{what}` must hold one number for each of the {n_rows} rows, got shape "
            f"{list(found.shape)}. Take the values of the same rows, in their order."
        )
    try:
        if found.ndim == 0 or found.dtype.kind not in "fiubO":
            raise TypeError
        numbers = found.astype(np.float64)
        if found.dtype.kind == "O" and any(isinstance(one, str) for one in found):
            raise TypeError  # "1.5" would be read as a number
    except (TypeError, ValueError):
        some = found.reshape(-1)[0] if found.size else None
        raise ValueError(
            f"`{what}` must be numeric, got values such as {some!r:.60} "
            f"({found.dtype}). Turn them into numbers first."
        ) from None
    wrong = ~np.isfinite(numbers)
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(
            f"`{what}` must be finite, got {numbers[row]} in row {row} and "
            f"{int(wrong.sum()) - 1} more. Fill these in, or leave the rows out."
        )
    return numbers


def _named(names: Sequence[object]) -> str:
    """Return "the column `a`" or "the columns `a`, `b`"."""
    listed = ", ".join(f"`{name}`" for name in names)
    return f"the column{'s' * (len(names) > 1)} {listed}"
