"""What scores come to by a goal, each way to decide."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from losslearn import tune_decision
from losslearn_bench.decisions.deciding import Scores, best_threshold
from losslearn_bench.decisions.metrics import Array
from losslearn_bench.decisions.problems import Columns, formula
from losslearn_bench.decisions.rows import Parts
from losslearn_bench.strong.goals import Goal
from losslearn_bench.strong.outside import Booster

Decide = Callable[[NDArray[np.float64], Columns], Array]
"""Decides on rows by their scores, and by what is known of them."""


class Outcome(NamedTuple):
    """The losses of scores, as they are decided."""

    test: float
    valid: float
    """Of the rows that the decision was learned from."""


def outcome(goal: Goal, parts: Parts, scores: Scores, decide: Decide | None) -> Outcome:
    """Return the losses of scores; of a metric of scores, nothing is decided."""
    found = []
    for part, score in ((parts.test, scores.test), (parts.valid, scores.valid)):
        columns = part.columns(goal.problem)
        given = score if decide is None else decide(score, columns)
        found.append(goal.loss(goal.problem.value(part.y, given, columns)))
    return Outcome(*found)


def plain(goal: Goal, parts: Parts, scores: Scores) -> Outcome:
    """Return the losses of log-odds, decided at 1/2."""

    def decide(score: Array, _: Columns) -> Array:
        return (score >= 0).astype(np.int64)

    return outcome(goal, parts, scores, decide if goal.has_decisions else None)


def decided(goal: Goal, parts: Parts, scores: Scores) -> tuple[Outcome, str]:
    """Return the losses of log-odds by the best decision, and what it is."""
    if not goal.has_decisions:
        return outcome(goal, parts, scores, None), ""
    found = tune_decision(
        parts.valid.y,
        expit(scores.valid),
        goal.aim,
        columns=parts.valid.columns(goal.problem) or None,
        greater_is_better=goal.greater_is_better,
    )

    def decide(score: Array, columns: Columns) -> Array:
        return found.decide(expit(score), columns or None)

    return outcome(goal, parts, scores, decide), found.rule


def stopped(goal: Goal, parts: Parts, booster: Booster) -> int:
    """Return the number of trees whose validation rows are best by the metric.

    Each is decided by what is quickly had: the best threshold and, where the metric is
    money, the formula of expected costs, whichever is better. Ties go to log-loss's own
    number, then to fewer trees.
    """
    values = {n: _quick_value(goal, parts, booster.at(n).valid) for n in booster.counts}
    return max(values, key=lambda n: (values[n], n == booster.n_best, -n))


def _quick_value(goal: Goal, parts: Parts, score: Array) -> float:
    problem, valid = goal.problem, parts.valid
    columns = valid.columns(problem)
    if not goal.has_decisions:
        return problem.value(valid.y, score, columns)
    threshold = best_threshold(problem, parts, score)
    ways = [(score >= threshold).astype(np.int64)]
    if problem.costs is not None:
        ways.append(formula(expit(score), problem.costs(columns)))
    return max(problem.value(valid.y, way, columns) for way in ways)
