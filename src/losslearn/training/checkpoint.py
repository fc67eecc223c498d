"""A fit's state on disk while it runs, from which the same fit goes on."""

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from losslearn._files import write_whole

_FIRST = 1.0
"""Seconds before which no state is written: shorter fits are done again."""
_SHARE = 0.05
"""Share of the time that writing may take."""


class Checkpoint:
    """A file with the latest state of one fit; holds tensors and JSON, and no code.

    Attributes:
        key: Says which fit it is: a state of another is not gone on from.
        is_done: Whether the fit came to its end, so that nobody will go on from here.
        failure: Why the state could not be written, in words; None if it could. The fit
            goes on without.
    """

    failure: str | None = None

    def __init__(self, path: Path, key: str) -> None:
        """Write nothing yet."""
        self.path, self.key, self.is_done = path, key, False
        self._first = self._due = time.perf_counter() + _FIRST

    def load(self) -> dict[str, Any] | None:
        """Return the state; None if there is none, or none of this fit."""
        try:
            with safe_open(self.path, "pt") as file:
                about = file.metadata() or {}
                if about.get("key") != self.key:
                    return None
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
                state: dict[str, Any] = _unpack(json.loads(about["tree"]), tensors)
        except (OSError, SafetensorError, LookupError, ValueError):
            return None
        return state

    def keep(
        self, state: Callable[[], dict[str, Any]], *, is_last: bool = False
    ) -> None:
        """Write the state where it is time again, a fit's last one in any case."""
        begin = time.perf_counter()
        if begin < (self._first if is_last else self._due):
            return
        tensors: dict[str, Tensor] = {}
        about = {"key": self.key, "tree": json.dumps(_pack(state(), tensors))}
        try:
            write_whole(self.path, save(tensors, about))
        except OSError as error:
            why = error.strerror or str(error)
            self.failure = f"the state of the fit is not kept in {self.path}: {why}"
            self._first = self._due = math.inf
            return
        self._due = time.perf_counter() + (time.perf_counter() - begin) / _SHARE

    def remove(self) -> None:
        """Take the file away: the fit is done."""
        self.path.unlink(missing_ok=True)


def _pack(value: Any, tensors: dict[str, Tensor]) -> Any:  # noqa: ANN401 - a tree
    """Return a tree as JSON holds it; its tensors go into `tensors`."""
    if isinstance(value, Tensor):
        name = str(len(tensors))
        tensors[name] = value.detach().cpu().clone().contiguous()
        return {"tensor": name}
    if isinstance(value, dict):
        pairs = [[key, _pack(part, tensors)] for key, part in value.items()]
        return {"dict": pairs}
    if isinstance(value, list | tuple):
        return {"list": [_pack(part, tensors) for part in value]}
    return value


def _unpack(value: Any, tensors: dict[str, Tensor]) -> Any:  # noqa: ANN401 - as above
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "dict":
        return {key: _unpack(part, tensors) for key, part in content}
    return [_unpack(part, tensors) for part in content]
