"""Jobs of any kind in processes of this machine, each once, as they end."""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.progress import track

from losslearn_bench.grid.job import Line
from losslearn_bench.grid.local import end_with_parent

J = TypeVar("J")


def run_all(
    run: Callable[[J, Path | None], list[Line]],
    jobs: Sequence[J],
    data_dir: Path | None,
    *,
    n_workers: int,
    title: str,
) -> Iterator[tuple[J, list[Line], BaseException | None]]:
    """Run jobs in their order; yield each with its lines, or why there are none.

    Progress is shown on the error stream.
    """
    if not jobs:
        return
    # forked workers would inherit torch's threads in an unusable state
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        n_workers, mp_context=context, initializer=end_with_parent
    ) as pool:
        try:
            running = {pool.submit(run, job, data_dir): job for job in jobs}
            ended, shown = as_completed(running), Console(stderr=True)
            for future in track(ended, title, total=len(jobs), console=shown):
                error = future.exception()
                yield running[future], [] if error else future.result(), error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
