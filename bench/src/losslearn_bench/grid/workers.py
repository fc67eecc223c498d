"""Workers: jobs in other processes, here or on other machines."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from pathlib import Path
from typing import NamedTuple, Self

import torch

from losslearn_bench.grid.cells import Job
from losslearn_bench.grid.job import Line, run_job
from losslearn_bench.grid.methods import get_method

_MOMENT = 0.5
"""Seconds after which a wait gives the progress view its turn."""


class Outcome(NamedTuple):
    """How a job ended."""

    job: Job
    lines: list[Line]
    error: str | None = None
    """Why there are no lines; None if there are."""


class Workers(ABC):
    """Where jobs run; a context, at whose end they stop."""

    def __init__(self, n_workers: int) -> None:
        """Say how many jobs run at a time."""
        self.n_workers = n_workers
        self._running: dict[Future[list[Line]], Job] = {}

    @abstractmethod
    def start(self, job: Job, data_dir: Path | None) -> Future[list[Line]]:
        """Start a job."""

    @abstractmethod
    def explain(self, error: BaseException) -> str:
        """Return why a job has no lines."""

    @abstractmethod
    def close(self, *, at_once: bool) -> None:
        """Stop the workers, after an error without waiting for their jobs."""

    def submit(self, job: Job, data_dir: Path | None) -> None:
        """Start a job, which `wait` then knows of."""
        self._running[self.start(job, data_dir)] = job

    def wait(self) -> Iterator[Outcome]:
        """Return the jobs that ended, after at least one did or a moment passed."""
        ended, _ = wait(self._running, timeout=_MOMENT, return_when=FIRST_COMPLETED)
        for future in ended:
            job, error = self._running.pop(future), future.exception()
            if error is None:
                yield Outcome(job, future.result())
            else:
                yield Outcome(job, [], self.explain(error))

    def __enter__(self) -> Self:
        """Use as a context."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Stop the workers."""
        self.close(at_once=kind is not None)


def run_by_name(job: Job, data_dir: Path | None) -> list[Line]:
    """Run a job by its method's name, on one thread; what a worker does."""
    torch.set_num_threads(1)
    return run_job(job, get_method(job.cells[0].method), data_dir)
