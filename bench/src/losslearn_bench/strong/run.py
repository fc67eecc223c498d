"""Running the comparison of strong models: what is missing, then the table of all."""

from collections.abc import Sequence
from pathlib import Path

from losslearn.report.figures import write_whole
from losslearn_bench.checks import check_choice
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
    chosen = _chosen(problems, datasets, is_smoke=is_smoke)
    file = JsonLines(out / f"strong{'_smoke' if is_smoke else ''}.jsonl")
    if is_smoke:
        models = models or _SMOKE_MODELS
        repetitions = repetitions or 1
    left = make_jobs(
        chosen,
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


def _chosen(
    names: Sequence[str], datasets: Sequence[str], *, is_smoke: bool
) -> list[str]:
    whole = [
        one for one in GOALS.values() if (one.problem.dataset == GENERATED) == is_smoke
    ]
    known = [part for one in whole for part in _parts_of(one)]
    for name in (*names, *datasets):
        check_choice("goal", name, list(dict.fromkeys(known)))
    found = [
        one.name
        for one in whole
        if (not names or set(names).intersection(_parts_of(one)))
        and (not datasets or one.problem.dataset in datasets)
    ]
    if not found:
        raise ValueError(
            f"No goal is one of the metrics {', '.join(names)} on one of the data "
            f"sets {', '.join(datasets)}. Ask for fewer."
        )
    return found


def _parts_of(goal: Goal) -> tuple[str, str, str]:
    return goal.name, goal.problem.dataset, goal.metric
