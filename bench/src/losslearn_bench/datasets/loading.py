"""Data sets by name: where they lie, what they hold, and all of it."""

import difflib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from losslearn.metrics.own.function_files import load_function, names_function
from losslearn.surrogate.cache import cache_dir as default_cache
from losslearn_bench.datasets.catalogue import DATASETS, DatasetInfo
from losslearn_bench.datasets.dataset import TARGET, Dataset, Source, make_dataset
from losslearn_bench.datasets.openml import fetch_dataset
from losslearn_bench.datasets.shipped import SHIPPED, load_shipped

if TYPE_CHECKING:
    import pandas as pd

Loader = Callable[[], Any]
"""Returns `(X, y)`, or a table with a `target` column."""

Place = Literal["folder", "cache"]
Places = dict[Place, Path]
State = Literal["complete", "partial", "not available here"]

_BESIDE = Path("../shared/datasets")
"""The folder that is taken, where it exists, when none is named."""
_SAVED_INDEX = "__index_level_"
"""How pandas names an index that it wrote into the file."""


class FileCounts(NamedTuple):
    """What a file holds."""

    n_rows: int
    n_features: int
    n_positives: int


class DatasetStatus(NamedTuple):
    """What there is of a data set on this machine."""

    info: DatasetInfo
    """What the complete set has, where it comes from, and its licence."""
    state: State = "not available here"
    source: Place | None = None
    """Where it lies; None if nowhere on this machine."""
    path: Path | None = None
    found: FileCounts | None = None
    """What the file holds."""
    how_to_get: str = ""
    """How to get the complete set; empty if it is here."""

    @property
    def pos_rate(self) -> float | None:
        """Share of positive rows that was found."""
        n_rows, _, n_positives = self.found or (0, 0, 0)
        return n_positives / n_rows if n_rows else None


def load_dataset(
    source: str | Path | Loader,
    *,
    data_dir: Path | None = None,
    cache_dir: Path | None = None,
) -> Dataset:
    """Load a binary data set.

    A name of the catalogue is looked for in the local folder, then in the cache, then
    at OpenML; what is downloaded must have the rows, features and positives of the
    catalogue, and is kept in the cache. Nothing that could run code is read, but for a
    Python file that is named.

    Args:
        source: A name in `DATASETS` or `SHIPPED`; the path of a Parquet file with a
            `target` column, or its name within the local folder; a function that
            returns `(X, y)` or a table with a `target` column; or such a function as
            "path/to/file.py:function".
        data_dir: The local folder; None takes `LOSSLEARN_DATA`, else
            `../shared/datasets` where that exists.
        cache_dir: The cache; None takes `LOSSLEARN_CACHE`, else the user's cache.

    Example:
        >>> def four_rows():
        ...     return [[0.0, 1.0], [1.0, 1.0], [2.0, 0.0], [3.0, 0.0]], [0, 1, 1, 0]
        >>> dataset = load_dataset(four_rows)
        >>> dataset.name, dataset.n_rows, dataset.n_features, dataset.pos_rate
        ('four_rows', 4, 2, 0.5)
    """
    if callable(source):
        return _from_function(source, getattr(source, "__name__", "data"))
    text = str(source)
    if text in DATASETS:
        return _from_catalogue(DATASETS[text], _places(text, data_dir, cache_dir))
    if text in SHIPPED:
        return load_shipped(text)
    if names_function(text):
        function = load_function(text)
        return _from_function(function, function.name)
    path = Path(text).expanduser()
    if path.is_file():
        return _read_file(path, path.stem, source="file")
    return _from_folder(text, data_dir)


def find_dataset(
    name: str, *, data_dir: Path | None = None, cache_dir: Path | None = None
) -> DatasetStatus:
    """Tell where `load_dataset` would take a named data set from, and what is there.

    Only the target column is read, nothing is downloaded.

    Raises:
        FileNotFoundError: If a folder that was named does not exist.
        ValueError: If the catalogue has no such name, or the file cannot be read.
    """
    if name not in DATASETS:
        raise ValueError(
            f"`name` must be one of {', '.join(DATASETS)}, got `{name}`. Files of your "
            "own are only loaded."
        )
    info = DATASETS[name]
    places = _places(name, data_dir, cache_dir)
    for source, path in places.items():
        if path.is_file():
            found = _count_file(path, drop=info.drop)
            known = DatasetStatus(info, "complete", source, path, found)
            if info.matches(*found):
                return known
            how = _how_to_get(info, places, path)
            return known._replace(state="partial", how_to_get=how)
    return DatasetStatus(info, how_to_get=_how_to_get(info, places, None))


def _places(name: str, data_dir: Path | None, cache_dir: Path | None) -> Places:
    """Return where a data set's file may lie, in the order of the search."""
    file = f"{name}.parquet"
    root = default_cache() if cache_dir is None else Path(cache_dir).expanduser()
    found: Places = {"cache": root / "datasets" / file}
    folder = _folder(data_dir)
    return found if folder is None else {"folder": folder / file, **found}


def _folder(data_dir: Path | None) -> Path | None:
    """Return the folder of one's own, if there is one; one that is named must be."""
    named = data_dir or os.environ.get("LOSSLEARN_DATA")
    folder = Path(named).expanduser() if named else _BESIDE
    if named and not folder.is_dir():
        said = "`data_dir`" if data_dir else "LOSSLEARN_DATA"
        raise FileNotFoundError(
            f"{said} must name a folder of data sets, but there is no folder "
            f"'{folder}'."
        )
    return folder if folder.is_dir() else None


def _how_to_get(info: DatasetInfo, places: Places, partial: Path | None) -> str:
    """Return how to get the complete set, in whose way a part of it may be."""
    if info.is_downloaded:
        begin = f"Without '{partial}', loading" if partial else "Loading"
        return f"{begin} it downloads OpenML's data set {info.openml_id}."
    path = next(iter(places.values()))
    if info.recipe is None:
        return f"Put a Parquet file with a column `{TARGET}` at '{path}'."
    make = "" if path.parent.is_dir() else f"Make the folder '{path.parent}'. "
    return make + info.recipe.replace("FILE", str(path))


def _from_catalogue(info: DatasetInfo, places: Places) -> Dataset:
    """Load a named data set from the first place that has it."""
    for source, path in places.items():
        if path.is_file():
            return _read_file(path, info.name, source=source, info=info)
    if not info.is_downloaded:
        raise FileNotFoundError(
            f"`{info.name}` is not on this machine and is not downloaded: "
            f"{_how_to_get(info, places, None)}"
        )
    return fetch_dataset(info, places["cache"])


def _from_function(function: Loader, name: str) -> Dataset:
    """Load what a function of the user returns."""
    import pandas as pd

    try:
        data = function()
    except Exception as error:
        raise ValueError(
            f"`{name}` must return a data set, but raised {type(error).__name__}: "
            f"{error}. Mend the function, or load the data set from a Parquet file."
        ) from error
    if isinstance(data, pd.DataFrame) and TARGET in data.columns:
        return _from_frame(data, name, source="callable")
    if isinstance(data, tuple) and len(data) == 2:
        return make_dataset(name, *data, source="callable")
    raise ValueError(
        f"`{name}` must return a tuple `(X, y)` or a table with a column `{TARGET}`, "
        f"got {type(data).__name__}."
    )


def _from_folder(text: str, data_dir: Path | None) -> Dataset:
    """Load a file of the local folder that the catalogue does not know."""
    folder = _folder(data_dir)
    if folder is not None and Path(text).name == text:
        path = folder / f"{text.removesuffix('.parquet')}.parquet"
        if path.is_file():
            return _read_file(path, path.stem, source="folder")
    near = difflib.get_close_matches(text, DATASETS, n=1)
    hint = f"Did you mean `{near[0]}`?" if near else f"Known are {', '.join(DATASETS)}."
    raise ValueError(
        f"There is no data set `{text}`, and no such Parquet file. {hint} "
        "`path/to/file.parquet` and `path/to/file.py:function` are accepted too."
    )


def _count_file(path: Path, *, drop: tuple[str, ...]) -> FileCounts:
    """Count rows, features and positives without reading the features."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            names = [name for name in file.schema_arrow.names if name not in drop]
            names = [name for name in names if not name.startswith(_SAVED_INDEX)]
            _check_target(path, names)
            target = file.read(columns=[TARGET]).column(TARGET).to_numpy()
    except pa.ArrowException as error:
        raise _unreadable(path, error) from error
    return FileCounts(len(target), len(names) - 1, int((target == 1).sum()))


def _read_file(
    path: Path, name: str, *, source: Source, info: DatasetInfo | None = None
) -> Dataset:
    """Read a data set from a Parquet file with a `target` column."""
    import pandas as pd
    import pyarrow as pa

    try:
        frame = pd.read_parquet(path)
    except (pa.ArrowException, ValueError, OSError) as error:
        raise _unreadable(path, error) from error
    _check_target(path, [str(column) for column in frame.columns])
    return _from_frame(frame, name, source=source, info=info)


def _from_frame(
    frame: "pd.DataFrame", name: str, *, source: Source, info: DatasetInfo | None = None
) -> Dataset:
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
