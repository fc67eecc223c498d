"""Deciding by the scores of a model: by threshold, formula or learned rule."""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from losslearn import tune_decision
from losslearn_bench.decisions.metrics import Array
from losslearn_bench.decisions.problems import Problem, formula
from losslearn_bench.decisions.rows import Parts

_MOST_CUTS = 200


class Scores(NamedTuple):
    """Probabilities of a model, of the validation and the test rows."""

    valid: NDArray[np.float64]
    test: NDArray[np.float64]


class Counted:
    """A metric that counts its calls."""

    def __init__(self, metric: Callable[..., float]) -> None:
        """Wrap a metric; `function` has its signature."""
        self.calls = 0

        @wraps(metric)
        def function(*given: Array, **columns: Array) -> float:
            self.calls += 1
            return metric(*given, **columns)

        self.function = function


def best_threshold(problem: Problem, parts: Parts, p: Array) -> float:
    """Return the threshold of the highest value on the validation rows.

    All cut points between their probabilities are tried, or 200 with equal shares of
    the rows between; to call nobody or everybody are among them.
    """
    valid, columns = parts.valid, parts.valid.columns(problem)
    ordered = np.sort(p)
    if len(np.unique(p)) < _MOST_CUTS:
        ordered = np.unique(p)
    places = np.linspace(0, len(ordered) - 1, _MOST_CUTS - 1).round().astype(int)
    cuts = [*np.unique(ordered[places]), np.inf]
    values = [problem.value(valid.y, (p >= c).astype(int), columns) for c in cuts]
    return float(cuts[int(np.nanargmax(values))])


def values_of(
    problem: Problem, parts: Parts, scores: Scores
) -> tuple[dict[str, float], dict[str, Any] | None]:
    """Return the test value of each way to decide, and what the learned rule is.

    Of a metric of scores there is nothing to decide.
    """
    valid, test = parts.valid, parts.test
    columns = test.columns(problem)

    def value(decided: Array) -> float:
        return problem.value(test.y, decided, columns)

    if problem.kind == "scores":
        return {"scores": value(scores.test)}, None
    threshold = best_threshold(problem, parts, scores.valid)
    found = {"threshold": value((scores.test >= threshold).astype(int))}
    if problem.costs is not None:
        found["formula"] = value(formula(scores.test, problem.costs(columns)))
    counted, begin = Counted(problem.metric), time.perf_counter()
    decision = tune_decision(
        valid.y,
        scores.valid,
        counted.function,
        columns=valid.columns(problem) or None,
        greater_is_better=True,
    )
    seconds = time.perf_counter() - begin
    found["rule"] = value(decision.decide(scores.test, columns or None))
    rule = {
        "kind": decision.rule,
        "tried": decision.tried,
        "calls": counted.calls,
        "seconds": round(seconds, 3),
    }
    return found, rule
