"""Labels of any type as targets, 0 or 1."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from losslearn._wording import listed

if TYPE_CHECKING:
    import pandas as pd

    Column = NDArray[Any] | pd.Series

_LABELS = 2**20
"""Labels looked through at a time."""


@dataclass(frozen=True, eq=False)
class BinaryLabels:
    """Both classes, the positive one last, and targets by them.

    Example:
        >>> import numpy as np
        >>> labels = BinaryLabels.of(np.array(["no", "yes", "no"]), positive="no")
        >>> labels.encode(np.array(["no", "yes", "no"]))
        array([1, 0, 1], dtype=int8)
    """

    classes: NDArray[Any]

    @classmethod
    def of(cls, y: "Column", *, positive: object = None, called: str = "`y`") -> Self:
        """Find both classes.

        Args:
            y: Labels, shape `[rows]`: numbers, truth values, text or categories.
            positive: The positive class, as it is or written as text; None takes the
                one that is sorted last, or the last of ordered categories.
            called: What messages call the labels.

        Raises:
            ValueError: If there are not two classes, or none is `positive`.
        """
        classes = _distinct(y)
        if len(classes) > 2:
            raise ValueError(_too_many(classes, called))
        _check_both(classes, y, called)
        if positive is not None:
            place = _place_of(positive, classes)
            if place < 0:
                raise ValueError(
                    "The positive label (`positive`, `pos_label`) must be one of "
                    f"{listed(classes)}; got {positive!r}. {called} holds these."
                )
            classes = [classes[1 - place], classes[place]]
        return cls(_as_array(classes, y))

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """Return the labels that `to_dict` gave.

        Raises:
            LookupError: If they are not there.
            ValueError: If they are not two.
        """
        first, second = state["classes"]
        return cls(_as_array([first, second]))

    def to_dict(self) -> dict[str, Any]:
        """Return the classes, as JSON knows them."""
        return {"classes": self.classes.tolist()}

    @property
    def names(self) -> list[Any]:
        """The classes, as Python's own."""
        names: list[Any] = self.classes.tolist()
        return names

    def encode(
        self, y: "Column", *, called: str = "`y`", needs_all: bool = True
    ) -> NDArray[np.int8]:
        """Return the targets, 1 for the positive class; "1" finds 1.

        Args:
            y: Labels, shape `[rows]`.
            called: What messages call the labels.
            needs_all: Whether a class may not be missing.

        Raises:
            ValueError: If a label is neither class, or one of the classes is missing
                that may not be.
        """
        known, found = self.names, _distinct(y)
        places = [_place_of(label, known) for label in found]
        if -1 in places:
            strange = [
                label for label, place in zip(found, places, strict=True) if place < 0
            ]
            raise ValueError(
                f"{called} holds the labels {listed(strange)}; expected only "
                f"{listed(known)}."
            )
        if needs_all:
            _check_both(found, y, called)
        target = np.zeros(len(y), np.int8)
        for label, place in zip(found, places, strict=True):
            if place == 1:  # of several ways to write a label, each
                target |= np.asarray(y == label).astype(np.int8)
        return target

    def decode(self, target: NDArray[Any]) -> NDArray[Any]:
        """Return the labels of targets, 0 or 1."""
        return self.classes[target.astype(int)]


def _distinct(y: "Column") -> list[Any]:
    """Return the distinct labels as Python's own, sorted; categories by their order.

    Of a table of numbers, two labels are looked for a part at a time: what sorts all
    at once copies them several times.
    """
    if isinstance(y, np.ndarray) and y.dtype.kind in "biuf":
        found = y[:0]
        for begin in range(0, len(y), _LABELS):
            found = np.unique(np.concatenate([found, y[begin : begin + _LABELS]]))
            if len(found) > 2:
                found = np.unique(y)
                break
        numbers: list[Any] = found.tolist()
        return numbers
    import pandas as pd

    column = pd.Series(y)
    labels = column.unique().tolist()
    if isinstance(column.dtype, pd.CategoricalDtype) and column.dtype.ordered:
        return [label for label in column.dtype.categories.tolist() if label in labels]
    return sorted(labels, key=_sort_key)


def _sort_key(label: Any) -> tuple[bool, float, str]:  # noqa: ANN401 - any label
    """Return what labels are sorted by: numbers first."""
    is_number = isinstance(label, bool | int | float)
    return not is_number, label if is_number else 0.0, str(label)


def _as_array(classes: list[Any], y: "Column | None" = None) -> NDArray[Any]:
    """Return both classes in the type of the labels, or in that of their own."""
    if isinstance(y, np.ndarray):
        return np.array(classes, dtype=y.dtype)
    is_mixed = len({type(label) for label in classes}) > 1
    return np.array(classes, dtype=object if is_mixed else None)


def _place_of(label: object, classes: Sequence[object]) -> int:
    """Return a label's place, or -1; "1" finds 1 where there is no "1" itself."""
    if label in classes:
        return classes.index(label)
    texts = [str(known) for known in classes]
    return texts.index(str(label)) if str(label) in texts else -1


def _check_both(found: list[Any], y: "Column", called: str) -> None:
    if len(found) < 2:
        raise ValueError(
            f"{called} holds one class only: {found[0]!r} in all {len(y):,} rows. Two "
            "classes are needed."
        )


def _too_many(found: list[Any], called: str) -> str:
    """Return what is wrong; scikit-learn's checks look for some of these words."""
    from sklearn.utils.multiclass import type_of_target

    kind = type_of_target(np.asarray(found), input_name="y")
    unknown = f"Unknown label type: {kind}. " if "continuous" in kind else ""
    is_quantity = len(found) > 20 and not any(isinstance(one, str) for one in found)
    hint = " It looks like a quantity, not a class." if is_quantity else ""
    return (
        f"{unknown}{called} holds {len(found):,} classes ({listed(found)}). Only "
        f"binary classification is supported. The type of the target is {kind}.{hint}"
    )
