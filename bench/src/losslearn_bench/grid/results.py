"""A results file: one JSON line per finished cell, shared by several processes."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import Timeout

from losslearn_bench.grid.cells import Cell, Job
from losslearn_bench.grid.job import Line
from losslearn_bench.grid.jsonl import JsonLines, Text
from losslearn_bench.harness.budget import Budget

LINES = "lines.jsonl"
"""Name of the results file in a folder of results."""

_KINDS: dict[str, type] = {
    "dataset": str,
    "tier": str,
    "method": str,
    "metric": str,
    "repetition": int,
    "budget": dict,
    "losses": dict,
}
"""What a line must have to be told from others."""


class ResultsFile:
    """Holds the finished cells, and lets processes agree on who runs what."""

    def __init__(self, path: Path) -> None:
        """Name the file; it is made at the first line."""
        self._file = JsonLines(path)
        self.path = self._file.path
        self._known: dict[bytes, Line] = {}

    def lines(self) -> list[Line]:
        """Return the finished cells."""
        return [self._line(text) for text in self._file.texts()]

    def _line(self, text: Text) -> Line:
        if text.content not in self._known:
            line = text.parse()
            wrong = _what_is_wrong(line)
            if wrong:
                raise ValueError(
                    f"Line {text.number} of {str(text.path)!r} must be the JSON object "
                    f"of a finished cell, but {wrong}. Remove it; its cells are run "
                    f"again. It begins {text.content[:60]!r}."
                )
            self._known[text.content] = line
        return self._known[text.content]

    def append(self, lines: Iterable[Line]) -> None:
        """Write lines that others see as a whole or not at all."""
        self._file.append(lines)

    def done(self, budget: Budget) -> set[Cell]:
        """Return the cells that have a line made within a budget."""
        wanted = budget.as_dict()
        return {cell_of(line) for line in self.lines() if line["budget"] == wanted}

    @contextmanager
    def claim(self, job: Job) -> Iterator[bool]:
        """Hold a job for this process; gives False where another one holds it."""
        held = repr((job.group, job.budget)).encode()
        key = hashlib.sha256(held).hexdigest()[:24]
        try:
            with self._file.lock(key, timeout=0):
                yield True
        except Timeout:
            yield False


def cell_of(line: Line) -> Cell:
    """Return the cell that a line fills."""
    return Cell(*(line[axis] for axis in Cell._fields))


def _what_is_wrong(line: object) -> str:
    """Return why a line is no finished cell; nothing where it is one."""
    if not isinstance(line, dict):
        return f"is of type {type(line).__name__}"
    missing = [name for name in _KINDS if name not in line]
    if missing:
        return f"lacks {', '.join(f'`{name}`' for name in missing)}"
    return ", ".join(
        f"its `{name}` is {line[name]!r}"
        for name, kind in _KINDS.items()
        if not isinstance(line[name], kind)
    )
