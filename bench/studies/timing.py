"""Timing several ways side by side, and the lines of a table that come of it."""

import argparse
import math
import os
import statistics
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import shared
from shared import RESULTS

from losslearn_bench.harness import machine

Ways = Callable[..., list[float]]
"""`interleaved` with the length and the number of blocks that were asked for."""


class Reading(NamedTuple):
    """One line of the table."""

    what: str
    ours_ms: float
    reference: str
    reference_ms: float
    asked: str
    reached: str
    holds: bool


def interleaved(
    *ways: Callable[[], object],
    blocks: int,
    seconds: float,
    wait: Callable[[], object] = lambda: None,
) -> list[float]:
    """Return the milliseconds of a call of each way: median of blocks in turns.

    A block takes about so many seconds. `wait` returns when all that was asked for is
    done, as a GPU does it later.
    """
    lengths = []
    for way in ways:
        for _ in range(3):
            way()  # compiles and allocates
        wait()
        begin = time.perf_counter()
        way()
        wait()
        lengths.append(max(int(seconds / (time.perf_counter() - begin)), 1))
    readings: list[list[float]] = [[] for _ in ways]
    for _ in range(blocks):
        for way, length, reading in zip(ways, lengths, readings, strict=True):
            begin = time.perf_counter()
            for _ in range(length):
                way()
            wait()
            reading.append((time.perf_counter() - begin) / length * 1e3)
    return [statistics.median(reading) for reading in readings]


def ratio(what: str, ours: float, name: str, theirs: float, least: float) -> Reading:
    """Return a line that asks to be so many times faster than the reference."""
    times = theirs / ours
    asked, reached = f">= {least:g} x", f"{times:.2f} x"
    return Reading(what, ours, name, theirs, asked, reached, times >= least)


def share(what: str, ours: float, name: str, theirs: float, most: float) -> Reading:
    """Return a line that asks to cost at most so many times the reference."""
    times = ours / theirs
    asked, reached = f"<= {most:g} x", f"{times:.2f} x"
    return Reading(what, ours, name, theirs, asked, reached, times <= most)


def absolute(
    what: str, ours: float, most: float, name: str = "none", theirs: float = math.nan
) -> Reading:
    """Return a line that asks for so many milliseconds, beyond a reference's if any."""
    more = ours if math.isnan(theirs) else ours - theirs
    asked, reached = f"<= {most:g} ms", f"{more:.3f} ms"
    return Reading(what, ours, name, theirs, asked, reached, more <= most)


def hardware() -> dict[str, object]:
    """Return what the figures were taken on."""
    return {
        **machine.hardware(),
        "pinned_to": len(os.sched_getaffinity(0)) if sys.platform == "linux" else None,
        "load": os.getloadavg()[0],
        "versions": {
            name: version(name) for name in ("losslearn", "torch", "numpy", "numba")
        },
    }


def make_parser(text: str, results: str, **options: object) -> argparse.ArgumentParser:
    """Return the parser of a script that measures; its JSON goes below `results/`."""
    out = {"type": Path, "default": RESULTS / results, "help": "JSON file"}
    return shared.make_parser(text, out=out, **options)
