"""Packages of other people: asked for when a method needs them, and not before."""

from importlib import import_module
from types import ModuleType
from typing import Protocol

from losslearn_bench.harness.methods import Method

INSTALL = "pip install 'losslearn[peers]'"
"""Installs every peer but LibAUC."""


class Peer(Method, Protocol):
    """A method that other people's packages bring."""

    @property
    def modules(self) -> tuple[str, ...]:
        """What it imports."""

    @property
    def install(self) -> str:
        """The command that installs what it imports."""


def load(module: str, *, install: str = INSTALL) -> ModuleType:
    """Return a module by its dotted name.

    Args:
        module: Such as "libauc.losses.auc".
        install: The command to name where the module is missing.

    Raises:
        ImportError: If the module, or one that it needs, is missing.

    Example:
        >>> load("math").floor(1.5)
        1
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(
            f"`{module}` cannot be imported: {error}. Install it: `{install}`."
        ) from error
