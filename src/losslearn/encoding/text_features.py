"""The features of a column of categories, or of text."""

import math
from dataclasses import dataclass
from numbers import Number
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from losslearn.encoding.columns import Coded, as_text, code_values
from losslearn.encoding.features import ColumnFeatures, Features, State, text_in
from losslearn.encoding.numbers import NumberForm
from losslearn.encoding.spelling import Spelling

if TYPE_CHECKING:
    import pandas as pd

_MAX_CATEGORIES = 40
"""Up to so many different texts each get a feature; more are taken as free text."""
_MIN_SHARE = 0.01
"""Share of the rows from which on one value of a free text gets a feature as well."""


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
            name=text_in(state["name"]),
            values=tuple(map(text_in, state["values"])),
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
