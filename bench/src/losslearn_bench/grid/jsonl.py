"""A file of JSON lines that several processes append to, its finished part packed.

Lines are appended to `NAME.jsonl`. `pack` moves them into `NAME.jsonl.gz` beside it,
which is what a repository keeps; readers take both files as one.
"""

import gzip
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock

from losslearn.report.figures import write_whole

_TORN = b"#torn"
"""Ends what a killed process left of a line."""


class Text(NamedTuple):
    """A line as it is written."""

    content: bytes
    path: Path
    number: int
    """Of the line in its file, from 1."""

    def parse(self) -> Any:  # noqa: ANN401 - whatever JSON says
        """Return what the line says; a ValueError names one that is not JSON."""
        try:
            return json.loads(self.content)
        except ValueError as error:
            raise ValueError(
                f"Line {self.number} of {str(self.path)!r} is not JSON ({error}). "
                "Remove it; what it stands for is run again. It begins "
                f"{self.content[:60]!r}."
            ) from None


class JsonLines:
    """Appends whole lines, and reads those that anybody has appended."""

    def __init__(self, path: Path) -> None:
        """Name the file, packed or not; it is made at the first line."""
        self.path = path.with_name(path.name.removesuffix(".gz"))
        self.packed = self.path.with_name(f"{self.path.name}.gz")
        self._texts: list[Text] = []
        self._offset, self._n_read = 0, 0
        self._packed_texts: dict[bytes, Text] = {}
        self._packed_state: tuple[int, int] | None = None

    def texts(self) -> list[Text]:
        """Return the lines; one that a killed process left half is none."""
        # in this order, since packing writes the one before it removes the other
        self._read_plain()
        self._read_packed()
        new = [text for text in self._texts if text.content not in self._packed_texts]
        return [*self._packed_texts.values(), *new]

    def read(self) -> list[dict[str, Any]]:
        """Return what the lines say."""
        return [text.parse() for text in self.texts()]

    def append(self, lines: Iterable[object]) -> None:
        """Write lines that others see as a whole or not at all."""
        text = "".join(json.dumps(finite(line)) + "\n" for line in lines)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.lock("append", timeout=-1), self.path.open("ab+") as file:
            if file.tell() > 0:
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":
                    file.write(_TORN + b"\n")
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())

    def pack(self) -> None:
        """Move all lines into the packed file, whose bytes depend on them alone."""
        if not self.path.exists():
            return
        with self.lock("append", timeout=-1):
            content = b"".join(text.content + b"\n" for text in self.texts())
            write_whole(self.packed, gzip.compress(content, mtime=0))
            self.path.unlink()

    def lock(self, name: str, *, timeout: float) -> FileLock:
        """Return a lock of the operating system: that of a dead process is free."""
        locks = self.path.with_name(f".{self.path.name}.locks")
        locks.mkdir(parents=True, exist_ok=True)
        return FileLock(locks / name, timeout=timeout)

    def _read_plain(self) -> None:
        """Read what was appended since the last look."""
        size = self.path.stat().st_size if self.path.exists() else 0
        if size < self._offset:  # packed, or replaced by another file
            self._texts, self._offset, self._n_read = [], 0, 0
        if size == self._offset:
            return
        with self.path.open("rb") as file:
            file.seek(self._offset)
            read = file.read()
        # what no line feed has ended yet is not finished
        whole = read[: read.rfind(b"\n") + 1]
        contents = whole.splitlines()
        self._texts += [
            Text(content, self.path, number)
            for number, content in enumerate(contents, self._n_read + 1)
            if content and not content.endswith(_TORN)
        ]
        self._offset += len(whole)
        self._n_read += len(contents)

    def _read_packed(self) -> None:
        """Read the packed file, if it is another than at the last look."""
        if not self.packed.exists():
            return
        status = self.packed.stat()
        state = status.st_mtime_ns, status.st_size
        if state != self._packed_state:
            contents = gzip.decompress(self.packed.read_bytes()).splitlines()
            texts = [Text(line, self.packed, n) for n, line in enumerate(contents, 1)]
            self._packed_texts = {text.content: text for text in texts}
            self._packed_state = state


def finite(value: Any) -> Any:  # noqa: ANN401 - whatever JSON says
    """Return the value with None for numbers that JSON does not know."""
    if isinstance(value, dict):
        return {key: finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [finite(entry) for entry in value]
    if isinstance(value, float) and not -float("inf") < value < float("inf"):
        return None
    return value
