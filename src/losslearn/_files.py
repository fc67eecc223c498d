"""Files and folders that are written as a whole or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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
