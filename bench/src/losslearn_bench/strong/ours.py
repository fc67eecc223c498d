"""Our estimator: what it chose, and both of its branches."""

import time
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch

from losslearn import Recipe, SurrogateClassifier
from losslearn.metrics.columns import as_columns
from losslearn_bench.decisions.deciding import Scores
from losslearn_bench.decisions.metrics import Array
from losslearn_bench.decisions.ours import fit_on
from losslearn_bench.decisions.problems import GENERATED, Columns
from losslearn_bench.decisions.rows import Parts
from losslearn_bench.strong.goals import Goal
from losslearn_bench.strong.judging import Outcome, outcome

ROLES = ("learned", "usual")


class Trained(NamedTuple):
    """A fit."""

    chosen: Outcome
    branches: dict[str, Outcome]
    """By role, "learned" or "usual", where one method has it."""
    usual: Scores | None
    """Of the branch of the usual loss."""
    facts: dict[str, Any]
    """What a line says of the fit besides."""


class _Clock:
    """Knows when a universal start was last heard of."""

    def __init__(self) -> None:
        self.begin = self.last = time.perf_counter()

    def __call__(self, *_: object) -> None:
        self.last = time.perf_counter()


def fit_ours(goal: Goal, parts: Parts, model: str, seed: int) -> Trained:
    """Fit the estimator, as its users do, to choose by the validation rows given."""
    problem, clock = goal.problem, _Clock()
    is_smoke = problem.dataset == GENERATED  # a look at everything, in seconds
    fit = SurrogateClassifier(
        goal.aim,
        model=model,
        cv=1,
        refit=False,
        random_state=seed,
        recipe=Recipe(mode="scratch", max_iter=16) if is_smoke else None,
        greater_is_better=goal.greater_is_better,
        decision_columns=list(problem.columns) if goal.has_decisions else (),
        fit_progress=clock,
    )
    fit_on(fit, parts, problem)
    seconds = time.perf_counter() - clock.begin
    by_part = [fit.method_scores(part.x) for part in (parts.valid, parts.test)]
    found, scores = {}, {}
    for name, rule in fit.method_rules_.items():
        decide = partial(_decide, rule) if goal.has_decisions else None
        scores[name] = Scores(*(own[name].astype(np.float64) for own in by_part))
        found[name] = outcome(goal, parts, scores[name], decide)
    results = {one["method"]: one for one in fit.report_["results"]}
    roles = _roles(results)
    facts = {
        "chosen": fit.report_["chosen"],
        "accepted": results[fit.report_["chosen"]]["role"] == "learned",
        "verdict": fit.report_["verdict"],
        "n_trees": _n_trees(fit.model_),
        **_looks(fit.history_, roles.get("learned")),
        "seconds": {"estimator": seconds, "start": clock.last - clock.begin},
    }
    if "usual" in roles:
        facts["seconds"]["control"] = results[roles["usual"]]["seconds"]
    return Trained(
        found[fit.report_["chosen"]],
        {role: found[name] for role, name in roles.items()},
        scores.get(roles.get("usual", "")),
        facts,
    )


def _decide(rule: Any, score: Array, columns: Columns) -> Array:  # noqa: ANN401 - of any kind
    given = as_columns(
        {name: columns[name] for name in rule.columns},
        rule.columns,
        n_rows=len(score),
        metric="decision",
        argument="columns",
    )
    decided: Array = rule.decide(torch.from_numpy(score), given).numpy()
    return decided


def _roles(results: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Return the method of each role, where one alone has it."""
    names = {
        role: [name for name, one in results.items() if one["role"] == role]
        for role in ROLES
    }
    return {role: found[0] for role, found in names.items() if len(found) == 1}


def _n_trees(model: object) -> int | None:
    """Return how many trees a fitted module has; None of what is none of trees."""
    trees = getattr(model, "trees", None)
    return None if trees is None else int(trees.n_rounds)


def _looks(history: list[dict[str, Any]], method: str | None) -> dict[str, Any]:
    """Return the best look of the learned loss, and how healthy its last one was."""
    looks = [one for one in history if one["method"] == method]
    if not looks:
        return {"best_iter": None, "cosine": None}
    best = min(looks, key=lambda look: look["validation_loss"])
    read = [one["cosine"] for one in looks if np.isfinite(one["cosine"])]
    return {
        "best_iter": best["iteration"],
        "cosine": round(read[-1], 3) if read else None,
    }
