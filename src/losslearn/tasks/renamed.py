"""Arguments that release 0.1 called otherwise; they go on working until 0.3."""

import warnings
from collections.abc import Callable, Mapping
from typing import Any

_OLD: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "pos_rate": (
        "strata_shares",
        lambda rate: None if rate is None else (1 - rate, rate),
    ),
    "min_per_class": ("min_per_stratum", lambda value: value),
    "prevalence_weights": ("weigh_back", lambda value: value),
    "cross_entropy_weight": ("usual_weight", lambda value: value),
}
"""The new name of each, and what makes its value the new one's."""


_REFUSED: Mapping[str, str] = {
    "class_weight": "classes are weighed by the weights of their rows. Pass "
    "`sample_weight=compute_sample_weight(class_weight, y)` to `fit` (the function is "
    "in sklearn.utils.class_weight)",
}
"""What users look for by another name, and what to do instead."""


def renamed(
    given: Mapping[str, Any], known: Mapping[str, Any], *, prefix: str = ""
) -> dict[str, Any]:
    """Return arguments by their present names, with a warning for each that is old.

    Args:
        given: What a caller gave beside the present arguments.
        known: The present arguments that `given` may set, and their values.
        prefix: Of the present names, where they have moved into another object.

    Raises:
        TypeError: If an argument is neither old nor known.
    """
    values = dict(known)
    for name, value in given.items():
        new, convert = _OLD.get(name, (name, lambda value: value))
        if new in _REFUSED:
            raise TypeError(f"there is no `{new}`: {_REFUSED[new]}")
        if new not in known:
            raise TypeError(f"got an unexpected keyword argument {name!r}")
        warnings.warn(
            f"`{name}` is `{prefix}{new}` since release 0.2; it goes with 0.3.",
            FutureWarning,
            stacklevel=4,
        )
        values[new] = convert(value)
    return values
