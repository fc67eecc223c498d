"""Where a data set would come from, told without reading its features."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from losslearn_bench.datasets.catalogue import DATASETS, DatasetInfo
from losslearn_bench.datasets.loading import describe_by_hand
from losslearn_bench.datasets.places import Place, Places, find_places
from losslearn_bench.datasets.reading import FileCounts, count_file

State = Literal["complete", "partial", "not available here"]


@dataclass(frozen=True, kw_only=True)
class DatasetStatus:
    """What there is of a data set on this machine."""

    info: DatasetInfo
    """What the complete set has, where it comes from, and its licence."""
    state: State
    source: Place | None
    """Where it lies; None if nowhere on this machine."""
    path: Path | None
    found: FileCounts | None
    """What the file holds."""
    how_to_get: str
    """How to get the complete set; empty if it is here."""

    @property
    def pos_rate(self) -> float | None:
        """Share of positive rows that was found."""
        if self.found is None or self.found.n_rows == 0:
            return None
        return self.found.n_positives / self.found.n_rows


def find_dataset(
    name: str, *, data_dir: Path | None = None, cache_dir: Path | None = None
) -> DatasetStatus:
    """Tell where `load_dataset` would take a named data set from, and what is there.

    Only the target column is read, nothing is downloaded.

    Args:
        name: A name in `DATASETS`.
        data_dir: As for `load_dataset`.
        cache_dir: As for `load_dataset`.

    Raises:
        FileNotFoundError: If a folder that was named does not exist.
        ValueError: If the catalogue has no such name, or the file cannot be read.

    Example:
        >>> import tempfile
        >>> empty = Path(tempfile.mkdtemp())
        >>> find_dataset("skin", data_dir=empty, cache_dir=empty).state
        'not available here'
    """
    if name not in DATASETS:
        raise ValueError(
            f"`name` must be one of {', '.join(DATASETS)}, got `{name}`. Files of your "
            "own are only loaded."
        )
    info = DATASETS[name]
    places = find_places(data_dir=data_dir, cache_dir=cache_dir)
    for source, path in places.candidates(name).items():
        if not path.is_file():
            continue
        found = count_file(path, drop=info.drop)
        is_complete = info.matches(*found)
        return DatasetStatus(
            info=info,
            state="complete" if is_complete else "partial",
            source=source,
            path=path,
            found=found,
            how_to_get="" if is_complete else _how_to_get(info, places, path),
        )
    return DatasetStatus(
        info=info,
        state="not available here",
        source=None,
        path=None,
        found=None,
        how_to_get=_how_to_get(info, places, None),
    )


def _how_to_get(info: DatasetInfo, places: Places, partial: Path | None) -> str:
    """Return how to get the complete set, in whose way a part of it may be."""
    if not info.is_downloaded:
        return describe_by_hand(info, places)
    begin = "Loading" if partial is None else f"Without '{partial}', loading"
    return f"{begin} it downloads OpenML's data set {info.openml_id}."
