"""Files and folders that are written as a whole or not at all, and JSON in them."""

import ctypes
import errno
import hashlib
import json
import math
import os
import platform
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

import numpy as np

_HOST = hashlib.sha256(platform.node().encode()).hexdigest()[:8]
"""Part of the names of unfinished files: other machines may write to the same disk."""


_LOST = (errno.ENOSPC, errno.EDQUOT, errno.EIO)
"""Reasons not to have written that a disk gives afterwards."""


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
    _sweep(path)
    part = _part_of(path)
    try:
        yield part
        for written in (part, *part.rglob("*")):
            _flush(written)
        if path.is_dir():
            _exchange(part, path)
        else:
            part.replace(path)
        _flush(path.parent)
    finally:
        _remove(part)


def _part_of(path: Path) -> Path:
    return path.with_name(f".{path.name}.{_HOST}-{os.getpid()}-{token_hex(4)}.part")


def followed(path: Path) -> Path:
    """Return what a path stands for, its links followed, there or not.

    Raises:
        OSError: If the links lead nowhere but to each other.
    """
    try:
        path.stat()
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise
    return Path(os.path.realpath(path))


def check_replaceable(path: Path) -> None:
    """Check that `replacing` can begin, before there is anything to write.

    Raises:
        OSError: If nothing can be written there.
    """
    followed(path)
    parent = next(
        folder for folder in path.absolute().parents if os.path.lexists(folder)
    )
    trial = _part_of(parent / path.name)
    try:
        trial.mkdir()
        trial.rmdir()
    except OSError as error:
        reason = error.strerror or error
        raise OSError(f"{str(path)!r} cannot be written: {reason}.") from error


def _exchange(part: Path, folder: Path) -> None:
    """Put a folder in the place of another, which is never without one if it can be."""
    if _swap(part, folder):
        return
    old = part.with_suffix(".old")
    folder.rename(old)
    try:
        part.rename(folder)
    except OSError:
        old.rename(folder)
        raise
    _remove(old)


def _swap(one: Path, other: Path) -> bool:
    """Exchange two paths in one step; False where the system does not have it."""
    libc = ctypes.CDLL(None)
    names = os.fsencode(one), os.fsencode(other)
    if hasattr(libc, "renameat2"):  # Linux
        here, swap = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
        return bool(libc.renameat2(here, names[0], here, names[1], swap) == 0)
    if hasattr(libc, "renamex_np"):  # macOS
        return bool(libc.renamex_np(*names, 2) == 0)  # RENAME_SWAP
    return False


def _sweep(path: Path) -> None:
    """Take away what killed processes left beside a path, and put back what was there.

    Names tell machine and process, so that nothing of a living one is touched.
    """
    left = re.compile(rf"\.{re.escape(path.name)}\.{_HOST}-(\d+)-\w+\.(part|old)")
    for entry in path.parent.iterdir():
        found = left.fullmatch(entry.name)
        if found is None or _is_alive(int(found[1])):
            continue
        if found[2] == "old" and not path.exists():
            entry.rename(path)
        else:
            _remove(entry)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        return True
    return True


def _flush(path: Path) -> None:
    """Have the disk write a file, or the names in a folder, before going on."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:  # folders cannot be opened everywhere
        return
    try:
        os.fsync(handle)
    except OSError as error:  # nor flushed
        if error.errno in _LOST:
            raise
    finally:
        os.close(handle)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


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
