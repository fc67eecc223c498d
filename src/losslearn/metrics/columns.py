"""Further numbers of each row that a metric takes, such as what a mistake costs."""

from collections.abc import Mapping, Sequence
from numbers import Number
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


class TextColumns:
    """Columns of text (or dates) as numbers, since a tensor holds no text, and back.

    A value keeps its code as long as this object lives, whatever rows it comes in.

    Example:
        >>> text = TextColumns()
        >>> text.encode("era", np.array(["b", "a", "b"])).tolist()
        [1.0, 0.0, 1.0]
        >>> text.decode("era", np.array([0.0, 1.0])).tolist()
        ['a', 'b']
    """

    def __init__(self) -> None:
        """Know no column yet."""
        self._values: dict[str, NDArray[Any]] = {}

    def encode(self, name: str, values: NDArray[Any]) -> NDArray[np.float64]:
        """Return the code of each value; new values get the next codes, sorted.

        Raises:
            TypeError: If values cannot be told apart, as lists cannot.
        """
        known = list(self._values.get(name, ()))
        found = list(values)
        known += sorted(set(found).difference(known), key=lambda one: (str(one),))
        as_given = np.empty(len(known), dtype=object)
        as_given[:] = known
        if values.dtype.kind != "O":  # the longest text decides how wide they are
            as_given = np.array(known)
        self._values[name] = as_given
        code = {value: place for place, value in enumerate(known)}
        return np.array([code[one] for one in found], dtype=np.float64)

    def decode(self, name: str, codes: NDArray[Any]) -> NDArray[Any]:
        """Return the values of codes; those of a column without any are numbers."""
        values = self._values.get(name)
        return codes if values is None else values[codes.astype(np.intp)]

    def __contains__(self, name: str) -> bool:
        """Return whether a column of text has this name."""
        return name in self._values

    def values(self, name: str) -> list[Any]:
        """Return the values of a column of text in the order of their codes."""
        return [
            value.item() if hasattr(value, "item") else value
            for value in self._values[name]
        ]

    @classmethod
    def of(cls, values: Mapping[str, Sequence[Any]]) -> "TextColumns":
        """Return columns whose values have their places as codes."""
        text = cls()
        text._values = {
            name: np.array(own, dtype=object) for name, own in values.items()
        }
        return text


def as_columns(
    given: object,
    names: Sequence[str],
    *,
    n_rows: int,
    metric: str,
    argument: str = "metric_columns",
    text: TextColumns | None = None,
) -> dict[str, Tensor]:
    """Return the columns that a metric needs, in double precision, in its own order.

    They are given as a mapping of names to values, as a table with such columns or as
    None; `argument` is what messages call them. Columns of text become the codes of
    `text`; without it they are refused.

    Example:
        >>> as_columns({"amount": [3, 5]}, ["amount"], n_rows=2, metric="profit")
        {'amount': tensor([3., 5.], dtype=torch.float64)}
    """
    columns = by_name(given, argument)
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
        name: torch.from_numpy(
            _numbers(columns[name], f"{argument}[{name!r}]", n_rows, name, text)
        )
        for name in names
    }


def by_name(given: object, argument: str) -> Mapping[Any, Any]:
    """Return columns that were given, as a mapping or a table, by name.

    Raises:
        ValueError: If it is no such thing; `argument` is what the message calls it.
    """
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


def _numbers(
    values: object, what: str, n_rows: int, name: str, text: TextColumns | None
) -> NDArray[np.float64]:
    """Return a column's values, or their codes, as doubles of its own memory."""
    found = as_array(values)
    if found.shape != (n_rows,) and found.ndim > 0:
        raise ValueError(
            f"`{what}` must hold one number for each of the {n_rows} rows, got shape "
            f"{list(found.shape)}. Take the values of the same rows, in their order."
        )
    try:
        if found.ndim == 0:
            raise TypeError
        # a tensor holds no text: where there is some, it holds the codes already
        may_be_text = text is not None and not isinstance(values, Tensor)
        if may_be_text and text is not None and (name in text or _is_text(found)):
            return _codes(found, what, name, text)
        if found.dtype.kind not in "fiubO" or _is_text(found):
            raise TypeError  # "1.5" would be read as a number
        numbers = found.astype(np.float64)
    except OverflowError:
        raise ValueError(f"`{what}` holds an integer of too many digits.") from None
    except TypeError:
        some = found.reshape(-1)[0] if found.size else None
        raise ValueError(
            f"`{what}` must be numeric{' or text' if text is not None else ''}, got "
            f"values such as {some!r:.60} ({found.dtype}). Turn them into numbers "
            "first."
        ) from None
    wrong = ~np.isfinite(numbers)
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(
            f"`{what}` must be finite, got {numbers[row]} in row {row} and "
            f"{int(wrong.sum()) - 1} more. Fill these in, or leave the rows out."
        )
    return numbers


def _is_text(found: NDArray[Any]) -> bool:
    """Return whether a column holds anything but numbers, gaps aside."""
    if found.dtype.kind != "O":
        return found.dtype.kind not in "fiubc"
    return not all(isinstance(one, Number) for one in found if not _is_gap(one))


def _is_gap(value: object) -> bool:
    """Return whether a value is missing, by any library's way to say so."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    is_one = isinstance(value, float | np.datetime64 | np.timedelta64)
    return is_one and bool(value != value)


def _codes(
    found: NDArray[Any], what: str, name: str, text: TextColumns
) -> NDArray[np.float64]:
    """Return the codes of a column of text, checked."""
    if not _is_text(found):
        raise ValueError(
            f"`{what}` held text before, got numbers such as {found[0]!r:.60}. Give it "
            "in the same form as in the other rows."
        )
    gaps = [row for row, one in enumerate(found) if _is_gap(one)]
    if gaps:
        raise ValueError(
            f"`{what}` must have a value in each row, got none in row {gaps[0]} and "
            f"{len(gaps) - 1} more. Fill these in, or leave the rows out."
        )
    return text.encode(name, found)


def _named(names: Sequence[object]) -> str:
    """Return "the column `a`" or "the columns `a`, `b`"."""
    listed = ", ".join(f"`{name}`" for name in names)
    return f"the column{'s' * (len(names) > 1)} {listed}"
