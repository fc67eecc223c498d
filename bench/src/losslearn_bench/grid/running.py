"""Running a grid: what is missing, each job once, a line for each finished cell."""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from losslearn_bench.grid.cells import Cell, Grid, Job, make_jobs
from losslearn_bench.grid.results import ResultsFile
from losslearn_bench.grid.workers import Outcome, Workers

_RECHECK = 0.5
"""Seconds between two looks for a job that another process gave up."""


@dataclass
class Progress:
    """What a view of a running grid shows."""

    n_cells: int
    n_done: int = 0
    running: dict[Job, float] = field(default_factory=dict)
    """Jobs of this process, and when they started (`time.monotonic`)."""
    latest: Outcome | None = None
    failed: list[Outcome] = field(default_factory=list)


Watcher = Callable[[Progress], None]
"""Called whenever a job starts or ends, and every moment between."""


def run_grid(
    grid: Grid,
    results: ResultsFile,
    backend: Workers,
    *,
    data_dir: Path | None = None,
    watch: Watcher | None = None,
) -> Progress:
    """Run the cells of a grid that have no line yet; return the progress at the end.

    Stop it at any time: finished cells are kept, and the next call goes on, with those
    that failed too. Several processes may work on one results file; none repeats what
    another does or did. The caller closes the backend.
    """
    run = _GridRun(grid, results, backend)
    try:
        while run.jobs or run.progress.running:
            run.start_jobs(data_dir)
            if watch is not None:
                watch(run.progress)
            if run.progress.running:
                run.collect()
            elif run.jobs:  # other processes hold them all
                time.sleep(_RECHECK)
    finally:
        for claim in run.claims.values():
            claim.close()
    if watch is not None:
        watch(run.progress)
    return run.progress


class _GridRun:
    """One process's part in running a grid."""

    def __init__(self, grid: Grid, results: ResultsFile, backend: Workers) -> None:
        self._results, self._backend, self._budget = results, backend, grid.budget
        self._cells = frozenset(grid.cells())
        self.claims: dict[Job, contextlib.ExitStack] = {}
        self.jobs = make_jobs(grid.cells(), grid.budget)
        self.progress = Progress(len(self._cells))
        self._forget_done()

    def start_jobs(self, data_dir: Path | None) -> None:
        """Submit the next jobs that nobody else holds, as many as there are workers."""
        self._forget_done()
        for job in list(self.jobs):
            if len(self.progress.running) == self._backend.n_workers:
                return
            claim = _claim(self._results, job)
            if claim is None:
                continue
            self.jobs.remove(job)
            # another process may have filled cells before the claim
            done = self._results.done(self._budget)
            left = tuple(cell for cell in job.cells if cell not in done)
            if not left:
                claim.close()
                continue
            job = replace(job, cells=left)
            self.claims[job] = claim
            self._backend.submit(job, data_dir)
            self.progress.running[job] = time.monotonic()

    def collect(self) -> None:
        """Keep what has ended."""
        for outcome in self._backend.wait():
            if outcome.error is None:
                self._results.append(outcome.lines)
            else:
                self.progress.failed.append(outcome)
            self.progress.running.pop(outcome.job)
            self.progress.latest = outcome
            self.claims.pop(outcome.job).close()
        self._count(self._results.done(self._budget))

    def _forget_done(self) -> None:
        """Drop jobs whose cells have all been filled, here or elsewhere."""
        done = self._results.done(self._budget)
        self.jobs = [job for job in self.jobs if not done.issuperset(job.cells)]
        self._count(done)

    def _count(self, done: set[Cell]) -> None:
        self.progress.n_done = len(self._cells & done)


def _claim(results: ResultsFile, job: Job) -> contextlib.ExitStack | None:
    """Return what holds a job until it is closed, or None where another holds it."""
    with contextlib.ExitStack() as stack:
        if stack.enter_context(results.claim(job)):
            return stack.pop_all()
    return None


def cells_left(grid: Grid, results: ResultsFile) -> list[Cell]:
    """Return the cells of a grid that have no line yet."""
    done = results.done(grid.budget)
    return [cell for cell in grid.cells() if cell not in done]
