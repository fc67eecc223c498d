"""Where files are kept that can be made or fetched again."""

import os
import sys
from pathlib import Path


def cache_dir() -> Path:
    """Return the cache folder: `LOSSLEARN_CACHE`, or one in the user's cache."""
    if named := os.environ.get("LOSSLEARN_CACHE"):
        return Path(named)
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return Path(local or Path.home() / "AppData" / "Local") / "losslearn" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "losslearn"
    named = os.environ.get("XDG_CACHE_HOME")
    return Path(named or Path.home() / ".cache") / "losslearn"
