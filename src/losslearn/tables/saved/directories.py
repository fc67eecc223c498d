"""Folders that are written as a whole or not at all."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from losslearn.tables.saved.layout import FILES, FORMAT, SETTINGS, WRONG_FORM


def check_destination(path: str | os.PathLike[str]) -> Path:
    """Return where a model may be written, before any work is put into it.

    Raises:
        ValueError: If something else than a model is there.
        OSError: If nothing can be written there.
    """
    path = Path(path)
    if path.is_symlink():
        path = path.resolve()
    if path.exists() and not path.is_dir():
        raise ValueError(f"{str(path)!r} is a file; expected a folder for the model.")
    if path.is_dir() and any(path.iterdir()):
        _check_is_model(path)
    parent = next(folder for folder in path.absolute().parents if folder.exists())
    trial = parent / f".{path.name}.{os.getpid()}.trial"
    try:
        trial.mkdir()
        trial.rmdir()
    except OSError as error:
        raise OSError(
            f"{str(path)!r} cannot be written: {error.strerror or error}."
        ) from error
    return path


def _check_is_model(path: Path) -> None:
    try:
        found = json.loads((path / SETTINGS).read_text(encoding="utf-8"))["format"]
    except (OSError, *WRONG_FORM):
        found = None
    if found != FORMAT:
        raise ValueError(
            f"{str(path)!r} is there already and is no losslearn model. Choose another "
            "folder."
        )
    others = sorted({entry.name for entry in path.iterdir()} - FILES)
    if others:
        raise ValueError(
            f"{str(path)!r} holds a losslearn model and other files, such as "
            f"{others[0]!r}, which would be lost. Choose another folder."
        )


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a new folder that takes the place of `path` once it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.mkdir()
    try:
        yield part
        _put_in_place(part, path)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _put_in_place(part: Path, path: Path) -> None:
    """Rename; what was there is taken away only after the new one is complete."""
    if not path.exists():
        part.rename(path)
        return
    old = path.with_name(f".{path.name}.{os.getpid()}.old")
    path.rename(old)
    try:
        part.rename(path)
    except OSError:
        old.rename(path)
        raise
    shutil.rmtree(old, ignore_errors=True)
