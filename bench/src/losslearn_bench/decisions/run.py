"""Running the comparison of decisions: what is missing, then the table of all."""

from collections.abc import Sequence
from pathlib import Path

from losslearn.report.figures import write_whole
from losslearn_bench.checks import check_choice
from losslearn_bench.decisions.asked import Asked, chosen
from losslearn_bench.decisions.jobs import MODELS, key_of, make_jobs, run_job
from losslearn_bench.decisions.problems import GENERATED, PROBLEMS, Problem
from losslearn_bench.decisions.table import make_page
from losslearn_bench.grid.jsonl import JsonLines
from losslearn_bench.grid.pool import run_all

REPETITIONS, MAX_ITER = 5, 2_000  # as many iterations as users get
_SMOKE_ITER = 4


def run_decisions(
    out: Path,
    *,
    problems: Sequence[str] = (),
    models: Sequence[str] = (),
    datasets: Sequence[str] = (),
    repetitions: int | None = None,
    jobs: int = 1,
    data_dir: Path | None = None,
    is_smoke: bool = False,
) -> list[str]:
    """Run what has no line yet in `decisions.jsonl`, and write `decisions.md`.

    Args:
        out: The folder of both.
        problems: Those of some metrics or full names; none for all.
        models: Those of `MODELS`; none for all.
        datasets: Those of some data sets; none for all.
        repetitions: Random splits; 5 if None, or 2 of a smoke run.
        jobs: Processes.
        data_dir: Folder of the data sets.
        is_smoke: Run generated rows, seconds of it, as `decisions_smoke`.

    Returns:
        What failed: a job's name, and why.

    Raises:
        ValueError: If a name is unknown.
    """
    for model in models:
        check_choice("method", model, MODELS)
    whole = [
        _asked(one)
        for one in PROBLEMS.values()
        if (one.dataset == GENERATED) == is_smoke
    ]
    file = JsonLines(out / f"decisions{'_smoke' if is_smoke else ''}.jsonl")
    left = make_jobs(
        chosen(whole, problems, datasets, called="problem"),
        models or MODELS,
        repetitions=repetitions or (2 if is_smoke else REPETITIONS),
        max_iter=_SMOKE_ITER if is_smoke else MAX_ITER,
        done=map(key_of, file.read()),
    )
    failed = []
    for job, lines, error in run_all(
        run_job, left, data_dir, n_workers=jobs, title="decisions"
    ):
        if error is not None:
            failed.append(f"{job.name}: {type(error).__name__}: {error}")
        file.append(lines)
    if lines := file.read():
        write_whole(file.path.with_suffix(".md"), make_page(lines).encode())
    return failed


def _asked(problem: Problem) -> Asked:
    return Asked(problem.name, problem.dataset, problem.metric.__name__)
