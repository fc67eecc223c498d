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
    parameter: str
    """Name of the number that can be set; empty where there is none."""

    @property
    def name(self) -> str:
        """What it is called in full."""
        return self.function.__name__

    @property
    def default(self) -> Any:  # noqa: ANN401 - whether a number is whole counts
        """The number it has where none is set; None without a parameter."""
        settings = inspect.signature(self.function).parameters
        return settings[self.parameter].default if self.parameter else None


BUILTINS: list[Builtin] = []
"""Those of `confusion` and `ranking`, in the order in which they stand there."""


def builtin(
    description: str,
    *,
    aliases: str,
    has_threshold: bool = False,
    parameter: str = "",
) -> Callable[[L], L]:
    """Return a decorator that makes a loss known, by its name and others."""

    def known(function: L) -> L:
        names = tuple(aliases.split())
        BUILTINS.append(Builtin(function, description, names, has_threshold, parameter))
        return function

    return known
