"""The features that one column gives, by kind: numbers, dates, categories and text.

Each class is fitted to a column of the training rows, writes the features of any rows,
and turns into plain numbers and texts for a file and back.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from numbers import Number
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from losslearn._wording import listed
from losslearn.encoding.columns import (
    Coded,
    as_dates,
    as_numbers,
    as_text,
    code_values,
    is_empty,
    is_id,
    read_kind,
)
from losslearn.encoding.numbers import NumberForm
from losslearn.encoding.scaling import Floats, Scale
from losslearn.encoding.spelling import Spelling

if TYPE_CHECKING:
    import pandas as pd

Features = NDArray[np.float32]
State = Mapping[str, Any]

READ_AS = ("number", "category", "text", "date", "ignore")
"""What a user can say that a column is."""
_MAX_CATEGORIES = 40
"""Up to so many different texts each get a feature; more are taken as free text."""
_MIN_SHARE = 0.01
"""Share of the rows from which on one value of a free text gets a feature as well."""


@dataclass(frozen=True, kw_only=True)
class ColumnFeatures(ABC):
    """What a fitted column of any kind can do."""

    name: str
    has_missing: bool
    """Whether values were missing in the training rows; a feature says so then."""

    @property
    def kind(self) -> str:
        """One word on what the column holds; "constant" for one without features."""
        return self._word if self.feature_names else "constant"

    @property
    def feature_names(self) -> list[str]:
        """The names of its features, none for a constant column."""
        return [*self._names, *([f"{self.name} is missing"] * self.has_missing)]

    @property
    def raw_names(self) -> list[str]:
        """The names of its features as trees take them: gaps are NaN there."""
        return self._names

    has_codes: ClassVar[bool] = False
    """Whether the first of these is the code of a category."""

    @property
    def spreads(self) -> list[float]:
        """The deviation that each feature is worth: that of its information."""
        return [1.0] * len(self.feature_names)

    @property
    @abstractmethod
    def _word(self) -> str:
        """What the column holds."""

    @property
    @abstractmethod
    def _names(self) -> list[str]:
        """The names of the features without the one of missing values."""

    @property
    def note(self) -> str:
        """What is worth knowing of how it is read."""
        return ""

    @abstractmethod
    def write(self, column: "pd.Series", out: Features) -> None:
        """Write the features of a column, one a column of `out`."""

    @abstractmethod
    def write_raw(self, column: "pd.Series", out: Features) -> None:
        """Write them as trees take them: unscaled, NaN where a value is missing."""

    def state(self) -> dict[str, Any]:
        """Return all of it as JSON can hold it."""
        return {"kind": self._word, **asdict(self)}


@dataclass(frozen=True, kw_only=True)
class LeftOut(ColumnFeatures):
    """A column that says nothing, or is not to be looked at."""

    reason: Literal["empty", "id", "ignored"]

    @property
    def kind(self) -> str:
        """Why it gives no features."""
        return self.reason

    @property
    def _word(self) -> str:
        return "left out"

    @property
    def _names(self) -> list[str]:
        return []

    def write(self, column: "pd.Series", out: Features) -> None:
        """Write nothing."""

    def write_raw(self, column: "pd.Series", out: Features) -> None:
        """Write nothing."""

    @classmethod
    def from_state(cls, state: State) -> "LeftOut":
        """Undo `state`."""
        if state["reason"] not in get_args(cls.__annotations__["reason"]):
            raise ValueError(f"unknown reason {state['reason']!r}")
        return cls(name=_text(state["name"]), has_missing=False, reason=state["reason"])


@dataclass(frozen=True, kw_only=True)
class NumberFeatures(ColumnFeatures):
    """Numbers, truth values and time spans: the scaled number and whether it lacks."""

    marks: tuple[str, ...]
    form: NumberForm
    scale: Scale | None

    @classmethod
    def fit(
        cls, column: "pd.Series", *, marks: tuple[str, ...], form: NumberForm
    ) -> "NumberFeatures":
        """Take scale and missing values from the training rows."""
        numbers = as_numbers(column, marks=marks, form=form)
        is_missing = np.isnan(numbers)
        return cls(
            name=str(column.name),
            marks=marks,
            form=form,
            has_missing=bool(is_missing.any()),
            scale=Scale.fit(numbers),
        )

    @property
    def _word(self) -> str:
        return "number"

    @property
    def _names(self) -> list[str]:
        return [self.name] * (self.scale is not None)

    @property
    def note(self) -> str:
        """Style, unit and marks, where they are not plain."""
        style = "" if self.form.style == "plain" else f"written as {self.form.style}"
        unit = f"in {self.form.unit}" if self.form.unit else ""
        marks = f"{listed(self.marks)} as missing" if self.marks else ""
        return ", ".join(filter(None, (style, unit, marks)))

    def write(self, column: "pd.Series", out: Features) -> None:
        """Write the scaled numbers and whether each was missing."""
        numbers = as_numbers(column, marks=self.marks, form=self.form)
        if self.scale is not None:
            out[:, 0] = self.scale.apply(numbers)
        if self.has_missing:
            out[:, -1] = np.isnan(numbers)

    @property
    def raw_names(self) -> list[str]:
        """One, where it varies or lacks values."""
        return [self.name] * (self.scale is not None or self.has_missing)

    def write_raw(self, column: "pd.Series", out: Features) -> None:
        """Write the numbers."""
        out[:, 0] = as_numbers(column, marks=self.marks, form=self.form)

    @classmethod
    def from_state(cls, state: State) -> "NumberFeatures":
        """Undo `state`."""
        scale = state["scale"]
        return cls(
            name=_text(state["name"]),
            marks=tuple(map(_text, state["marks"])),
            form=NumberForm(**{k: _text(v) for k, v in state["form"].items()}),
            has_missing=bool(state["has_missing"]),
            scale=None if scale is None else Scale(**scale),
        )


@dataclass(frozen=True, kw_only=True)
class DateFeatures(ColumnFeatures):
    """Dates: scaled year, month, day, weekday, time of day and total seconds."""

    date_formats: tuple[str, ...]
    scales: dict[str, Scale]
    """By the part of the date; parts that never change are left out."""

    @classmethod
    def fit(
        cls, column: "pd.Series", *, date_formats: tuple[str, ...] = ()
    ) -> "DateFeatures":
        """Take the scale of each part of the date from the training rows."""
        dates = as_dates(column, date_formats=date_formats)
        scales = {part: Scale.fit(take(dates)) for part, take in _DATE_PARTS.items()}
        return cls(
            name=str(column.name),
            date_formats=date_formats,
            has_missing=bool(dates.isna().any()),
            scales={part: scale for part, scale in scales.items() if scale is not None},
        )

    @property
    def _word(self) -> str:
        return "date"

    @property
    def _names(self) -> list[str]:
        return [f"{self.name}:{part}" for part in self.scales]

    @property
    def note(self) -> str:
        """How they are written, where they are text."""
        return f"written as {' or '.join(self.date_formats)}" * bool(self.date_formats)

    def write(self, column: "pd.Series", out: Features) -> None:
        """Write the scaled parts of the date and whether it was missing."""
        dates = as_dates(column, date_formats=self.date_formats)
        for place, (part, scale) in enumerate(self.scales.items()):
            out[:, place] = scale.apply(_DATE_PARTS[part](dates))
        if self.has_missing:
            out[:, -1] = dates.isna()

    def write_raw(self, column: "pd.Series", out: Features) -> None:
        """Write the parts of the date."""
        dates = as_dates(column, date_formats=self.date_formats)
        for place, part in enumerate(self.scales):
            out[:, place] = _DATE_PARTS[part](dates)

    @classmethod
    def from_state(cls, state: State) -> "DateFeatures":
        """Undo `state`."""
        scales = {part: Scale(**scale) for part, scale in state["scales"].items()}
        if not set(scales) <= set(_DATE_PARTS):
            raise ValueError(f"unknown parts of a date in {sorted(scales)}")
        return cls(
            name=_text(state["name"]),
            date_formats=tuple(map(_text, state["date_formats"])),
            has_missing=bool(state["has_missing"]),
            scales=scales,
        )


_DATE_PARTS: "dict[str, Callable[[pd.DatetimeIndex], Floats]]" = {
    "year": lambda dates: np.asarray(dates.year, dtype=np.float64),
    "month": lambda dates: np.asarray(dates.month, dtype=np.float64),
    "day": lambda dates: np.asarray(dates.day, dtype=np.float64),
    "weekday": lambda dates: np.asarray(dates.day_of_week, dtype=np.float64),
    "time": lambda dates: np.asarray(
        3600 * dates.hour + 60 * dates.minute + dates.second, dtype=np.float64
    ),
    "seconds": lambda dates: _total_seconds(dates),
}


def _total_seconds(dates: "pd.DatetimeIndex") -> Floats:
    stamps = dates.to_numpy().astype("datetime64[s]")
    seconds = stamps.astype(np.int64).astype(np.float64)
    seconds[np.isnat(stamps)] = np.nan
    return seconds


@dataclass(frozen=True, kw_only=True)
class TextFeatures(ColumnFeatures):
    """Categories and text: one feature a frequent value, and the spelling of the rest.

    A column of few different texts has only the former.
    """

    values: tuple[str, ...]
    of_numbers: bool
    """Whether all values were numbers: 1 and 1.0 are one then, as text too."""
    spelling: Spelling | None

    @classmethod
    def fit(cls, column: "pd.Series", *, is_free: bool | None = None) -> "TextFeatures":
        """Take the values, and the spelling of many, from the training rows.

        Free text or categories: by the number of values, if it is not said.
        """
        coded = code_values(column)
        of_numbers = all(isinstance(value, Number) for value in coded.values)
        codes, texts = _distinct_texts(coded, of_numbers=of_numbers)
        counts = np.bincount(codes[codes >= 0], minlength=len(texts))
        has_missing = bool((codes < 0).any())
        is_many = len(texts) > _MAX_CATEGORIES
        is_free = is_many if is_free is None else is_free
        if is_many or is_free:
            order = np.argsort(-counts, kind="stable")[:_MAX_CATEGORIES]
            least = math.ceil(_MIN_SHARE * len(column)) if is_free else 1
            kept = [texts[place] for place in order if counts[place] >= least]
        else:
            kept = texts if len(texts) > 1 or has_missing else []
        return cls(
            name=str(column.name),
            values=tuple(kept),
            of_numbers=of_numbers,
            has_missing=has_missing,
            spelling=Spelling.fit(texts, codes) if is_free else None,
        )

    has_codes: ClassVar[bool] = True

    @property
    def _word(self) -> str:
        return "category" if self.spelling is None else "text"

    @property
    def _names(self) -> list[str]:
        names = [f"{self.name}={value}" for value in self.values]
        return names + self._spelling_names

    @property
    def _spelling_names(self) -> list[str]:
        n_spelling = 0 if self.spelling is None else len(self.spelling.scales)
        return [f"{self.name}:text{i}" for i in range(n_spelling)]

    @property
    def raw_names(self) -> list[str]:
        """The value, as a code, and the spelling."""
        return [self.name, *self._spelling_names] if self.feature_names else []

    @property
    def spreads(self) -> list[float]:
        """The deviation of each feature; of the spelling, that of its information."""
        spelling = () if self.spelling is None else self.spelling.spreads
        return [1.0] * len(self.values) + [*spelling] + [1.0] * self.has_missing

    def write(self, column: "pd.Series", out: Features) -> None:
        """Write which value each row has; none of them for an unseen one."""
        codes, texts, places = self._places(column)
        n_values = len(self.values)
        out[:, :n_values] = places[:, None] == np.arange(n_values)
        if self.spelling is not None:
            features = self.spelling.apply(texts)
            out[:, n_values : n_values + features.shape[1]] = features[codes]
        if self.has_missing:
            out[:, -1] = codes < 0

    def write_raw(self, column: "pd.Series", out: Features) -> None:
        """Write the place of each value among the frequent ones, and the spelling.

        Other values are one more, and a missing one is NaN, as its spelling is.
        """
        codes, texts, places = self._places(column)
        out[:, 0] = np.where(places < 0, len(self.values), places)
        if self.spelling is not None:
            out[:, 1:] = self.spelling.apply(texts)[codes]
        out[codes < 0] = np.nan

    def _places(
        self, column: "pd.Series"
    ) -> tuple[NDArray[np.intp], list[str], NDArray[np.intp]]:
        """Return each row's place among the texts, these, and that among the values."""
        coded = code_values(column)
        codes, texts = _distinct_texts(coded, of_numbers=self.of_numbers)
        place_of = {value: place for place, value in enumerate(self.values)}
        places = np.array([place_of.get(text, -1) for text in texts] + [-1])
        return codes, texts, places[codes]

    def state(self) -> dict[str, Any]:
        """Return the fields."""
        return {
            "kind": "text",
            "name": self.name,
            "values": self.values,
            "of_numbers": self.of_numbers,
            "has_missing": self.has_missing,
            "spelling": None if self.spelling is None else self.spelling.state(),
        }

    @classmethod
    def from_state(cls, state: State) -> "TextFeatures":
        """Undo `state`."""
        spelling = state["spelling"]
        return cls(
            name=_text(state["name"]),
            values=tuple(map(_text, state["values"])),
            of_numbers=bool(state["of_numbers"]),
            has_missing=bool(state["has_missing"]),
            spelling=None if spelling is None else Spelling.from_state(spelling),
        )


def _distinct_texts(
    coded: Coded, *, of_numbers: bool
) -> tuple[NDArray[np.intp], list[str]]:
    """Return each row's place in the sorted distinct texts, and these texts."""
    texts = [as_text(value) for value in coded.values]
    if of_numbers:
        numbers = NumberForm().read(texts)
        texts = [
            text if np.isnan(number) else as_text(float(number))
            for text, number in zip(texts, numbers, strict=True)
        ]
    distinct = sorted(set(texts))
    place_of = {text: place for place, text in enumerate(distinct)}
    places = np.array([place_of[text] for text in texts] + [-1], dtype=np.intp)
    return places[coded.codes], distinct


def fit_column(column: "pd.Series", read_as: str | None = None) -> ColumnFeatures:
    """Return the features of a column of the training rows, by what it holds.

    Args:
        column: The column.
        read_as: One of `READ_AS`, to overrule what it seems to hold.

    Raises:
        ValueError: If it holds what cannot be encoded, or not what it is read as.
    """
    name = str(column.name)
    if read_as == "ignore":
        return LeftOut(name=name, has_missing=False, reason="ignored")
    if is_empty(column):
        return LeftOut(name=name, has_missing=False, reason="empty")
    if read_as in ("category", "text"):
        return TextFeatures.fit(column, is_free=read_as == "text")
    reading = read_kind(column, read_as)
    if read_as is None and is_id(column, reading.kind):
        return LeftOut(name=name, has_missing=False, reason="id")
    if reading.kind == "number":
        return NumberFeatures.fit(column, marks=reading.marks, form=reading.form)
    if reading.kind == "date":
        return DateFeatures.fit(column, date_formats=reading.date_formats)
    return TextFeatures.fit(column)


def restore_column(state: State) -> ColumnFeatures:
    """Undo `state` of a column of any kind.

    Raises:
        ValueError: If a value cannot be right.
        LookupError: If the kind is unknown, or something is lacking.
        TypeError: If something is of the wrong type.
    """
    restore: dict[str, Callable[[State], ColumnFeatures]] = {
        "number": NumberFeatures.from_state,
        "date": DateFeatures.from_state,
        "text": TextFeatures.from_state,
        "left out": LeftOut.from_state,
    }
    return restore[state["kind"]](state)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, got {value!r}")
    return value
