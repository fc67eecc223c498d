"""Files and folders that are written as a whole or not at all, and JSON in them."""

import json
import math
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a path beside `path` that takes its place once all is written.

    Args:
        path: A file or a folder, whichever is made at the path given; its own folder
            is made where it is missing.

    Raises:
        OSError: If it cannot be written; what was there stays as it was.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with replacing(Path(folder) / "new" / "note.txt") as part:
        ...         _ = part.write_text("done")
        ...     (Path(folder) / "new" / "note.txt").read_text()
        'done'
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        if path.is_dir():
            _exchange(part, path)
        else:
            part.replace(path)
    finally:
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        else:
            part.unlink(missing_ok=True)


def _exchange(part: Path, folder: Path) -> None:
    """Rename; what was there is taken away only after the new one is complete."""
    old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    folder.rename(old)
    try:
        part.rename(folder)
    except OSError:
        old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, in a folder that is made where it is missing.

    Raises:
        OSError: If it cannot be written; an older file stays as it was.
    """
    with replacing(path) as part:
        part.write_bytes(content)


def json_text(content: object, *, indent: int | None = None) -> str:
    """Return JSON that any program reads: None for numbers that JSON has not.

    Example:
        >>> json_text({"loss": float("nan"), "name": "Köln"})
        '{"loss": null, "name": "Köln"}'
    """
    return json.dumps(
        _without_nan(content), indent=indent, allow_nan=False, ensure_ascii=False
    )


def _without_nan(content: object) -> object:
    if isinstance(content, np.generic):
        content = content.item()
    if isinstance(content, float):
        return content if math.isfinite(content) else None
    if isinstance(content, Mapping):
        return {key: _without_nan(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_without_nan(value) for value in content]
    return content
