"""What a column holds, and its values as numbers, dates or texts.

Columns of text and of Python objects are looked at through their distinct values, so
that a column of few values costs little however long it is.
"""

import re
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["number", "date", "text"]

_MAX_MARKS = 5
_MIN_NUMBERS = 0.9
"""A column of text is one of numbers if at least this share of its values are, and the
other values are at most `_MAX_MARKS` different ones: "?", "unknown" and the like."""

_DAYS = (
    *("%Y/%m/%d", "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y"),
    *("%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%b %d, %Y", "%B %d, %Y"),
)
_TIMES = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p")
_DATE_FORMATS = ("ISO8601", *(day + time for day in _DAYS for time in _TIMES))
_ISO_DATE = re.compile(r"\d{4}-\d{2}(-\d{2}([T ]\d{2}.*)?)?")
_OTHER_DATE = re.compile(r".*\d.*")
"""pandas would take "now" and "today" for dates, and bare years."""

_KIND_OF_OBJECTS: dict[str, Kind] = {
    **dict.fromkeys(("boolean", "integer", "floating", "decimal"), "number"),
    **dict.fromkeys(("mixed-integer-float",), "number"),
    **dict.fromkeys(("datetime", "datetime64", "date"), "date"),
}
"""By pandas' name for a list of Python objects; all others are read as text."""


class Reading(NamedTuple):
    """How a column is read, decided once from the training rows."""

    kind: Kind
    marks: tuple[str, ...] = ()
    """Texts that stand for a missing number."""
    date_format: str | None = None
    """How dates are written, if they are written as text."""


class Coded(NamedTuple):
    """A column as places in the list of its distinct values."""

    codes: NDArray[np.intp]
    """-1 where the value is missing."""
    values: list[object]


def read_kind(column: "pd.Series") -> Reading:
    """Decide what a column holds.

    Raises:
        ValueError: If all its values are missing, or it holds lists, complex numbers
            or the like.
    """
    import pandas as pd
    from pandas.api import types

    if column.notna().any():
        if _is_number(column):
            return Reading("number")
        if types.is_datetime64_any_dtype(column.dtype):
            return Reading("date")
    coded = code_values(column)
    if not coded.values:
        raise ValueError(
            f"Column {column.name!r} has no value in any training row. Remove it."
        )
    if isinstance(column.dtype, pd.CategoricalDtype):
        return Reading("text")
    inferred = types.infer_dtype(coded.values)
    if inferred == "complex":
        raise ValueError(f"Column {column.name!r} holds complex numbers.")
    if inferred in _KIND_OF_OBJECTS:
        return Reading(_KIND_OF_OBJECTS[inferred])
    return _read_texts(coded)


def _read_texts(coded: Coded) -> Reading:
    import pandas as pd

    texts = pd.Series([as_text(value) for value in coded.values], dtype=object)
    is_text = np.isnan(_parse_numbers(texts))
    counts = np.bincount(coded.codes[coded.codes >= 0], minlength=len(texts))
    share = counts[~is_text].sum() / counts.sum()
    if is_text.sum() <= _MAX_MARKS and share >= _MIN_NUMBERS:
        return Reading("number", marks=tuple(sorted(texts[is_text])))
    date_format = _guess_date_format(texts)
    if date_format is not None:
        return Reading("date", date_format=date_format)
    return Reading("text")


def code_values(column: "pd.Series") -> Coded:
    """Return the distinct values of a column and where each stands.

    Blank text is missing.

    Raises:
        ValueError: If its values are lists, dictionaries or the like.
    """
    import pandas as pd

    if isinstance(column.dtype, pd.PeriodDtype):
        column = column.dt.to_timestamp()
    try:
        codes, found = pd.factorize(column)
    except TypeError as error:
        raise ValueError(
            f"Column {column.name!r} holds lists, dictionaries or other values that "
            "are neither numbers, truth values, dates nor text."
        ) from error
    is_blank = [isinstance(value, str) and not value.strip() for value in found]
    places = np.cumsum(np.logical_not(is_blank)) - 1
    places = np.append(np.where(is_blank, -1, places), -1)  # code -1 takes the last
    values = [value for value, out in zip(found, is_blank, strict=True) if not out]
    return Coded(places[codes], values)


def as_text(value: object) -> str:
    """Return a value as text without surrounding blanks; 1.0 reads "1"."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        value = int(value)
    return str(value).strip()


def as_numbers(
    column: "pd.Series", *, marks: tuple[str, ...] = ()
) -> NDArray[np.float64]:
    """Return a column's numbers, NaN where missing; a time span in seconds.

    Args:
        column: Numbers, truth values, time spans, or text that is written so.
        marks: Texts that stand for a missing number.

    Raises:
        ValueError: If a value is infinite or not a number.
    """
    from pandas.api import types

    if types.is_timedelta64_dtype(column.dtype):
        numbers = column.dt.total_seconds().to_numpy(dtype=np.float64)
    elif _is_number(column):
        numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        coded = code_values(column)
        found = _parse_distinct_numbers(coded.values, marks, column.name)
        numbers = np.append(found, np.nan)[coded.codes]  # -1 takes the last
    n_infinite = int(np.isinf(numbers).sum())
    if n_infinite:
        raise ValueError(
            f"Column {column.name!r} holds infinite values, in {n_infinite:,} of "
            f"{len(column):,} rows. Replace them or leave them empty."
        )
    return numbers


def _is_number(column: "pd.Series") -> bool:
    from pandas.api import types

    dtype = column.dtype
    is_number = types.is_numeric_dtype(dtype) and not types.is_complex_dtype(dtype)
    return bool(is_number or types.is_timedelta64_dtype(dtype))


def _parse_distinct_numbers(
    values: list[object], marks: tuple[str, ...], name: object
) -> NDArray[np.float64]:
    import pandas as pd

    numbers = _parse_numbers(pd.Series(values, dtype=object))
    for place in np.flatnonzero(np.isnan(numbers)):
        if as_text(values[place]) not in marks:
            raise ValueError(
                f"Column {name!r} held numbers or truth values in the training "
                f"rows; got {values[place]!r}."
            )
    return numbers


def _parse_numbers(values: "pd.Series") -> NDArray[np.float64]:
    import pandas as pd

    return pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64)


def as_dates(
    column: "pd.Series", *, date_format: str | None = None
) -> "pd.DatetimeIndex":
    """Return a column's dates in UTC without time zone, NaT where missing.

    Args:
        column: Dates, or text that is written so.
        date_format: How dates are written; looked for if None.

    Raises:
        ValueError: If a value is not a date, or written otherwise.
    """
    import pandas as pd
    from pandas.api import types

    if types.is_datetime64_any_dtype(column.dtype):
        return pd.DatetimeIndex(pd.to_datetime(column, utc=True)).tz_localize(None)
    coded = code_values(column)
    values = pd.Series(coded.values, dtype=object)
    is_text = np.array([isinstance(value, str) for value in values], dtype=bool)
    is_date = np.array([hasattr(value, "year") for value in values], dtype=bool)
    found = _parse_dates(values.where(is_date), None)  # numbers would be read as dates
    if is_text.any():
        texts = values[is_text].str.strip()
        used = date_format or _guess_date_format(texts) or "ISO8601"
        dates = _parse_dates(texts.reindex(values.index), used)
        found = found.where(~is_text, dates)
    if found.isna().any():
        example = coded.values[int(found.isna().argmax())]
        written = f" written as {date_format}" if date_format else ""
        raise ValueError(
            f"Column {column.name!r} held dates{written} in the training rows; got "
            f"{example!r}."
        )
    missing = pd.DatetimeIndex([pd.NaT], tz="UTC")  # code -1 takes the last
    return pd.DatetimeIndex(found.append(missing)).tz_localize(None)[coded.codes]


def _guess_date_format(texts: "pd.Series") -> str | None:
    """Return the first known format that fits every text, None if there is none."""
    for date_format in _DATE_FORMATS:
        if all(
            _parse_dates(part, date_format).notna().all() for part in (texts[:1], texts)
        ):
            return date_format
    return None


def _parse_dates(values: "pd.Series", date_format: str | None) -> "pd.DatetimeIndex":
    import pandas as pd

    if date_format is not None:
        pattern = _ISO_DATE if date_format == "ISO8601" else _OTHER_DATE
        values = values.where(values.str.fullmatch(pattern, na=False))
    found = pd.to_datetime(values, format=date_format, utc=True, errors="coerce")
    return pd.DatetimeIndex(found)
