"""What a job ran on, and how much memory it took at most."""

import os
import platform
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

_CPUINFO = Path("/proc/cpuinfo")
_CLEAR, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")
_MODEL = "model name"


def hardware() -> dict[str, Any]:
    """Return machine, processor, cores and threads, as they stand in a result line."""
    return {
        "machine": platform.machine(),
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
    }


@lru_cache(maxsize=1)
def cpu_model() -> str:
    """Return the processor's name as the system gives it, at worst its family."""
    return _told_by_linux() or _told_by_macos() or platform.processor() or "unknown"


def _told_by_linux() -> str:
    try:
        lines = _CPUINFO.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    names = [line.partition(":")[2] for line in lines if line.startswith(_MODEL)]
    return names[0].strip() if names else ""


def _told_by_macos() -> str:
    if platform.system() != "Darwin":
        return ""
    command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return said.stdout.strip()


def restart_peak() -> None:
    """Begin to measure memory anew, where the system can (Linux)."""
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
