"""What is known of the package's own losses, said where each is written."""

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from torch import Tensor

L = TypeVar("L", bound=Callable[..., Tensor])


class Builtin(NamedTuple):
    """A loss of the package before its parameter is set."""

    function: Callable[..., Tensor]
    """`(y_true, y_score, *, sample_weight)`, and `threshold` and the parameter."""
    name: str
    """What it is called in full."""
    description: str
    """One line that says what it is."""
    aliases: tuple[str, ...]
    """What it is called besides."""
    has_threshold: bool
    """Whether it is a loss of the confusion matrix."""
    parameter: str
    """Name of the number that can be set; empty without any, and None its default."""
    default: Any


BUILTINS: list[Builtin] = []
"""Those of `confusion` and `ranking`, in the order in which they stand there."""


def builtin(description: str, *, aliases: str) -> Callable[[L], L]:
    """Return a decorator that makes a loss known, by its name and others."""

    def known(function: L) -> L:
        name, names = function.__name__, tuple(aliases.split())
        settings = dict(inspect.signature(function).parameters)
        for of_all in ("y_true", "y_score", "sample_weight"):
            del settings[of_all]
        has_threshold = settings.pop("threshold", None) is not None
        own = [(setting.name, setting.default) for setting in settings.values()]
        parameter, default = own[0] if own else ("", None)
        BUILTINS.append(
            Builtin(
                function, name, description, names, has_threshold, parameter, default
            )
        )
        return function

    return known
