"""Where files are kept that can be made or fetched again."""

import os
from pathlib import Path


def cache_dir() -> Path:
    """Return the cache folder: `LOSSLEARN_CACHE`, or the user's cache."""
    if named := os.environ.get("LOSSLEARN_CACHE"):
        return Path(named)
    from platformdirs import user_cache_path  # only here: most runs need no cache

    return user_cache_path("losslearn")
