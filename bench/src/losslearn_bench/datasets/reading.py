"""Data sets in Parquet files: what one holds, and the whole of it."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from losslearn_bench.datasets.catalogue import DatasetInfo
from losslearn_bench.datasets.dataset import TARGET, Dataset, Source, make_dataset

if TYPE_CHECKING:
    import pandas as pd

_SAVED_INDEX = "__index_level_"
"""How pandas names an index that it wrote into the file."""


class FileCounts(NamedTuple):
    """What a file holds."""

    n_rows: int
    n_features: int
    n_positives: int


def count_file(path: Path, *, drop: tuple[str, ...] = ()) -> FileCounts:
    """Count rows, features and positives without reading the features.

    Raises:
        ValueError: If it is no Parquet file or has no `target` column.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            names = [
                name
                for name in file.schema_arrow.names
                if name not in drop and not name.startswith(_SAVED_INDEX)
            ]
            _check_target(path, names)
            target = file.read(columns=[TARGET]).column(TARGET).to_numpy()
    except pa.ArrowException as error:
        raise _unreadable(path, error) from error
    return FileCounts(len(target), len(names) - 1, int((target == 1).sum()))


def read_file(
    path: Path, name: str, *, source: Source, info: DatasetInfo | None = None
) -> Dataset:
    """Read a data set from a Parquet file with a `target` column.

    Raises:
        ValueError: If it is no such file, or its values are no data set.
    """
    import pandas as pd
    import pyarrow as pa

    try:
        frame = pd.read_parquet(path)
    except (pa.ArrowException, ValueError, OSError) as error:
        raise _unreadable(path, error) from error
    _check_target(path, [str(column) for column in frame.columns])
    return from_frame(frame, name, source=source, info=info)


def from_frame(
    frame: "pd.DataFrame",
    name: str,
    *,
    source: Source,
    info: DatasetInfo | None = None,
) -> Dataset:
    """Return the data set of a table with a `target` column.

    Raises:
        ValueError: If its values are no data set.
    """
    drop = [TARGET, *(info.drop if info else ())]
    features = frame.drop(columns=drop, errors="ignore")
    return make_dataset(name, features, frame[TARGET], source=source, info=info)


def _check_target(path: Path, names: list[str]) -> None:
    if names.count(TARGET) != 1:
        raise ValueError(
            f"'{path}' must have one column `{TARGET}` with 1 for positive rows and 0 "
            f"for the others, got {len(names)} columns, {names.count(TARGET)} of them "
            "with this name. Rename the column of the labels."
        )


def _unreadable(path: Path, error: Exception) -> ValueError:
    return ValueError(
        f"'{path}' cannot be read as a Parquet file ({error}). Delete it or write it "
        "again."
    )
