"""Running the comparison of strong models: what is missing, then the table of all."""

from collections.abc import Sequence
from pathlib import Path

from losslearn.report.figures import write_whole
from losslearn_bench.checks import check_choice
from losslearn_bench.decisions.asked import Asked, chosen
from losslearn_bench.decisions.problems import GENERATED
from losslearn_bench.grid.jsonl import JsonLines
from losslearn_bench.grid.pool import run_all
from losslearn_bench.strong.goals import GOALS, Goal
from losslearn_bench.strong.jobs import MODELS, key_of, make_jobs, run_job
from losslearn_bench.strong.table import make_page

_SMOKE_MODELS = ("lightgbm", "mlp")


def run_strong(
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
    """Run what has no line yet in `strong.jsonl`, and write `strong.md`.

    Args:
        out: The folder of both.
        problems: Goals of some metrics or full names; none for all.
        models: Those of `MODELS`; none for all.
        datasets: Those of some data sets; none for all.
        repetitions: Random splits; 5 if None, 3 of what takes long, 1 of a smoke run.
        jobs: Processes.
        data_dir: Folder of the data sets.
        is_smoke: Run generated rows, seconds of it, as `strong_smoke`.

    Returns:
        What failed: a goal or a job, and why.

    Raises:
        ValueError: If a name is unknown.
    """
    for model in models:
        check_choice("method", model, MODELS)
    whole = [
        _asked(one)
        for one in GOALS.values()
        if (one.problem.dataset == GENERATED) == is_smoke
    ]
    file = JsonLines(out / f"strong{'_smoke' if is_smoke else ''}.jsonl")
    if is_smoke:
        models = models or _SMOKE_MODELS
        repetitions = repetitions or 1
    left = make_jobs(
        chosen(whole, problems, datasets, called="goal", has="is"),
        models or MODELS,
        repetitions=repetitions,
        done=[key_of(line) for line in file.read() if "error" not in line],
    )
    failed = []
    for job, lines, error in run_all(
        run_job, left, data_dir, n_workers=jobs, title="strong"
    ):
        if error is not None:
            failed.append(f"{job.name}: {type(error).__name__}: {error}")
        failed += [
            f"{line['goal']}, {job.model}, split {job.repetition}: {line['error']}"
            for line in lines
            if "error" in line
        ]
        file.append(lines)
    if lines := file.read():
        write_whole(file.path.with_suffix(".md"), make_page(lines).encode())
    return failed


def _asked(goal: Goal) -> Asked:
    return Asked(goal.name, goal.problem.dataset, goal.metric)
