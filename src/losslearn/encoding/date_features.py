"""The features of a column of dates."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from losslearn.encoding.columns import as_dates
from losslearn.encoding.features import ColumnFeatures, Features, State, text_in
from losslearn.encoding.scaling import Floats, Scale

if TYPE_CHECKING:
    import pandas as pd


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
            name=text_in(state["name"]),
            date_formats=tuple(map(text_in, state["date_formats"])),
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
