"""Labels of any type as targets, 0 or 1."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

_LABELS = 2**20
"""Labels looked through at a time."""


@dataclass(frozen=True)
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
    def of(cls, y: NDArray[Any], *, positive: object = None) -> Self:
        """Find both classes.

        Args:
            y: Labels, shape `[rows]`.
            positive: The positive class; None takes the one that is sorted last.

        Raises:
            ValueError: If there are not two classes, or none is `positive`.
        """
        from sklearn.utils.multiclass import (
            check_classification_targets,
            type_of_target,
        )

        found = _distinct(y)
        check_classification_targets(found)
        kind = type_of_target(found, input_name="y", raise_unknown=True)
        classes = np.unique(found)
        if kind != "binary":
            raise ValueError(
                "Only binary classification is supported. The type of the target is "
                f"{kind}, with {len(classes)} classes."
            )
        if len(classes) < 2:
            raise ValueError(
                "`y` must hold two classes, got one class only: "
                f"{classes.tolist()[0]!r}."
            )
        if positive is not None:
            if positive not in classes.tolist():
                raise ValueError(
                    f"`pos_label` must be one of the classes {classes.tolist()}, "
                    f"got {positive!r}."
                )
            classes = classes[np.argsort(classes == positive, kind="stable")]
        return cls(classes)

    def encode(self, y: NDArray[Any]) -> NDArray[np.int8]:
        """Return the targets, 1 for the positive class.

        Raises:
            ValueError: If a label is neither class, or one of the classes is missing.
        """
        found = np.unique(_distinct(y)).tolist()
        if set(found) - set(self.classes.tolist()) or len(found) < 2:
            raise ValueError(
                f"`y_valid` must hold both classes {self.classes.tolist()}, got "
                f"{found}."
            )
        return (y == self.classes[1]).astype(np.int8)

    def decode(self, target: NDArray[Any]) -> NDArray[Any]:
        """Return the labels of targets, 0 or 1."""
        return self.classes[target.astype(int)]


def _distinct(y: NDArray[Any]) -> NDArray[Any]:
    """Return the two distinct labels of many; other targets as they are.

    What sorts all labels at once copies them several times.
    """
    if y.dtype.kind not in "biuf":
        return y
    found = y[:0]
    for begin in range(0, len(y), _LABELS):
        found = np.unique(np.concatenate([found, y[begin : begin + _LABELS]]))
        if len(found) > 2:
            return y
    return found
