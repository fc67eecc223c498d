"""Jobs in processes of this machine."""

import multiprocessing
import os
import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from types import TracebackType
from typing import Self

import torch

from losslearn_bench.grid.cells import Job
from losslearn_bench.grid.job import Line, run_job
from losslearn_bench.grid.methods import get_method
from losslearn_bench.grid.running import Outcome

_MOMENT = 0.5
"""Seconds after which a wait gives the progress view its turn."""


class LocalBackend:
    """A pool of worker processes, one thread each.

    A worker that dies takes its jobs with it; they are reported as failed, and a new
    pool carries on. Workers end with this process, however it ends.
    """

    def __init__(self, n_workers: int) -> None:
        """Start the pool.

        Raises:
            ValueError: If there is nobody to work.
        """
        if n_workers < 1:
            raise ValueError(f"`n_workers` must be at least 1, got {n_workers}.")
        self.n_workers = n_workers
        self._pool, self._is_broken = self._start(), False
        self._running: dict[Future[list[Line]], Job] = {}

    def _start(self) -> ProcessPoolExecutor:
        # forked workers would inherit torch's threads in an unusable state
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(
            self.n_workers, mp_context=context, initializer=_end_with_parent
        )

    def submit(self, job: Job, data_dir: Path | None) -> None:
        """Start a job."""
        if self._is_broken:
            self._pool, self._is_broken = self._start(), False
        self._running[self._pool.submit(run_by_name, job, data_dir)] = job

    def wait(self) -> Iterator[Outcome]:
        """Return the jobs that ended, after at least one did or a moment passed."""
        ended, _ = wait(self._running, timeout=_MOMENT, return_when=FIRST_COMPLETED)
        for future in ended:
            job = self._running.pop(future)
            error = future.exception()
            if error is None:
                yield Outcome(job, future.result())
                continue
            if isinstance(error, BrokenProcessPool):
                self._is_broken = True
                yield Outcome(job, [], "its worker process died, perhaps for memory")
                continue
            yield Outcome(job, [], f"{type(error).__name__}: {error}")

    def __enter__(self) -> Self:
        """Use as a context, which stops the workers at its end."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the workers; after an error or Ctrl-C without waiting for their jobs."""
        if error is not None:
            for process in list((self._pool._processes or {}).values()):
                process.terminate()
        self._pool.shutdown(wait=error is None, cancel_futures=True)


def _end_with_parent() -> None:
    """Let this worker end as soon as the process that started it is gone.

    A killed process cannot tell its workers, and they would go on without it.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def follow() -> None:
        parent.join()
        os._exit(1)  # there is nobody left to hand a result to

    threading.Thread(target=follow, daemon=True).start()


def run_by_name(job: Job, data_dir: Path | None) -> list[Line]:
    """Run a job by its method's name, on one thread; what a worker does."""
    torch.set_num_threads(1)
    return run_job(job, get_method(job.cells[0].method), data_dir)
