"""Which features a column gives, by what it holds."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from losslearn.encoding.columns import is_empty, is_id, read_kind
from losslearn.encoding.date_features import DateFeatures
from losslearn.encoding.features import ColumnFeatures, LeftOut, State
from losslearn.encoding.number_features import NumberFeatures
from losslearn.encoding.text_features import TextFeatures

if TYPE_CHECKING:
    import pandas as pd

READ_AS = ("number", "category", "text", "date", "ignore")
"""What a user can say that a column is."""


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
