"""The folders in which data sets are looked for."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from losslearn.surrogate.cache import cache_dir as default_cache

Place = Literal["folder", "cache"]

_BESIDE = Path("../shared/datasets")
"""The folder that is taken, where it exists, when none is named."""


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where data sets may lie: a folder of one's own, and the cache."""

    folder: Path | None
    cache: Path

    def candidates(self, name: str) -> dict[Place, Path]:
        """Return where a data set's file could lie, in the order of the search."""
        file = f"{name}.parquet"
        found: dict[Place, Path] = {"cache": self.cache / file}
        return found if self.folder is None else {"folder": self.folder / file, **found}


def find_places(
    *, data_dir: Path | None = None, cache_dir: Path | None = None
) -> Places:
    """Return the folders to look in.

    Args:
        data_dir: The local folder; None takes `LOSSLEARN_DATA`, else
            `../shared/datasets` where that exists.
        cache_dir: The cache; None takes `LOSSLEARN_CACHE`, else the user's cache.

    Raises:
        FileNotFoundError: If a folder was named that does not exist.
    """
    named = data_dir or os.environ.get("LOSSLEARN_DATA")
    folder = Path(named).expanduser() if named else _BESIDE
    if named and not folder.is_dir():
        said = "`data_dir`" if data_dir else "LOSSLEARN_DATA"
        raise FileNotFoundError(
            f"{said} must name a folder of data sets, but there is no folder "
            f"'{folder}'."
        )
    root = default_cache() if cache_dir is None else Path(cache_dir).expanduser()
    return Places(folder=folder if folder.is_dir() else None, cache=root / "datasets")
