"""What there is to run, and the line of each fit."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from losslearn_bench.decisions.deciding import Scores
from losslearn_bench.decisions.problems import GENERATED
from losslearn_bench.decisions.rows import Parts
from losslearn_bench.grid.job import Line, versions
from losslearn_bench.harness.machine import hardware
from losslearn_bench.strong.formulas import fit_formula, has_formula
from losslearn_bench.strong.goals import GOALS, PLANS, Goal
from losslearn_bench.strong.judging import Outcome, decided, plain, stopped
from losslearn_bench.strong.ours import fit_ours
from losslearn_bench.strong.outside import OUTSIDE, Booster
from losslearn_bench.strong.rows import load_parts

MODELS = tuple(PLANS)
AUTO = "auto"
METHODS = ("usual", "usual_decided", "usual_stopped", "trained", "formula")
"""The usual loss decided at 1/2, then by the best decision, then stopped by the metric
besides; what the estimator chose; what knows the metric's formula."""

Key = tuple[str, str, int]
"""Goal, model and split."""


class Job(NamedTuple):
    """A model on a split, for all goals of a data set."""

    model: str
    dataset: str
    repetition: int
    goals: tuple[str, ...]

    @property
    def name(self) -> str:
        """What it is called."""
        return f"{self.dataset}, {self.model}, split {self.repetition}"


def key_of(line: Line) -> Key:
    """Return what a line's goal, model and split are known by."""
    return line["goal"], line["model"], line["repetition"]


def make_jobs(
    goals: Sequence[str],
    models: Sequence[str],
    *,
    repetitions: int | None,
    done: Iterable[Key] = (),
) -> list[Job]:
    """Return what has no line yet: the first split of everything, then the next.

    So a run that is stopped early has something of all.
    """
    known, found = set(done), []
    most = [repetitions or PLANS[model].repetitions for model in models]
    for repetition in range(max(most, default=0)):
        for model, own in zip(models, most, strict=True):
            if repetition >= own:
                continue
            left: dict[str, list[str]] = {}
            for name in goals:
                goal, key = GOALS[name], (name, model, repetition)
                if PLANS[model].holds(goal) and key not in known:
                    left.setdefault(goal.problem.dataset, []).append(name)
            found += [
                Job(model, dataset, repetition, tuple(names))
                for dataset, names in left.items()
            ]
    return found


def run_job(job: Job, data_dir: Path | None) -> list[Line]:
    """Run a job and return its lines; what a worker does.

    A goal that fails has a line with the `error` alone, and is run again by the next
    run.
    """
    import torch

    torch.set_num_threads(1)
    if job.dataset != GENERATED:
        _compile(job.model)
    parts = load_parts(job.dataset, job.repetition, data_dir)
    seed = job.repetition
    boosters = {
        name: fit(parts, seed)
        for name, fit in OUTSIDE.items()
        if job.model in (name, AUTO)
    }
    more = {
        "rows": [len(part.y) for part in parts],
        "versions": versions(),
        "hardware": hardware(),
    }
    lines = []
    for name in job.goals:
        known = {
            "goal": name,
            "dataset": job.dataset,
            "metric": GOALS[name].metric,
            "model": job.model,
            "repetition": job.repetition,
        }
        try:
            found = line_of(GOALS[name], parts, job.model, boosters, seed)
        except Exception as error:  # noqa: BLE001 - other goals go on
            found = {"error": f"{type(error).__name__}: {error}"}
        lines.append({**known, **found, **more})
    return lines


@cache
def _compile(model: str) -> None:
    """Fit a few rows, so that no fit's seconds are those of a process's first one."""
    with suppress(Exception):  # which the fits themselves tell
        fit_ours(GOALS[f"{GENERATED}: f1"], load_parts(GENERATED, 0, None), model, 0)


def line_of(
    goal: Goal, parts: Parts, model: str, boosters: dict[str, Booster], seed: int
) -> Line:
    """Return the losses of every method on a goal, with what is known of the fit."""
    ours = fit_ours(goal, parts, model, seed)
    facts, losses = dict(ours.facts), {"trained": ours.chosen}
    seconds: dict[str, float] = facts.pop("seconds")
    losses |= {f"branch_{role}": found for role, found in ours.branches.items()}
    timed = _Timed(seconds)
    if model == AUTO:
        for name, booster in boosters.items():
            seconds[name] = booster.seconds
            usual = booster.at(booster.n_best)
            losses[name], _ = decided(goal, parts, usual)
    elif model in boosters:
        booster = boosters[model]
        seconds["usual"] = booster.seconds
        losses |= _of_booster(goal, parts, booster, facts, timed)
    elif ours.usual is not None:  # its own control is stopped by the metric
        seconds["usual"] = seconds["control"]
        losses["usual"] = plain(goal, parts, ours.usual)
        losses["usual_decided"], _ = decided(goal, parts, ours.usual)
        losses["usual_stopped"] = ours.branches["usual"]
    if model == "lightgbm" and has_formula(goal):
        forms: list[Scores] = timed("formula", lambda: fit_formula(goal, parts, seed))
        ways = [decided(goal, parts, scores)[0] for scores in forms]
        losses["formula"] = min(ways, key=lambda way: way.valid)
    return {
        "losses": {name: found._asdict() for name, found in losses.items()},
        **facts,
        "seconds": {name: round(spent, 3) for name, spent in seconds.items()},
    }


def _of_booster(
    goal: Goal,
    parts: Parts,
    booster: Booster,
    facts: dict[str, Any],
    timed: "_Timed",
) -> Iterator[tuple[str, Outcome]]:
    """Yield the losses of a booster by its usual loss, and tell of it."""
    usual = booster.at(booster.n_best)
    yield "usual", plain(goal, parts, usual)
    found, rule = timed("usual_decided", lambda: decided(goal, parts, usual))
    yield "usual_decided", found
    n_trees = timed("usual_stopped", lambda: stopped(goal, parts, booster))
    yield "usual_stopped", decided(goal, parts, booster.at(n_trees))[0]
    facts |= {
        "usual_trees": booster.n_best,
        "stopped_trees": n_trees,
        "usual_rule": rule,
    }


class _Timed:
    """Notes how long calls take."""

    def __init__(self, seconds: dict[str, float]) -> None:
        self._seconds = seconds

    def __call__(self, name: str, call: Callable[[], Any]) -> Any:  # noqa: ANN401 - what it returns
        begin = time.perf_counter()
        found = call()
        self._seconds[name] = time.perf_counter() - begin
        return found
