"""Writing a table to a file, as a whole or not at all."""

from pathlib import Path
from typing import TYPE_CHECKING

from losslearn._files import replacing

if TYPE_CHECKING:
    import pandas as pd

_SUFFIXES = (".csv", ".csv.gz", ".parquet")


def check_table_path(path: Path) -> None:
    """Check that a table can be written there, before any work is put into it."""
    if not path.name.lower().endswith(_SUFFIXES):
        raise ValueError(
            f"{str(path)!r} must end in one of {', '.join(_SUFFIXES)}, which tells "
            "the format."
        )
    if path.is_dir():
        raise ValueError(f"{str(path)!r} is a folder; expected a file to write to.")
    if not path.parent.is_dir():
        raise OSError(f"There is no folder {str(path.parent)!r} to write to.")


def write_table(frame: "pd.DataFrame", path: Path) -> None:
    """Write a table in the format of the suffix; replaces a file that is there."""
    name = path.name.lower()
    with replacing(path) as part:
        if name.endswith(".parquet"):
            frame.to_parquet(part, index=False)
        else:
            frame.to_csv(
                part, index=False, compression="gzip" if name.endswith(".gz") else None
            )
