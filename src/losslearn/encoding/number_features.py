"""The features of a column of numbers."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from losslearn._wording import listed
from losslearn.encoding.columns import as_numbers
from losslearn.encoding.features import ColumnFeatures, Features, State, text_in
from losslearn.encoding.numbers import NumberForm
from losslearn.encoding.scaling import Scale

if TYPE_CHECKING:
    import pandas as pd


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
            name=text_in(state["name"]),
            marks=tuple(map(text_in, state["marks"])),
            form=NumberForm(**{k: text_in(v) for k, v in state["form"].items()}),
            has_missing=bool(state["has_missing"]),
            scale=None if scale is None else Scale(**scale),
        )
