"""How much memory a piece of work took at most."""

import sys
from pathlib import Path

_CLEAR = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")


def restart_peak() -> None:
    """Begin to measure anew, where the system can (Linux)."""
    try:
        _CLEAR.write_text("5")
    except OSError:
        return


def peak_memory() -> float:
    """Return the largest resident memory, in MB, since `restart_peak`.

    Where the system cannot begin anew, since the process began.
    """
    try:
        status = _STATUS.read_text()
    except OSError:
        status = ""
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return round(int(line.split()[1]) / 1024, 1)
    import resource  # not on Windows

    unit = 1024**2 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, 1)
