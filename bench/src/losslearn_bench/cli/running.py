"""Running a grid from the command line."""

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from losslearn.cli.reporting import console, note
from losslearn_bench.cli.reporting import write_tables
from losslearn_bench.cli.view import grid_view
from losslearn_bench.datasets import DATASETS, SHIPPED, find_dataset, load_dataset
from losslearn_bench.grid.cells import Grid
from losslearn_bench.grid.local import LocalBackend
from losslearn_bench.grid.presets import Preset, Size, make_grid
from losslearn_bench.grid.results import LINES, ResultsFile
from losslearn_bench.grid.running import cells_left, run_grid
from losslearn_bench.grid.workers import Workers
from losslearn_bench.harness.budget import Protocol as Rules
from losslearn_bench.harness.tiers import check_tier
from losslearn_bench.tables.lines import PAPER_TABLES, check_part, table_lines

Backend = Literal["local", "ray"]
Reasons = dict[str, str]
"""Why a data set is not here, by its name."""


@dataclass(frozen=True)
class GridOptions:
    """Which grid, and which part of it; an empty part is the preset's own."""

    preset: Preset
    size: Size
    protocol: Rules
    repetitions: int | None
    datasets: Sequence[str] = ()
    tiers: Sequence[str] = ()
    methods: Sequence[str] = ()
    metrics: Sequence[str] = ()

    def grid(self) -> Grid:
        """Return the grid, if its table has a place for it, and a cell is left."""
        whole = grid = make_grid(
            self.preset,
            size=self.size,
            protocol=self.protocol,
            repetitions=self.repetitions,
        )
        for tier in self.tiers:
            check_tier(tier)
        axes = ("datasets", "tiers", "methods", "metrics")
        asked = {axis: tuple(getattr(self, axis)) for axis in axes}
        chosen: dict[str, Any] = {axis: part for axis, part in asked.items() if part}
        if (self.methods or self.metrics) and self.preset not in PAPER_TABLES:
            # what is asked for by name need not be in the preset's own selection
            grid = replace(grid, only=None)
        else:
            self._check_tiers(grid)
        grid = replace(grid, **chosen)
        check_part(self.preset, grid, whole)
        if not grid.cells():
            raise ValueError(
                "No cell is left: these methods are not meant for these metrics and "
                "tiers. `losslearn-bench methods` lists what goes together."
            )
        return grid

    def _check_tiers(self, grid: Grid) -> None:
        """Check that the preset has the tiers asked for."""
        lacking = [tier for tier in self.tiers if tier not in grid.tiers]
        if lacking:
            raise ValueError(
                f"The preset `{self.preset}` has the tiers {', '.join(grid.tiers)}, "
                f"got {', '.join(lacking)}. Name what to run there with `--method`."
            )


def run_benchmark(
    options: GridOptions,
    out: Path,
    data_dir: Path | None,
    jobs: int,
    backend: Backend,
    ray_address: str | None,
) -> int:
    """Run what is missing of a grid, write its tables, and return the exit code.

    It is 1 if some jobs failed or a data set could not be downloaded.
    """
    grid = options.grid()
    if options.preset == "smoke" and not options.datasets:
        grid = _of_what_is_here(grid, data_dir)
    results = ResultsFile(out / LINES)
    left = cells_left(grid, results)  # a damaged file is told before any work
    needed = dict.fromkeys(cell.dataset for cell in left)
    missing, unreachable = _fetch([n for n in needed if n in DATASETS], data_dir)
    grid = _without(grid, missing | unreachable)
    for name in needed.keys() - DATASETS:
        load_dataset(name, data_dir=data_dir)  # what is wrong with it is told at once
    with (
        stopped_as_by_ctrl_c(),
        _open_backend(backend, jobs, ray_address) as workers,
        grid_view(console(stderr=True)) as watch,
    ):
        progress = run_grid(grid, results, workers, data_dir=data_dir, watch=watch)
    for outcome in progress.failed:
        note(f"{outcome.job.name} failed and has no line: {outcome.error}")
    note(f"{progress.n_done:,} of {progress.n_cells:,} cells are in {results.path}")
    # of the whole file, whatever part was asked for this time
    preset, size, rules = options.preset, options.size, options.protocol
    if lines := table_lines(results.lines(), preset, size=size, protocol=rules):
        write_tables(out, preset, rules, lines)
    return int(bool(progress.failed or unreachable))


@contextmanager
def stopped_as_by_ctrl_c() -> Iterator[None]:
    """Let SIGTERM end what runs in the context as Ctrl-C does, workers included."""
    if threading.current_thread() is not threading.main_thread():
        yield  # no other thread may set handlers
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _open_backend(backend: Backend, jobs: int, ray_address: str | None) -> Workers:
    if backend == "local":
        return LocalBackend(jobs)
    from losslearn_bench.grid.on_ray import RayBackend

    return RayBackend(address=ray_address, n_workers=jobs)


def _of_what_is_here(grid: Grid, data_dir: Path | None) -> Grid:
    """Return a grid of data that come with scikit-learn where its own are not here."""
    if any(find_dataset(name, data_dir=data_dir).path for name in grid.datasets):
        return grid
    note(
        f"the data are {' and '.join(SHIPPED)}, which come with scikit-learn, because "
        f"{' and '.join(grid.datasets)} are not on this machine"
    )
    return replace(grid, datasets=SHIPPED)


def _fetch(names: Sequence[str], data_dir: Path | None) -> tuple[Reasons, Reasons]:
    """Download what is not here yet, once: the jobs would each find the same out.

    Returns:
        What has to be fetched by hand, and how; what could not be had, and why.
    """
    by_hand, failed = {}, {}
    for name in names:
        status = find_dataset(name, data_dir=data_dir)
        if status.path is not None:
            continue
        if not status.info.is_downloaded:
            by_hand[name] = status.how_to_get
            continue
        note(f"downloading {name}")
        try:
            load_dataset(name, data_dir=data_dir)
        except (ConnectionError, ValueError) as error:
            failed[name] = str(error)
    return by_hand, failed


def _without(grid: Grid, missing: Reasons) -> Grid:
    """Leave out the data sets that are missing, and say so; one has to be left."""
    for name, why in missing.items():
        note(f"{name} is left out: {why}")
    kept = tuple(name for name in grid.datasets if name not in missing)
    if not kept:
        raise ValueError(
            "No data set of the grid is here; `losslearn-bench datasets` says more."
        )
    return replace(grid, datasets=kept)
