"""What a fit reports: both methods on the validation rows, and what to make of it."""

from typing import Any, NamedTuple

import torch

from losslearn.metrics import Sets, TrueLoss
from losslearn.metrics.own.given import (
    given_sentence,
    raised_sentence,
    undefined_sentence,
)
from losslearn.models.predictor import Predictor
from losslearn.models.rows import Rows
from losslearn.report.constraints import constraint_values
from losslearn.report.verdict import verdict
from losslearn.tasks.task import Rule, Task
from losslearn.training.comparison import LEARNED, Comparison, spared_rule


class Judged(NamedTuple):
    """What each method's best weights come to on the validation rows."""

    results: list[dict[str, Any]]
    """Role, method, predictor, rule, loss, seconds and iterations of each."""
    rule: Rule
    """The chosen method's."""
    sets: Sets
    """The validation rows with the chosen method's scores."""
    constraints: list[dict[str, Any]]
    """What each method's decisions on them come to (see `constraint_values`)."""


def judge_methods(
    comparison: Comparison,
    predictor: Predictor,
    valid: Rows,
    true_loss: TrueLoss,
    task: Task,
    *,
    predictor_name: str,
) -> Judged:
    """Return what each method's best weights come to on the validation rows.

    The predictor, whose weights they are, ends with those of the chosen method.
    """
    found, constraints = {}, {}
    # the chosen method last: its weights stay in the model, its scores at hand
    for name in sorted(comparison.runs, key=lambda name: name == comparison.chosen):
        run = comparison.runs[name]
        predictor.load_weights(run.best_state)
        sets = valid.whole(predictor.predict(valid, exactly=True))
        rule, loss = spared_rule(task, true_loss, sets, comparison.sparing)
        numbers = rule.to_dict()
        decisions = rule.decide(sets.score, sets.columns).to(sets.score.dtype)
        constraints[name] = [
            {"method": name, "constraint": one.pop("constraint"), "validation": one}
            for one in constraint_values(true_loss, sets._replace(score=decisions))
        ]
        found[name] = {
            "role": "learned" if name == LEARNED else "usual",
            "method": name,
            "predictor": predictor_name,
            "rule": numbers,
            **{key: value for key, value in numbers.items() if key != "kind"},
            # a metric of one's own was trained for on a coarser grid of decisions
            "validation": loss if true_loss.needs_rule else run.best_loss,
            "seconds": run.seconds,
            "iterations": run.n_iter,
        }
    by_method = [one for name in comparison.runs for one in constraints[name]]
    return Judged([found[name] for name in comparison.runs], rule, sets, by_method)


def make_report(
    comparison: Comparison,
    judged: Judged,
    true_loss: TrueLoss,
    task: Task,
    *,
    n_train: int,
) -> dict[str, Any]:
    """Return the report of a fit, of nothing but what JSON knows."""
    target = judged.sets.target
    n, rarer = len(target), int(torch.bincount(task.strata(target).long()).min())
    rule = judged.rule
    decided = rule.to_dict()["kind"] if true_loss.needs_rule else None
    sparing, judge = comparison.sparing, rule.judged(true_loss)
    given = sparing(lambda: given_sentence(true_loss, judge, judged.sets), lambda: None)
    failed = str(sparing) if sparing.failure else raised_sentence(true_loss)
    rows = f"{n:,} validation rows, {rarer:,} of them of the rarest kind"
    constrained = {}
    if judged.constraints:
        constrained = {"constraints": judged.constraints, "penalty": true_loss.penalty}
    return {
        "task": task.name,
        "metric": true_loss.name,
        "rows": {"train": n_train, "validation": n},
        "results": judged.results,
        "chosen": comparison.chosen,
        "difference": comparison.difference.value,
        "standard_error": comparison.difference.standard_error,
        "judged_by": decided,
        "verdict": verdict(comparison, true_loss, rows=rows, rule=decided),
        "given": given,
        "undefined": undefined_sentence(true_loss),
        "interrupted": comparison.interrupted,
        "failures": [] if failed is None else [failed],
        **constrained,
    }
