"""Packages of other people: asked for when a method needs them, and not before."""

from importlib import import_module
from types import ModuleType

_INSTALL = "pip install 'losslearn-bench[peers]'"
_BY_HAND = {
    # its plain install brings in graph and image libraries of several gigabytes
    "libauc": "pip install --no-deps libauc==2.0.1 tqdm"
}


def load(module: str) -> ModuleType:
    """Return a module by its dotted name; an ImportError says how to install it.

    Example:
        >>> load("math").floor(1.5)
        1
    """
    try:
        return import_module(module)
    except ImportError as error:
        install = _BY_HAND.get(module.partition(".")[0], _INSTALL)
        raise ImportError(
            f"`{module}` cannot be imported: {error}. Install it: `{install}`."
        ) from error
