"""The target column of a table as numbers."""

import difflib
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from losslearn.encoding.wording import listed

if TYPE_CHECKING:
    import pandas as pd

Label = bool | int | float | str
"""What a class can be called: what JSON can hold."""


class TargetSplit(NamedTuple):
    """A table's features and its target."""

    features: "pd.DataFrame"
    """The table without its target column."""
    y: NDArray[np.int64]
    """0 or 1 a row."""
    classes: list[Label]
    """The labels that 0 and 1 stand for."""


def split_target(
    frame: "pd.DataFrame",
    target: str,
    *,
    positive: Label | None = None,
    classes: Sequence[Label] | None = None,
) -> TargetSplit:
    """Take the target column out of a table and encode it as 0/1.

    Args:
        frame: The table.
        target: Name of its target column, which holds two labels: truth values,
            numbers, text or categories.
        positive: The label that becomes 1, as it is or written as text. The second
            in sorted order (True, 1, "yes") unless given.
        classes: The labels that 0 and 1 stood for in an earlier table, to encode this
            one alike; `positive` then does not count.

    Returns:
        The features, the target, and its two labels as Python's own types.

    Raises:
        ValueError: If the column is absent, lacks values, or does not hold two labels,
            if `positive` is not one of them, or if no other column is left.
    """
    if target not in frame.columns:
        raise ValueError(_no_such_column(target, [str(name) for name in frame.columns]))
    if frame.shape[1] == 1:
        raise ValueError(f"The table has no column besides the target {target!r}.")
    column = frame[target]
    n_missing = int(column.isna().sum())
    if n_missing:
        raise ValueError(
            f"The target column {target!r} lacks a value in {n_missing:,} of "
            f"{len(column):,} rows. Remove these rows or fill them in."
        )
    codes, found = _labels_of(column)
    if classes is None:
        _check_two(found, column, target)
        classes = found if positive is None else _put_last(found, positive, target)
    encoded = np.asarray([_place_of(label, classes) for label in found])
    if (encoded < 0).any():
        strange = [
            label for label, place in zip(found, encoded, strict=True) if place < 0
        ]
        raise ValueError(
            f"The target column {target!r} holds {listed(strange)}; expected only "
            f"{listed(classes)}."
        )
    _check_two(found, column, target)
    return TargetSplit(
        frame.drop(columns=target), encoded[codes].astype(np.int64), list(classes)
    )


def _no_such_column(target: str, columns: list[str]) -> str:
    folded = {name.casefold(): name for name in columns}
    near = [
        folded[name]
        for name in difflib.get_close_matches(target.casefold(), folded, cutoff=0.5)
    ]
    hint = f"the nearest are {listed(near)}" if near else f"it has {listed(columns)}"
    return f"The table has no column {target!r}; {hint}."


def _labels_of(column: "pd.Series") -> tuple[NDArray[np.intp], list[Label]]:
    """Return each row's place in the sorted distinct labels, and these labels."""
    import pandas as pd

    codes, found = pd.factorize(column)
    labels = [_native(label) for label in found]
    if isinstance(column.dtype, pd.CategoricalDtype) and column.dtype.ordered:
        order = list(np.argsort(pd.Categorical(found, dtype=column.dtype).codes))
    else:
        order = sorted(range(len(labels)), key=lambda i: _sort_key(labels[i]))
    rank = np.empty(len(order), dtype=np.intp)
    rank[order] = np.arange(len(order))
    return rank[codes], [labels[i] for i in order]


def _sort_key(label: Label) -> tuple[bool, float, str]:
    if isinstance(label, str):
        return True, 0.0, label
    return False, label, ""


def _native(value: object) -> Label:
    """Return a label as one of Python's own types; 1.0 becomes 1."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, bool | int | float | str) else str(value)


def _check_two(found: list[Label], column: "pd.Series", target: str) -> None:
    if len(found) == 1:
        raise ValueError(
            f"The target column {target!r} holds one class only: {found[0]!r} in all "
            f"{len(column):,} rows. Two are needed."
        )
    numbers = [label for label in found if not isinstance(label, str)]
    if any(not math.isfinite(number) for number in numbers):
        raise ValueError(f"The target column {target!r} holds infinite values.")
    if len(found) > 2:
        many = len(found) > 20 and len(numbers) == len(found)
        hint = " It looks like a quantity, not a class." if many else ""
        raise ValueError(
            f"The target column {target!r} holds {len(found):,} classes "
            f"({listed(found)}). Only two are handled for now.{hint}"
        )


def _place_of(label: Label, classes: Sequence[Label]) -> int:
    """Return a label's place, or -1; "1" finds 1 where there is no "1" itself."""
    for place, known in enumerate(classes):
        if label == known:
            return place
    texts = [str(known) for known in classes]
    return texts.index(str(label)) if str(label) in texts else -1


def _put_last(found: list[Label], positive: Label, target: str) -> list[Label]:
    place = _place_of(positive, found)
    if place < 0:
        raise ValueError(
            f"`positive` must be one of the labels in {target!r}, {listed(found)}; "
            f"got {positive!r}."
        )
    return [found[1 - place], found[place]]
