"""Parquet files larger than memory, as tables mapped from the disk."""

import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Float32

from losslearn_bench.datasets.dataset import TARGET

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_BATCH = 2**20
"""Values read at a time."""

_BUFFER = 2**16
"""Bytes of a column's chunk read at a time; a chunk may be larger than memory."""

_FEATURES, _TARGETS, _NOTE = _FILES = ("x.npy", "y.npy", "source.json")
"""What a map consists of; the note says of which file it was made."""


class MappedTable(NamedTuple):
    """A table on the disk, of which a fit reads what it needs."""

    x: Float32[np.ndarray, "rows features"]
    """Features: a memory map opened to read."""
    y: np.ndarray
    """The target, as the file holds it, in memory."""
    columns: tuple[str, ...]
    """Names of the features."""


def map_parquet(
    path: str | os.PathLike[str],
    *,
    target: str = TARGET,
    folder: str | os.PathLike[str] | None = None,
) -> MappedTable:
    """Return a Parquet file's numbers as a memory map, made at the first call.

    The file is read in batches and written as float32 into a folder `NAME.map` beside
    it: rows x features x 4 bytes. Later calls take this map as long as the Parquet file
    has the same size, time of change and columns. Reading it runs no code.

    Args:
        path: The Parquet file: numbers and truth values, none missing.
        target: Name of the column of labels: numbers, truth values or text.
        folder: Where to put the map's folder; None puts it beside the file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no Parquet file or has no rows, the target or every other
            column is absent, a feature is no number, a value is missing or beyond
            float32, or the map's folder holds other files.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> import pyarrow as pa
        >>> import pyarrow.parquet as pq
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "people.parquet"
        ...     columns = {"age": [31, 45, 62], "paid": ["no", "yes", "no"]}
        ...     pq.write_table(pa.table(columns), path)
        ...     table = map_parquet(path, target="paid")
        ...     table.x.tolist(), table.y.tolist(), table.columns
        ([[31.0], [45.0], [62.0]], ['no', 'yes', 'no'], ('age',))
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"There is no Parquet file '{path}'.")
    kept = path.parent if folder is None else Path(folder).expanduser()
    kept = kept / f"{path.stem}.map"
    try:
        # what is read ahead would be kept until the last batch
        with pq.ParquetFile(path, buffer_size=_BUFFER, pre_buffer=False) as file:
            columns = _feature_columns(file.schema_arrow, path, target)
            source = _describe(path, file, target)
            if _described(kept) != source:
                with _replacing(kept) as new:
                    _write(file, new, path, target, columns)
                    (new / _NOTE).write_text(json.dumps(source, indent=2) + "\n")
    except pa.ArrowMemoryError:
        raise
    except pa.ArrowException as error:
        raise ValueError(
            f"'{path}' cannot be read as a Parquet file ({error}). Write it again."
        ) from error
    x = np.load(kept / _FEATURES, mmap_mode="r", allow_pickle=False)
    y = np.load(kept / _TARGETS, allow_pickle=False)
    return MappedTable(x, y, tuple(columns))


def _feature_columns(schema: "pa.Schema", path: Path, target: str) -> list[str]:
    """Return the names of the features, all of which are numbers."""
    from pyarrow import types

    names = list(schema.names)
    if names.count(target) != 1:
        raise ValueError(
            f"'{path}' must have one column {target!r} of labels, got "
            f"{names.count(target)} among {len(names)} columns ({_listed(names)}). "
            "Name the column of the labels with `target`."
        )
    columns = [name for name in names if name != target]
    if not columns or len(set(columns)) < len(columns):
        raise ValueError(
            f"'{path}' must have features beside {target!r}, each with a name of its "
            f"own, got {_listed(columns) if columns else 'none'}."
        )
    are_numbers = (types.is_integer, types.is_floating, types.is_boolean)
    strange = [
        f"{name!r} ({kind})"
        for name, kind in zip(names, schema.types, strict=True)
        if name != target and not any(holds(kind) for holds in are_numbers)
    ]
    if strange:
        raise ValueError(
            f"The features in '{path}' must be numbers or truth values, got "
            f"{_listed(strange)}. Encode these columns as numbers or leave them out."
        )
    return columns


def _describe(path: Path, file: "pq.ParquetFile", target: str) -> dict[str, Any]:
    """Return what tells that a map was made of this file as it is."""
    if file.metadata.num_rows == 0:
        raise ValueError(f"'{path}' must hold rows, got none.")
    known = path.stat()
    return {
        "source": str(path.resolve()),
        "bytes": known.st_size,
        "changed": known.st_mtime_ns,
        "rows": file.metadata.num_rows,
        "columns": {field.name: str(field.type) for field in file.schema_arrow},
        "target": target,
    }


def _described(folder: Path) -> object:
    """Return what a map was made of; None if there is none, or it is not whole."""
    try:
        found = json.loads((folder / _NOTE).read_text())
    except (OSError, ValueError):
        return None
    return found if all((folder / name).is_file() for name in _FILES) else None


@contextmanager
def _replacing(folder: Path) -> Iterator[Path]:
    """Give an empty folder, which takes the place of `folder` once it is filled."""
    if folder.exists() and any(child.name not in _FILES for child in folder.iterdir()):
        raise ValueError(
            f"'{folder}' must be free for the map, but holds other files. Move them, "
            "or name another `folder`."
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        dir=folder.parent, prefix=f".{folder.name}.", ignore_cleanup_errors=True
    ) as trial:
        new = Path(trial) / "new"
        new.mkdir()
        yield new
        if folder.exists():
            folder.rename(Path(trial) / "old")
        new.rename(folder)


def _write(
    file: "pq.ParquetFile", folder: Path, path: Path, target: str, columns: list[str]
) -> None:
    """Write features and targets, a batch at a time."""
    shape = (file.metadata.num_rows, len(columns))
    x = np.lib.format.open_memmap(folder / _FEATURES, "w+", np.float32, shape)
    labels: list[np.ndarray] = []
    begin = 0
    for batch in file.iter_batches(batch_size=max(_BATCH // len(columns), 1)):
        part = x[begin : begin + batch.num_rows]
        for place, name in enumerate(columns):
            part[:, place] = _numbers(batch.column(name), name, path)
        labels.append(_labels(batch.column(target), target, path))
        begin += len(part)
    x.flush()
    np.save(folder / _TARGETS, np.concatenate(labels), allow_pickle=False)


def _numbers(column: "pa.Array", name: str, path: Path) -> Float32[np.ndarray, " n"]:
    """Return a batch of a feature, all of it finite."""
    _check_complete(column, f"The feature {name!r}", path)
    with np.errstate(over="ignore"):  # told below
        values = column.to_numpy(zero_copy_only=False).astype(np.float32)
    if not np.isfinite(values).all():
        raise ValueError(
            f"The feature {name!r} in '{path}' must hold finite numbers that float32 "
            f"can hold, got {values[~np.isfinite(values)][0]}. Fill in or scale the "
            "column, or remove these rows."
        )
    return values


def _labels(column: "pa.Array", name: str, path: Path) -> np.ndarray:
    """Return a batch of the target as numbers, truth values or text."""
    from pyarrow import types

    _check_complete(column, f"The target {name!r}", path)
    if types.is_dictionary(column.type):
        column = column.dictionary_decode()
    values: np.ndarray = column.to_numpy(zero_copy_only=False)
    if types.is_string(column.type) or types.is_large_string(column.type):
        return values.astype(np.str_)
    if values.dtype.kind not in "biuf":
        raise ValueError(
            f"The target {name!r} in '{path}' must hold numbers, truth values or text, "
            f"got {column.type}. Encode it as 0 and 1."
        )
    return values


def _check_complete(column: "pa.Array", what: str, path: Path) -> None:
    if column.null_count:
        raise ValueError(
            f"{what} in '{path}' must have a value in every row, but some are missing. "
            "Fill them in or remove these rows."
        )


def _listed(names: Sequence[str]) -> str:
    """Return the first names and how many more there are."""
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more
