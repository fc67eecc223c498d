"""What is known of the package's own losses, said where each is written."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from torch import Tensor

L = TypeVar("L", bound=Callable[..., Tensor])


@dataclass(frozen=True)
class Builtin:
    """A loss of the package before its parameter is set."""

    function: Callable[..., Tensor]
    """`(y_true, y_score, *, sample_weight)`, and `threshold` and the parameter."""
    description: str
    """One line that says what it is."""
    aliases: tuple[str, ...]
    """What it is called besides."""
    has_threshold: bool
    """Whether it is a loss of the confusion matrix."""
    parameter: str | None
    """Name of the number that can be set."""

    @property
    def name(self) -> str:
        """What it is called in full."""
        return self.function.__name__

    @property
    def default(self) -> Any:  # noqa: ANN401 - whether a number is whole counts
        """The number it has where none is set; None without a parameter."""
        if self.parameter is None:
            return None
        return inspect.signature(self.function).parameters[self.parameter].default


BUILTINS: list[Builtin] = []
"""Those of `confusion` and `ranking`, in the order in which they stand there."""


def builtin(
    description: str,
    *,
    aliases: str,
    has_threshold: bool = False,
    parameter: str | None = None,
) -> Callable[[L], L]:
    """Return a decorator that makes a loss known, by its name and others."""

    def known(function: L) -> L:
        names = tuple(aliases.split())
        found = Builtin(function, description, names, has_threshold, parameter)
        BUILTINS.append(found)
        return function

    return known
