"""Tables of any make, with one clear line for whatever is wrong with a file."""

import csv
import gzip
import os
import warnings
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from losslearn.encoding.frames import (
    TableError,
    as_pandas,
    check_doubles,
    from_arrow,
    is_table,
)
from losslearn.tables.parquet_folder import SUFFIX, read_folder

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    Reader = Callable[[Path], pd.DataFrame]

_Table = TypeVar("_Table")

_UNREADABLE = (OSError, EOFError, ValueError, RuntimeError, zlib.error)
"""What the parsers raise for a damaged file; most of their errors are `ValueError`s.

A `RuntimeError` is Arrow's, for a Parquet file of a kind that it cannot read.
"""


def as_frame(table: object) -> "pd.DataFrame":
    """Return a table as pandas holds it.

    Args:
        table: A path that `read_table` takes, or a table of pandas, polars, Arrow or
            whatever else offers Arrow's interface.

    Raises:
        FileNotFoundError: If there is no such file or folder.
        ValueError: If the table has no rows or no columns, or as `read_table`.
        TypeError: If it is no table.
    """
    if isinstance(table, str | os.PathLike):
        return read_table(table)
    if not is_table(table):
        raise TypeError(
            "A table must be a path, or a table of pandas, polars or Arrow, got "
            f"{type(table).__name__}."
        )
    frame = as_pandas(table)
    _check_filled(frame, "The table")
    return frame


def read_table(path: str | os.PathLike[str]) -> "pd.DataFrame":
    """Return the table in a CSV, TSV (both also gzipped) or Parquet file, or a folder.

    Text files are UTF-8 with one header line; all their columns are text. Columns
    without a name are left out where they hold the row numbers (the first column, as
    written by pandas and R) or nothing. The Parquet files of a folder are one table.

    Args:
        path: The file, whose suffix tells the format, or the folder (see
            `read_folder`).

    Returns:
        The table, with text column names, none of them twice, and at least one row.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is of another kind, damaged or empty, or if a column has
            no name or shares it, or the files of a folder are no table.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"There is no file {str(path)!r}.")
    if path.is_dir():
        table = read_folder(path, partial(_read_whole, reader=_read_arrow))
        frame = from_arrow(table, repr(str(path)))
    else:
        frame = _read_whole(path, _reader_of(path))
    _check_filled(frame, repr(str(path)))
    return frame


def _check_filled(frame: "pd.DataFrame", name: str) -> None:
    if frame.shape[1] == 0:
        raise ValueError(f"{name} has no columns.")
    if len(frame) == 0:
        raise ValueError(f"{name} has column names but no rows.")


def _read_whole(path: Path, reader: Callable[[Path], _Table]) -> _Table:
    if path.stat().st_size == 0:
        raise ValueError(f"{str(path)!r} is empty.")
    try:
        return reader(path)
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{str(path)!r} is not UTF-8 text ({error.reason} at byte {error.start}). "
            "Save it as UTF-8 or Parquet."
        ) from error
    except TableError:
        raise
    except _UNREADABLE as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"{str(path)!r} cannot be read: {reason}") from error


def _reader_of(path: Path) -> "Reader":
    readers = {
        ".csv": _read_text,
        ".csv.gz": _read_text,
        ".tsv": _read_text,
        ".tsv.gz": _read_text,
        SUFFIX: _read_parquet,
    }
    for suffix, reader in readers.items():
        if path.name.lower().endswith(suffix):
            return reader
    raise ValueError(
        f"{str(path)!r} is of an unknown format. Files that can be read end in "
        f"{', '.join(readers)}."
    )


def _read_text(path: Path) -> "pd.DataFrame":
    import pandas as pd

    name = path.name.lower()
    is_zipped = name.endswith(".gz")
    separator = "\t" if ".tsv" in Path(name).suffixes[-2:] else ","
    header = _header_of(path, separator=separator, is_zipped=is_zipped)
    with warnings.catch_warnings():
        # rows longer than the header would only be cut with a warning
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            frame = pd.read_csv(
                path,
                sep=separator,
                skipinitialspace=True,
                index_col=False,
                encoding="utf-8-sig",
                compression="gzip" if is_zipped else None,
                dtype=str,  # what a column is says the whole table, not this file
            )
        except pd.errors.ParserWarning as error:
            raise TableError(
                f"{str(path)!r} has rows with more fields than the header."
            ) from error
    if len(header) == frame.shape[1]:
        return _drop_nameless(frame, header, path)
    return frame


def _header_of(path: Path, *, separator: str, is_zipped: bool) -> list[str]:
    """Return the column names as they stand in the file; pandas renames doubles."""
    open_file = gzip.open if is_zipped else open
    with open_file(path, "rt", encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file, delimiter=separator, skipinitialspace=True)
        header = next((row for row in rows if row), [])
    check_doubles(header, repr(str(path)))
    if len(header) == 1:
        for other, word in {";": "semicolons", "\t": "tabs", "|": "bars"}.items():
            if other in header[0]:
                raise TableError(
                    f"{str(path)!r} seems to be separated by {word}. Write it with "
                    "commas, or with tabs and the suffix '.tsv'."
                )
    return header


def _drop_nameless(
    frame: "pd.DataFrame", header: list[str], path: Path
) -> "pd.DataFrame":
    nameless = [place for place, name in enumerate(header) if not name.strip()]
    for place in nameless:
        if place > 0 and frame.iloc[:, place].notna().any():
            raise TableError(f"Column {place + 1} of {str(path)!r} has no name.")
    if not nameless:
        return frame
    return frame.drop(columns=frame.columns[nameless])


def _read_parquet(path: Path) -> "pd.DataFrame":
    return from_arrow(_read_arrow(path), repr(str(path)))


def _read_arrow(path: Path) -> "pa.Table":
    from pyarrow.parquet import ParquetFile

    with ParquetFile(path) as file:
        return file.read()
