"""What one column gives as features, whatever it holds.

Each kind of column, in a file of its own, is fitted to the training rows, writes the
features of any rows, and turns into plain numbers and texts for a file and back.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

Features = NDArray[np.float32]
State = Mapping[str, Any]


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
        return cls(
            name=text_in(state["name"]), has_missing=False, reason=state["reason"]
        )


def text_in(value: object) -> str:
    """Return a text of a file; raises `TypeError` for what is none."""
    if not isinstance(value, str):
        raise TypeError(f"expected text, got {value!r}")
    return value
