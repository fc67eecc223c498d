"""The same arithmetic, faster: compiled kernels and CUDA graphs.

`fastest` is the only door. It knows the parts of the package that have a faster form by
their names, so that nothing here imports them, and nothing there asks what is compiled.
"""

import importlib
from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

_HOMES = {
    "losslearn.metrics.cut_points.weight_above": "losslearn._fast.counting",
    "losslearn.metrics.ranking.misranked_share": "losslearn._fast.counting",
}
"""Which module has the faster form of a part; it offers `faster(part)`."""


def fastest(part: F) -> F:
    """Return a faster form of a function, or the function itself where there is none.

    The faster form takes and returns the same, and calls the function itself where it
    cannot do it.

    Example:
        >>> fastest(len) is len
        True
    """
    home = _HOMES.get(f"{part.__module__}.{part.__qualname__}")
    return part if home is None else importlib.import_module(home).faster(part)
