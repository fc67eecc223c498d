"""A results file: one JSON line per finished cell, shared by several processes."""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from losslearn_bench.grid.cells import Cell, Job
from losslearn_bench.grid.job import Line
from losslearn_bench.harness.budget import Budget


class ResultsFile:
    """Appends whole lines, and lets processes agree on who runs what.

    Locks belong to the operating system: those of a killed process are free at once.

    Example:
        >>> import tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> results = ResultsFile(Path(folder.name) / "lines.jsonl")
        >>> cell = Cell("a9a", "mlp", "sl_r", "f1_loss", 0)
        >>> losses = {"validation": 0.3, "test": 0.3, "test_oracle": 0.3}
        >>> line = {**cell._asdict(), "budget": Budget().as_dict(), "losses": losses}
        >>> results.append([line])
        >>> results.done(Budget()) == {cell}
        True
        >>> folder.cleanup()
    """

    def __init__(self, path: Path) -> None:
        """Name the file; it is made at the first line."""
        self.path = path
        self._lines: list[Line] = []
        self._offset, self._n_read = 0, 0
        self._locks = path.with_name(f".{path.name}.locks")

    def lines(self) -> list[Line]:
        """Return the finished cells; a line that a killed process left half is not one.

        Raises:
            ValueError: If another line is not JSON, or no finished cell.
        """
        size = self.path.stat().st_size if self.path.exists() else 0
        if size < self._offset:  # replaced by another file
            self._lines, self._offset, self._n_read = [], 0, 0
        if size > self._offset:
            with self.path.open("rb") as file:
                file.seek(self._offset)
                read = file.read()
            # what no line feed has ended yet is not finished
            whole = read[: read.rfind(b"\n") + 1]
            begin = self._n_read + 1
            texts = whole.splitlines()
            self._lines += [
                line
                for number, text in enumerate(texts, begin)
                if (line := self._parse(text, number))
            ]
            self._offset += len(whole)
            self._n_read += len(texts)
        return list(self._lines)

    def _parse(self, text: bytes, number: int) -> Line | None:
        if not text or text.endswith(_TORN):
            return None
        place = f"Line {number} of {str(self.path)!r}"
        advice = f"Remove it; its cells are run again. It begins {text[:60]!r}."
        try:
            line = json.loads(text)
        except ValueError as error:
            raise ValueError(f"{place} is not JSON ({error}). {advice}") from None
        wrong = _what_is_wrong(line)
        if wrong:
            raise ValueError(
                f"{place} must be the JSON object of a finished cell, but {wrong}. "
                f"{advice}"
            )
        return line

    def append(self, lines: Iterable[Line]) -> None:
        """Write lines that others see as a whole or not at all."""
        text = "".join(json.dumps(_finite(line)) + "\n" for line in lines)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._lock("append", timeout=-1), self.path.open("ab+") as file:
            if file.tell() > 0:
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":
                    file.write(_TORN + b"\n")
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())

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
            with self._lock(key, timeout=0):
                yield True
        except Timeout:
            yield False

    def _lock(self, name: str, *, timeout: float) -> FileLock:
        self._locks.mkdir(parents=True, exist_ok=True)
        return FileLock(self._locks / name, timeout=timeout)


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

_TORN = b"#torn"
"""Ends what a killed process left of a line."""


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


def _finite(value: object) -> object:
    """Return the value with None for numbers that JSON does not know."""
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    if isinstance(value, float) and not -float("inf") < value < float("inf"):
        return None
    return value
