"""Labels of any type as targets, 0 or 1."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.multiclass import check_classification_targets, type_of_target

_LABELS = 2**20
"""Labels looked through at a time."""


def encode_labels(
    y: NDArray[Any], *, pos_label: object = None
) -> tuple[NDArray[Any], NDArray[np.int8]]:
    """Return both classes, the positive one last, and the targets.

    Args:
        y: Labels, shape `[rows]`.
        pos_label: The positive class; None takes the one that is sorted last.

    Raises:
        ValueError: If there are not two classes, or none is `pos_label`.

    Example:
        >>> import numpy as np
        >>> encode_labels(np.array(["no", "yes", "no"]), pos_label="no")[1]
        array([1, 0, 1], dtype=int8)
    """
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
            f"`y` must hold two classes, got one class only: {classes.tolist()[0]!r}."
        )
    if pos_label is not None:
        if pos_label not in classes.tolist():
            raise ValueError(
                f"`pos_label` must be one of the classes {classes.tolist()}, "
                f"got {pos_label!r}."
            )
        classes = classes[np.argsort(classes == pos_label, kind="stable")]
    return classes, (y == classes[1]).astype(np.int8)


def encode_validation_labels(
    y: NDArray[Any], classes: NDArray[Any]
) -> NDArray[np.int64]:
    """Return the targets of validation rows by the classes of the training rows.

    Args:
        y: Labels, shape `[rows]`.
        classes: Both classes, the positive one last.

    Raises:
        ValueError: If a label is neither class, or one of the classes is missing.
    """
    found = np.unique(_distinct(y)).tolist()
    if set(found) - set(classes.tolist()) or len(found) < 2:
        raise ValueError(
            f"`y_valid` must hold both classes {classes.tolist()}, got {found}."
        )
    return (y == classes[1]).astype(np.int64)


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
