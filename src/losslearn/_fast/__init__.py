"""The same arithmetic, faster: compiled kernels and CUDA graphs.

`fastest` is the only door. It knows the parts of the package that have a faster form by
their names, so that nothing here imports them, and nothing there asks what is compiled.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from types import FunctionType
from typing import Any, TypeVar

Part = TypeVar("Part")

_HOMES = {
    "losslearn.metrics.cut_points.weight_above": "losslearn._fast.counting",
    "losslearn.metrics.ranking.misranked_share": "losslearn._fast.counting",
    "losslearn.models.descent.Descent": "losslearn._fast.descent",
    "losslearn.models.predictor.TorchPredictor": "losslearn._fast.predictor",
    "losslearn.surrogate.fitter.SurrogateFitter": "losslearn._fast.fitter",
}
"""Which module has the faster form of a part; it offers `faster(part)`."""

_as_written = False


def fastest(part: Part) -> Part:
    """Return a faster form of a part, or the part itself where there is none.

    The faster form of a function or an object takes and returns the same, and calls the
    part itself where it cannot do it.
    """
    if _as_written:
        return part
    if isinstance(part, FunctionType):  # asked for at each call
        return _found_once(part)
    return _found(part)


def _found(part: Any) -> Any:  # noqa: ANN401 - whatever it is
    home = _HOMES.get(name_of(part))
    return part if home is None else import_module(home).faster(part)


_found_once = cache(_found)


def name_of(part: Any) -> str:  # noqa: ANN401 - whatever may have a name
    """Return the full name of a function, or of an object's very class."""
    named = part if hasattr(part, "__qualname__") else type(part)
    return f"{named.__module__}.{named.__qualname__}"


@contextmanager
def as_written() -> Iterator[None]:
    """Take no faster form within: what is made then is the oracle of the fast ones."""
    global _as_written
    before, _as_written = _as_written, True
    try:
        yield
    finally:
        _as_written = before
