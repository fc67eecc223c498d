"""What there is to run, and what a finished job says of it."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from losslearn_bench.decisions import peers
from losslearn_bench.decisions.deciding import Scores, values_of
from losslearn_bench.decisions.metrics import Array
from losslearn_bench.decisions.models import fit_lightgbm, fit_logistic, positives
from losslearn_bench.decisions.ours import fit_branches
from losslearn_bench.decisions.problems import PROBLEMS, Problem
from losslearn_bench.decisions.rows import Parts, load_parts
from losslearn_bench.grid.job import versions
from losslearn_bench.harness.machine import hardware
from losslearn_bench.harness.splits import seed_of

Line = dict[str, Any]
"""What is known of one model on one split of a problem."""

CONSTANTS = "constants"
_FITS: dict[str, Callable[[Parts, int], Any]] = {
    "logistic": fit_logistic,
    "lightgbm": fit_lightgbm,
}
_PEERS: dict[str, Callable[[Problem, Parts, int], Array]] = {
    "empulse_logit": peers.decide_by_cost_logit,
    "empulse_boost": peers.decide_by_cost_boost,
    "exponentiated_gradient": peers.decide_by_reductions,
}
OURS = ("linear", "mlp")
MODELS = (CONSTANTS, *_FITS, *_PEERS, *OURS)


class Job(NamedTuple):
    """A model on a split; one that does not know the metric is fitted for all."""

    model: str
    dataset: str
    repetition: int
    problems: tuple[str, ...]
    max_iter: int | None
    """Of our fits alone."""

    @property
    def name(self) -> str:
        """What it is called."""
        of = self.problems[0] if len(self.problems) == 1 else self.dataset
        return f"{of}, {self.model}, split {self.repetition}"

    @property
    def keys(self) -> list[tuple[object, ...]]:
        """What its lines are known by, the same as `key_of` gives."""
        own = (self.model, self.repetition, self.max_iter)
        return [(problem, *own) for problem in self.problems]


def key_of(line: Line) -> tuple[object, ...]:
    """Return what a line's problem, model and split are known by."""
    return tuple(line[name] for name in ("problem", "model", "repetition", "max_iter"))


def applies(model: str, problem: Problem) -> bool:
    """Whether a model is meant for a problem."""
    if model in ("empulse_logit", "empulse_boost"):
        return problem.costs is not None
    if model == "exponentiated_gradient":
        return problem.group is not None
    return model != CONSTANTS or problem.kind != "scores"


def make_jobs(
    problems: Sequence[str],
    models: Sequence[str],
    *,
    repetitions: int,
    max_iter: int,
    done: Iterable[tuple[object, ...]] = (),
) -> list[Job]:
    """Return what has no line yet, what is quick first."""
    known, found = set(done), []
    for model in models:
        steps = max_iter if model in OURS else None
        for repetition in range(repetitions):
            for dataset in dict.fromkeys(PROBLEMS[name].dataset for name in problems):
                whole = Job(model, dataset, repetition, (), steps)
                left = [
                    name
                    for name in problems
                    if PROBLEMS[name].dataset == dataset
                    and applies(model, PROBLEMS[name])
                    and whole._replace(problems=(name,)).keys[0] not in known
                ]
                groups = [left] if model in _FITS else [[name] for name in left]
                found += [whole._replace(problems=tuple(g)) for g in groups if g]
    return found


def run_job(job: Job, data_dir: Path | None) -> list[Line]:
    """Run a job and return its lines; what a worker does."""
    import torch

    torch.set_num_threads(1)
    parts = load_parts(job.dataset, job.repetition, data_dir)
    seed = seed_of(job.dataset, job.repetition)
    given = {"model": job.model, "repetition": job.repetition, "max_iter": job.max_iter}
    more = {
        "rows": [len(part.y) for part in parts],
        "versions": versions(),
        "hardware": hardware(),
    }
    problems = [PROBLEMS[name] for name in job.problems]
    return [
        {**given, **line, **more} for line in _lines_of(job, problems, parts, seed=seed)
    ]


def _lines_of(
    job: Job, problems: list[Problem], parts: Parts, *, seed: int
) -> Iterator[Line]:
    begin = time.perf_counter()
    fitted = _FITS[job.model](parts, seed) if job.model in _FITS else None
    seconds = time.perf_counter() - begin
    for problem in problems:
        if fitted is not None:
            both = (positives(fitted, part.x) for part in (parts.valid, parts.test))
            values, rule = values_of(problem, parts, Scores(*both))
            decided = peers.decide_with(problem, parts, fitted, seed)
            if decided is not None:
                values["peer"] = _value(problem, parts, decided)
            yield _line(problem, "", values, rule, seconds)
        elif job.max_iter is not None:
            for name, scores, lasted, verdict in fit_branches(
                problem, parts, job.model, max_iter=job.max_iter, seed=seed
            ):
                values, rule = values_of(problem, parts, scores)
                line = _line(problem, name, values, rule, lasted)
                yield {**line, "verdict": verdict}
        elif job.model == CONSTANTS:
            yield _line(problem, "", _constants(problem, parts), None, 0.0)
        else:
            begin = time.perf_counter()
            decided = _PEERS[job.model](problem, parts, seed)
            values = {"peer": _value(problem, parts, decided)}
            yield _line(problem, "", values, None, time.perf_counter() - begin)


def _line(
    problem: Problem,
    branch: str,
    values: dict[str, float],
    rule: dict[str, Any] | None,
    seconds: float,
) -> Line:
    found = {"problem": problem.name, "branch": branch, "values": values}
    return {**found, "rule": rule, "seconds": round(seconds, 3)}


def _value(problem: Problem, parts: Parts, decided: Array) -> float:
    return problem.value(parts.test.y, decided, parts.test.columns(problem))


def _constants(problem: Problem, parts: Parts) -> dict[str, float]:
    """Return nobody, everybody, and the one that is better on the validation rows."""
    valid, n_rows = parts.valid, len(parts.test.y)
    both = {"nobody": 0, "everybody": 1}
    found = {
        name: _value(problem, parts, np.full(n_rows, one)) for name, one in both.items()
    }
    columns = valid.columns(problem)
    better = max(
        both,
        key=lambda one: problem.value(
            valid.y, np.full(len(valid.y), both[one]), columns
        ),
    )
    return {**found, "nothing": found[better]}
