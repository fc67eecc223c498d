import collections
import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from benchmark_cases import jobs_of, tiny_grid, write_rows

from losslearn_bench.grid.job import run_job
from losslearn_bench.grid.local import LocalBackend
from losslearn_bench.grid.methods import get_method
from losslearn_bench.grid.results import ResultsFile, cell_of
from losslearn_bench.grid.running import run_grid
from losslearn_bench.grid.workers import Outcome

DRIVER = """
import sys; sys.path.insert(0, "tests/support")
from pathlib import Path
from benchmark_cases import tiny_grid
from losslearn_bench.grid.local import LocalBackend
from losslearn_bench.grid.results import ResultsFile
from losslearn_bench.grid.running import run_grid
if __name__ == "__main__":
    dataset, path = sys.argv[1:]
    grid = tiny_grid(dataset, repetitions=6)
    with LocalBackend(1) as backend:
        progress = run_grid(grid, ResultsFile(Path(path)), backend)
    print(len(progress.failed), progress.n_done)
"""


class Here:
    """Runs jobs at once, in this process; some of them fail."""

    n_workers = 2

    def __init__(self, failing=()):
        self.failing, self.started, self._waiting = set(failing), [], []

    def submit(self, job, data_dir):
        self.started.append(job)
        self._waiting.append((job, data_dir))

    def wait(self):
        job, data_dir = self._waiting.pop(0)
        if job.cells[0].method in self.failing:
            yield Outcome(job, [], "no luck")
        else:
            method = get_method(job.cells[0].method)
            yield Outcome(job, run_job(job, method, data_dir))


@pytest.fixture
def dataset(tmp_path):
    return write_rows(tmp_path / "rows.parquet")


@pytest.fixture
def results(tmp_path):
    return ResultsFile(tmp_path / "lines.jsonl")


def test_every_cell_gets_one_line(dataset, results):
    grid = tiny_grid(dataset)
    progress = run_grid(grid, results, Here())
    counts = collections.Counter(map(cell_of, results.lines()))
    assert counts == dict.fromkeys(grid.cells(), 1)
    assert progress.n_done == progress.n_cells == 8


def test_a_method_that_trains_once_is_run_once_for_all_metrics(dataset, results):
    backend = Here()
    run_grid(tiny_grid(dataset, repetitions=1), results, backend)
    # cross-entropy for both metrics, and the surrogate for each
    assert len(backend.started) == 3


def test_a_second_run_does_nothing(dataset, results):
    run_grid(tiny_grid(dataset), results, Here())
    before = results.path.read_bytes()
    backend = Here()
    run_grid(tiny_grid(dataset), results, backend)
    assert backend.started == []
    assert results.path.read_bytes() == before


def test_only_the_missing_cells_of_a_job_are_run(dataset, results):
    run_grid(tiny_grid(dataset, metrics=("f1",)), results, Here())
    backend = Here()
    run_grid(tiny_grid(dataset), results, backend)
    started = {cell for job in backend.started for cell in job.cells}
    assert {cell.metric for cell in started} == {"roc_auc_loss"}


def test_another_budget_is_another_cell(dataset, results):
    grid = tiny_grid(dataset, methods=("cross_entropy",), repetitions=1)
    run_grid(grid, results, Here())
    longer = replace(grid, budget=replace(grid.budget, max_iter=6))
    run_grid(longer, results, Here())
    assert len(results.lines()) == 4
    assert len(results.done(longer.budget)) == 2


def test_a_failure_is_told_and_tried_again_by_the_next_run(dataset, results):
    grid = tiny_grid(dataset)
    progress = run_grid(grid, results, Here(failing={"sl_r"}))
    assert {one.error for one in progress.failed} == {"no luck"}
    assert {line["method"] for line in results.lines()} == {"cross_entropy"}
    assert run_grid(grid, results, Here()).n_done == 8


def test_the_watcher_sees_what_runs_and_what_ended(dataset, results):
    seen = []
    run_grid(
        tiny_grid(dataset),
        results,
        Here(),
        watch=lambda progress: seen.append((len(progress.running), progress.n_done)),
    )
    assert max(running for running, _ in seen) == 2
    assert seen[-1] == (0, 8)


def test_jobs_that_another_process_holds_are_left_to_it(dataset, results):
    grid = tiny_grid(dataset, methods=("cross_entropy",), repetitions=2)
    first, second = jobs_of(grid)
    backend = Here()

    def stop_when_idle(progress):
        if not progress.running and progress.n_done:
            raise TimeoutError

    with (
        results.claim(first),
        contextlib.suppress(TimeoutError),
    ):
        run_grid(grid, results, backend, watch=stop_when_idle)
    assert [job.cells for job in backend.started] == [second.cells]


def start(dataset, results):
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER, dataset, str(results.path)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.slow
def test_a_killed_grid_goes_on_where_it_stopped(dataset, results):
    grid = tiny_grid(dataset, repetitions=6)
    process = start(dataset, results)
    while len(results.lines()) < 2 and process.poll() is None:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    kept = results.lines()
    assert 0 < len(kept) < len(grid.cells())
    backend = Here()
    run_grid(grid, results, backend)
    counts = collections.Counter(map(cell_of, results.lines()))
    assert counts == dict.fromkeys(grid.cells(), 1)
    assert results.lines()[: len(kept)] == kept
    started = {cell for job in backend.started for cell in job.cells}
    assert started.isdisjoint(map(cell_of, kept))


@pytest.mark.slow
def test_workers_end_with_a_process_that_is_killed_alone(dataset, results):
    process = start(dataset, results)
    try:
        while not results.lines() and process.poll() is None:
            time.sleep(0.05)
        process.kill()
        # its workers hold the other ends of its output: it is open while one lives
        process.communicate(timeout=30)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert 0 < len(results.lines()) < 24


@pytest.mark.slow
def test_two_processes_share_one_results_file(dataset, results):
    grid = tiny_grid(dataset, repetitions=6)
    processes = [start(dataset, results) for _ in range(2)]
    said = [process.communicate()[0].split() for process in processes]
    assert said == [["0", "24"], ["0", "24"]]
    counts = collections.Counter(map(cell_of, results.lines()))
    assert counts == dict.fromkeys(grid.cells(), 1)


@pytest.mark.slow
def test_a_worker_that_dies_fails_its_job_and_the_next_ones_run(dataset, results):
    grid = tiny_grid(dataset, methods=("cross_entropy",), repetitions=4)
    killed = []

    def kill_first(progress):
        workers = list((backend._pool._processes or {}).values())
        if progress.running and workers and not killed:
            killed.append(workers[0])
            workers[0].kill()

    with LocalBackend(1) as backend:
        progress = run_grid(grid, results, backend, watch=kill_first)
    assert [one.error for one in progress.failed] == [
        "its worker process died, perhaps for memory"
    ]
    assert progress.n_done == 6


def test_a_backend_without_workers_is_an_error():
    with pytest.raises(ValueError, match="at least 1"):
        LocalBackend(0)
