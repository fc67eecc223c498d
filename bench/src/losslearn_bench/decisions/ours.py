"""Our classifier: the branch that is trained for the metric, and its control."""

import warnings
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from losslearn import Recipe, SurrogateClassifier
from losslearn_bench.decisions.deciding import Scores
from losslearn_bench.decisions.problems import GENERATED, Problem
from losslearn_bench.decisions.rows import Parts

BRANCHES = {"surrogate": "trained", "cross_entropy": "control"}


class Branch(NamedTuple):
    """One of the two trainings of a fit."""

    name: str
    scores: Scores
    seconds: float
    verdict: str
    """What the fit says of training for the metric."""


def fit_branches(
    problem: Problem, parts: Parts, model: str, *, max_iter: int, seed: int
) -> list[Branch]:
    """Return both branches of a fit of a model, chosen or not.

    Sigmoids of the scores are their probabilities, whatever they mean.
    """
    recipe = Recipe(max_iter=max_iter)
    if problem.dataset == GENERATED:  # a look at everything, in seconds
        recipe = replace(recipe, mode="scratch")
    fit = SurrogateClassifier(
        problem.metric,
        model=model,
        greater_is_better=True,
        random_state=seed,
        recipe=recipe,
    )
    fit_on(fit, parts, problem)
    seconds = {one["method"]: one["seconds"] for one in fit.report_["results"]}
    both = [fit.method_scores(part.x) for part in (parts.valid, parts.test)]
    return [
        Branch(
            name,
            Scores(*(_sigmoid(scores[method]) for scores in both)),
            seconds[method],
            fit.report_["verdict"],
        )
        for method, name in BRANCHES.items()
    ]


def fit_on(fit: SurrogateClassifier, parts: Parts, problem: Problem) -> None:
    """Fit an estimator to a split, to choose by its validation rows."""
    train, valid = parts.train, parts.valid
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # is the verdict
        fit.fit(
            train.x,
            train.y,
            X_valid=valid.x,
            y_valid=valid.y,
            metric_columns=train.columns(problem) or None,
            metric_columns_valid=valid.columns(problem) or None,
        )


def _sigmoid(score: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-score.astype(float).clip(-36, 36))))
