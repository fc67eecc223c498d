"""Functions of the user's own, named as "path/to/file.py:function"."""

import difflib
import importlib.util
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from losslearn._wording import said


@dataclass(frozen=True)
class FileFunction:
    """A function from a file; a copy of it is loaded from the file again."""

    path: str
    name: str
    function: Callable[..., Any]

    def __call__(self, *args: object, **kwargs: object) -> object:
        """Call the function."""
        return self.function(*args, **kwargs)

    def __reduce__(self) -> tuple[Callable[[str], "FileFunction"], tuple[str]]:
        """Pickle the place, not the code."""
        return load_function, (f"{self.path}:{self.name}",)


def names_function(text: str) -> bool:
    """Return whether a text has the form "path/to/file.py:function"."""
    place, _, name = text.rpartition(":")
    return place.endswith(".py") and bool(name)


def load_function(text: str) -> FileFunction:
    """Load the function that "path/to/file.py:function" names.

    The folder of the file can be imported from while the file is run.
    """
    place, _, name = text.rpartition(":")
    if not place.endswith(".py"):
        raise ValueError(
            f"Name the function in the file: `path/to/file.py:function`, got `{text}`."
        )
    path = Path(place).resolve()
    if not path.is_file():
        raise ValueError(f"There is no file `{place}`, which is to hold `{name}`.")
    module = _run_file(path)
    function = getattr(module, name, None)
    if not callable(function):
        there = [
            found
            for found, value in vars(module).items()
            if inspect.isfunction(value) and value.__module__ == module.__name__
        ]
        near = difflib.get_close_matches(name, there, n=1) or there
        hint = f" It has {', '.join(f'`{f}`' for f in near)}." if near else ""
        raise ValueError(f"`{place}` has no function `{name}`.{hint}")
    return FileFunction(str(path), name, function)


def _run_file(path: Path) -> ModuleType:
    """Return a Python file as a module."""
    name = f"_function_file_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ValueError(f"`{path}` cannot be read as Python code.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        sys.modules.pop(name, None)
        what = f"{type(error).__name__} when it was loaded: {said(error)}"
        raise ValueError(f"`{path.name}` raised {what}") from error
    finally:
        sys.path.remove(str(path.parent))
    return module
