"""Jobs in processes of this machine."""

import multiprocessing
import os
import threading
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from losslearn_bench.checks import check_at_least
from losslearn_bench.grid.cells import Job
from losslearn_bench.grid.job import Line
from losslearn_bench.grid.workers import Workers, run_by_name


class LocalBackend(Workers):
    """A pool of worker processes, one thread each.

    A worker that dies takes its jobs with it; they are reported as failed, and a new
    pool carries on. Workers end with this process, however it ends.
    """

    def __init__(self, n_workers: int) -> None:
        """Start the pool."""
        check_at_least(1, "n_workers", n_workers)
        super().__init__(n_workers)
        self._pool, self._is_broken = self._new_pool(), False

    def _new_pool(self) -> ProcessPoolExecutor:
        # forked workers would inherit torch's threads in an unusable state
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(
            self.n_workers, mp_context=context, initializer=end_with_parent
        )

    def start(self, job: Job, data_dir: Path | None) -> Future[list[Line]]:
        """Start a job."""
        if self._is_broken:
            self._pool, self._is_broken = self._new_pool(), False
        return self._pool.submit(run_by_name, job, data_dir)

    def explain(self, error: BaseException) -> str:
        """Return why a job has no lines."""
        if isinstance(error, BrokenProcessPool):
            self._is_broken = True
            return "its worker process died, perhaps for memory"
        return f"{type(error).__name__}: {error}"

    def close(self, *, at_once: bool) -> None:
        """Stop the workers."""
        if at_once:
            for process in list((self._pool._processes or {}).values()):
                process.terminate()
        self._pool.shutdown(wait=not at_once, cancel_futures=True)


def end_with_parent() -> None:
    """End this worker with the process that started it, which cannot tell if killed."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def follow() -> None:
        parent.join()
        os._exit(1)  # there is nobody left to hand a result to

    threading.Thread(target=follow, daemon=True).start()
