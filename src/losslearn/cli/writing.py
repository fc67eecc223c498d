"""Writing a table to a file, as a whole or not at all."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from losslearn._files import check_replaceable, followed, replacing

if TYPE_CHECKING:
    import pandas as pd

_SUFFIXES = (".csv", ".csv.gz", ".parquet")


def check_table_path(path: Path, *, inputs: Iterable[Path], force: bool) -> None:
    """Check that a table can be written there, before any work is put into it.

    Args:
        path: The file.
        inputs: What the table is made from, which must stay.
        force: Whether another file that is there may be replaced.
    """
    if not path.name.lower().endswith(_SUFFIXES):
        raise ValueError(
            f"{str(path)!r} must end in one of {', '.join(_SUFFIXES)}, which tells "
            "the format."
        )
    if path.is_dir():
        raise ValueError(f"{str(path)!r} is a folder; expected a file to write to.")
    if not path.parent.is_dir():
        raise OSError(f"There is no folder {str(path.parent)!r} to write to.")
    target = followed(path)
    _check_no_input(path, target, inputs)
    if not target.exists():
        check_replaceable(target)
        return
    if not force:
        raise ValueError(
            f"{str(path)!r} is there already. Write to another file, or replace this "
            "one: --force."
        )
    check_replaceable(target)


def _check_no_input(path: Path, target: Path, inputs: Iterable[Path]) -> None:
    """Check that a file is neither an input nor in a folder that is one."""
    for given in inputs:
        if given.is_dir() and given.samefile(target.parent):
            raise ValueError(
                f"{str(path)!r} is in the folder {str(given)!r}, which the predictions "
                "are made from. Write them elsewhere."
            )
        if target.exists() and given.exists() and target.samefile(given):
            raise ValueError(
                f"{str(path)!r} is {str(given)!r}, which the predictions are made "
                "from. Write them to another file."
            )


def write_table(frame: "pd.DataFrame", path: Path) -> None:
    """Write a table in the format of the suffix; replaces a file that is there."""
    name = path.name.lower()
    with replacing(followed(path)) as part:
        if name.endswith(".parquet"):
            frame.to_parquet(part, index=False)
        else:
            frame.to_csv(
                part, index=False, compression="gzip" if name.endswith(".gz") else None
            )
