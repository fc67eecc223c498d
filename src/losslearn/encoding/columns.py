"""What a column holds, and its values as numbers, dates or texts.

Columns of text and of Python objects are looked at through their distinct values, so
that a column of few values costs little however long it is.
"""

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from losslearn.encoding.numbers import NumberForm

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

_MAX_FORMATS = 4
"""Forms of dates that one column may mix."""
_MIN_IDS, _ID_SHARE = 20, 0.95
"""Of so many values at least this share differ where a column holds ids."""
_ID_NAME = re.compile(
    r"(?i:(^|[^a-z])(id|ids|uuid|guid|idx|index|rownum|row)$)|Id$|ID$"
)
_SAMPLE = 1_000
"""Distinct texts that a form is tried on before it is tried on all."""
_MISSING = {
    *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND"),
    *("1.#QNAN", "<NA>", "N/A", "NA", "NULL", "NaN", "NaT", "None", "n/a", "nan"),
    "null",
}
"""Texts that say that a value is missing, in files of any format."""

_KIND_OF_OBJECTS: dict[str, Kind] = {
    **dict.fromkeys(("boolean", "integer", "floating", "decimal"), "number"),
    **dict.fromkeys(("mixed-integer-float", "timedelta", "timedelta64"), "number"),
    **dict.fromkeys(("datetime", "datetime64", "date"), "date"),
}
"""By pandas' name for a list of Python objects; all others are read as text."""


class Reading(NamedTuple):
    """How a column is read, decided once from the training rows."""

    kind: Kind
    marks: tuple[str, ...] = ()
    """Texts that stand for a missing number."""
    form: NumberForm = NumberForm()
    """How numbers are written where they are text."""
    date_formats: tuple[str, ...] = ()
    """How dates are written, if they are written as text."""


class Coded(NamedTuple):
    """A column as places in the list of its distinct values."""

    codes: NDArray[np.intp]
    """-1 where the value is missing."""
    values: list[object]


def read_kind(column: "pd.Series", read_as: str | None = None) -> Reading:
    """Decide what a column holds, or how it holds the numbers or dates it must.

    Raises:
        ValueError: If it holds lists, complex numbers or the like, or not what it is
            read as.
    """
    found = _read_kind(column)
    if read_as in (None, found.kind):
        return found
    if read_as == "number":
        texts = [as_text(value) for value in code_values(column).values]
        form = NumberForm.of(texts, is_enough=lambda read: not np.isnan(read).all())
        if form is not None:
            is_text = np.isnan(form.read(texts))
            marks = [text for text, out in zip(texts, is_text, strict=True) if out]
            return Reading("number", marks=tuple(sorted(marks)), form=form)
    raise ValueError(
        f"Column {column.name!r} cannot be read as {read_as}: it holds {found.kind}s, "
        f"such as {code_values(column).values[0]!r}."
    )


def _read_kind(column: "pd.Series") -> Reading:
    import pandas as pd
    from pandas.api import types

    if column.notna().any():
        if _is_number(column):
            return Reading("number", form=_native_form(column))
        if cast_text(column) is not None:
            return Reading("number")
        if types.is_datetime64_any_dtype(column.dtype):
            return Reading("date")
    coded = code_values(column)
    if isinstance(column.dtype, pd.CategoricalDtype):
        return Reading("text")
    inferred = types.infer_dtype(coded.values)
    if inferred == "complex":
        raise ValueError(f"Column {column.name!r} holds complex numbers.")
    if inferred in _KIND_OF_OBJECTS:
        truth = NumberForm("truth" if inferred == "boolean" else "plain")
        return Reading(_KIND_OF_OBJECTS[inferred], form=truth)
    return _read_texts(coded)


def _native_form(column: "pd.Series") -> NumberForm:
    """Return how a text file writes what is no text here."""
    from pandas.api import types

    if types.is_bool_dtype(column.dtype):
        return NumberForm("truth")
    is_span = types.is_timedelta64_dtype(column.dtype)
    return NumberForm("span" if is_span else "plain")


def _read_texts(coded: Coded) -> Reading:
    import pandas as pd

    texts = [as_text(value) for value in coded.values]
    counts = np.bincount(coded.codes[coded.codes >= 0], minlength=len(texts))

    def is_enough(numbers: NDArray[np.float64]) -> bool:
        is_text = np.isnan(numbers)
        if len(numbers) < len(texts):  # of some
            return bool(is_text.mean() < 0.5)
        share = counts[~is_text].sum() / counts.sum()
        marks = (text for text, out in zip(texts, is_text, strict=True) if out)
        if any(char.isdigit() for text in marks for char in text):
            return False  # 7A among numbers makes all of them codes
        return bool(is_text.sum() <= _MAX_MARKS and share >= _MIN_NUMBERS)

    form = NumberForm.of(texts[:_SAMPLE], is_enough=is_enough)
    if form is not None and len(texts) > _SAMPLE and not is_enough(form.read(texts)):
        form = None
    if form is not None:
        is_text = np.isnan(form.read(texts))
        marks = [text for text, out in zip(texts, is_text, strict=True) if out]
        return Reading("number", marks=tuple(sorted(marks)), form=form)
    date_formats = _guess_date_formats(pd.Series(texts, dtype=object))
    if date_formats:
        return Reading("date", date_formats=date_formats)
    return Reading("text")


def is_empty(column: "pd.Series") -> bool:
    """Return whether a column holds nothing but missing values."""
    if not column.notna().any():
        return True
    # blanks and words for "missing" are text: other types need no look at each value
    is_plain = _is_number(column) or column.dtype.kind == "M"
    return not is_plain and not code_values(column).values


def is_id(column: "pd.Series", kind: Kind) -> bool:
    """Return whether a column only names its rows: (nearly) all values differ.

    Texts do so that are one word each, whole numbers if the column is called so.
    """
    known = column.dropna()
    if kind == "date" or len(known) < _MIN_IDS:
        return False
    if kind == "number":
        if not _ID_NAME.search(str(column.name)):
            return False
        numbers = as_numbers(known)
        return bool(
            (numbers == np.round(numbers)).all()
            and len(np.unique(numbers)) >= _ID_SHARE * len(numbers)
        )
    texts = [as_text(value) for value in code_values(known).values]
    is_sentence = sum(any(char.isspace() for char in text) for text in texts)
    return len(texts) >= _ID_SHARE * len(known) and 2 * is_sentence < len(texts)


def code_values(column: "pd.Series") -> Coded:
    """Return the distinct values of a column and where each stands.

    Blank text is missing, and words such as "NA" and "null".

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
    is_blank = [isinstance(value, str) and value.strip() in _MISSING for value in found]
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
    column: "pd.Series",
    *,
    marks: tuple[str, ...] = (),
    form: NumberForm = NumberForm(),  # noqa: B008 - frozen
) -> NDArray[np.float64]:
    """Return a column's numbers, NaN where missing; a time span in seconds.

    Args:
        column: Numbers, truth values, time spans, or text that is written so.
        marks: Texts that stand for a missing number.
        form: How text is written.

    Raises:
        ValueError: If a value is infinite, too large an integer or not a number.
    """
    from pandas.api import types

    cast = cast_text(column) if form.style == "plain" else None
    if types.is_timedelta64_dtype(column.dtype):
        numbers = column.dt.total_seconds().to_numpy(dtype=np.float64)
    elif _is_number(column):
        numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
    elif cast is not None:
        numbers = cast
    else:
        coded = code_values(column)
        found = _parse_distinct_numbers(coded.values, marks, form, column.name)
        numbers = np.append(found, np.nan)[coded.codes]  # -1 takes the last
    n_infinite = int(np.isinf(numbers).sum())
    if n_infinite:
        raise ValueError(
            f"Column {column.name!r} holds infinite values, in {n_infinite:,} of "
            f"{len(column):,} rows. Replace them or leave them empty."
        )
    return numbers


def cast_text(column: "pd.Series") -> NDArray[np.float64] | None:
    """Return text that holds nothing but plain numbers, at once; None for others."""
    import pandas as pd

    if not isinstance(column.dtype, pd.StringDtype):
        return None
    import pyarrow as pa
    from pyarrow import compute

    try:
        numbers = compute.cast(pa.array(column, pa.string()), pa.float64())
    except pa.ArrowInvalid:
        return None
    found: NDArray[np.float64] = numbers.to_numpy(zero_copy_only=False)
    return found


def _is_number(column: "pd.Series") -> bool:
    from pandas.api import types

    dtype = column.dtype
    is_number = types.is_numeric_dtype(dtype) and not types.is_complex_dtype(dtype)
    return bool(is_number or types.is_timedelta64_dtype(dtype))


def _parse_distinct_numbers(
    values: list[object], marks: tuple[str, ...], form: NumberForm, name: object
) -> NDArray[np.float64]:
    import pandas as pd

    others = [
        value.total_seconds() if isinstance(value, timedelta) else value
        for value in values
    ]
    try:
        numbers = pd.to_numeric(pd.Series(others, dtype=object), errors="coerce")
    except OverflowError:
        raise ValueError(
            f"Column {name!r} holds an integer of too many digits. Replace it or leave "
            "it empty."
        ) from None
    parsed = numbers.to_numpy(dtype=np.float64, copy=True)
    if form.style != "plain":
        texts = [place for place, value in enumerate(values) if isinstance(value, str)]
        found = form.read([as_text(values[place]) for place in texts])
        # what a program writes is read whatever people wrote
        parsed[texts] = np.where(np.isnan(found), parsed[texts], found)
    for place in np.flatnonzero(np.isnan(parsed)):
        if as_text(values[place]) not in marks:
            raise ValueError(
                f"Column {name!r} held numbers or truth values in the training "
                f"rows; got {values[place]!r}."
            )
    return parsed


def as_dates(
    column: "pd.Series", *, date_formats: tuple[str, ...] = ()
) -> "pd.DatetimeIndex":
    """Return a column's dates in UTC without time zone, NaT where missing.

    Args:
        column: Dates, or text that is written so.
        date_formats: How dates are written, the first that fits; looked for if none.

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
        used = date_formats or _guess_date_formats(texts) or ("ISO8601",)
        for date_format in dict.fromkeys((*used, "ISO8601")):  # as programs write them
            dates = _parse_dates(texts.reindex(values.index), date_format)
            found = found.where(~(is_text & found.isna()), dates)
    if found.isna().any():
        example = coded.values[int(found.isna().argmax())]
        written = f" written as {' or '.join(date_formats)}" if date_formats else ""
        raise ValueError(
            f"Column {column.name!r} held dates{written} in the training rows; got "
            f"{example!r}."
        )
    missing = pd.DatetimeIndex([pd.NaT], tz="UTC")  # code -1 takes the last
    return pd.DatetimeIndex(found.append(missing)).tz_localize(None)[coded.codes]


def _guess_date_formats(texts: "pd.Series") -> tuple[str, ...]:
    """Return the known formats that fit every text, as few as can be; () if none do.

    Of two that fit as many, the first known is taken: days before months, say.
    """
    formats: tuple[str, ...] = ()
    left = texts
    while len(left) and len(formats) < _MAX_FORMATS:
        fits = {}
        for date_format in _DATE_FORMATS:
            if not np.any(_parse_dates(left[:_SAMPLE], date_format).notna()):
                continue
            is_fit = np.asarray(_parse_dates(left, date_format).notna())
            if is_fit.all():
                return (*formats, date_format)
            fits[date_format] = is_fit
        if not fits:
            return ()
        best = max(fits, key=lambda name: int(fits[name].sum()))
        formats, left = (*formats, best), left[~fits[best]]
    return formats if not len(left) else ()


def _parse_dates(values: "pd.Series", date_format: str | None) -> "pd.DatetimeIndex":
    import pandas as pd

    if date_format is not None:
        pattern = _ISO_DATE if date_format == "ISO8601" else _OTHER_DATE
        values = values.where(values.str.fullmatch(pattern, na=False))
    found = pd.to_datetime(values, format=date_format, utc=True, errors="coerce")
    return pd.DatetimeIndex(found)
