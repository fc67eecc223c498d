"""Loading a data set by its name, from a file, or from a function of the user."""

import difflib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from losslearn.metrics.own.function_files import load_function, names_function
from losslearn_bench.datasets.catalogue import DATASETS, DatasetInfo
from losslearn_bench.datasets.dataset import TARGET, Dataset, make_dataset
from losslearn_bench.datasets.openml import fetch_dataset
from losslearn_bench.datasets.places import Places, find_places
from losslearn_bench.datasets.reading import from_frame, read_file

Loader = Callable[[], Any]
"""Returns `(X, y)`, or a table with a `target` column."""


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
        source: A name in `DATASETS`; the path of a Parquet file with a `target` column,
            or its name within the local folder; a function that returns `(X, y)` or a
            table with a `target` column; or such a function as
            "path/to/file.py:function".
        data_dir: The local folder; None takes `LOSSLEARN_DATA`, else
            `../shared/datasets` where that exists.
        cache_dir: The cache; None takes `LOSSLEARN_CACHE`, else the user's cache.

    Raises:
        FileNotFoundError: If the set is not on this machine and has to be fetched by
            hand, or a folder that was named does not exist.
        ConnectionError: If OpenML cannot be reached.
        ValueError: If there is no such data set, its function raises, or it is none: a
            value is missing or no number, a target is not 0 or 1, or one class is
            absent.

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
        places = find_places(data_dir=data_dir, cache_dir=cache_dir)
        return _from_catalogue(DATASETS[text], places)
    if names_function(text):
        function = load_function(text)
        return _from_function(function, function.name)
    path = Path(text).expanduser()
    if path.is_file():
        return read_file(path, path.stem, source="file")
    return _from_folder(text, find_places(data_dir=data_dir, cache_dir=cache_dir))


def describe_by_hand(info: DatasetInfo, places: Places) -> str:
    """Return how to get a data set that is not downloaded."""
    path = (places.folder or places.cache) / f"{info.name}.parquet"
    if info.recipe is None:
        return f"Put a Parquet file with a column `{TARGET}` at '{path}'."
    make = "" if path.parent.is_dir() else f"Make the folder '{path.parent}'. "
    return make + info.recipe.replace("FILE", str(path))


def _from_catalogue(info: DatasetInfo, places: Places) -> Dataset:
    """Load a named data set from the first place that has it."""
    candidates = places.candidates(info.name)
    for source, path in candidates.items():
        if path.is_file():
            return read_file(path, info.name, source=source, info=info)
    if not info.is_downloaded:
        raise FileNotFoundError(
            f"`{info.name}` is not on this machine and is not downloaded: "
            f"{describe_by_hand(info, places)}"
        )
    return fetch_dataset(info, candidates["cache"])


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
        return from_frame(data, name, source="callable")
    if isinstance(data, tuple) and len(data) == 2:
        return make_dataset(name, *data, source="callable")
    raise ValueError(
        f"`{name}` must return a tuple `(X, y)` or a table with a column `{TARGET}`, "
        f"got {type(data).__name__}."
    )


def _from_folder(text: str, places: Places) -> Dataset:
    """Load a file of the local folder that the catalogue does not know."""
    if places.folder is not None and Path(text).name == text:
        path = places.folder / f"{text.removesuffix('.parquet')}.parquet"
        if path.is_file():
            return read_file(path, path.stem, source="folder")
    near = difflib.get_close_matches(text, DATASETS, n=1)
    hint = f"Did you mean `{near[0]}`?" if near else f"Known are {', '.join(DATASETS)}."
    raise ValueError(
        f"There is no data set `{text}`, and no such Parquet file. {hint} "
        "`path/to/file.parquet` and `path/to/file.py:function` are accepted too."
    )
