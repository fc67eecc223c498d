"""What a job ran on, and how much memory it took at most."""

import os
import platform
import subprocess
import sys
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

_CPUINFO = Path("/proc/cpuinfo")
_CLEAR, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")
_SYSCTL = ("/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string")


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
    name = ""
    with suppress(OSError, subprocess.CalledProcessError):
        if _CPUINFO.exists():
            lines = _CPUINFO.read_text(errors="replace").splitlines()
            names = (line for line in lines if line.startswith("model name"))
            name = next(names, "").partition(":")[2]
        elif platform.system() == "Darwin":
            name = subprocess.check_output(_SYSCTL, text=True)
    return name.strip() or platform.processor() or "unknown"


def restart_peak() -> None:
    """Begin to measure memory anew, where the system can (Linux)."""
    with suppress(OSError):
        _CLEAR.write_text("5")


def peak_memory() -> float:
    """Return the largest resident memory in MB since `restart_peak` or the start."""
    with suppress(OSError):
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return round(int(line.split()[1]) / 1024, 1)
    import resource  # not on Windows

    unit = 1024**2 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, 1)
