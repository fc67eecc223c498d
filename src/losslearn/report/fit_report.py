"""What a fit reports: each method on the validation rows, and what to make of it."""

from typing import Any

import torch
from torch import Tensor, nn

from losslearn.metrics import TrueLoss
from losslearn.metrics.sets import Sets
from losslearn.models.networks import MODELS, exact_scores
from losslearn.report.methods import LEARNED
from losslearn.report.verdict import verdict
from losslearn.tasks.task import Rule, Task, fit_rule
from losslearn.training.comparison import Comparison
from losslearn.training.loop import TrainingData


def judge_methods(
    comparison: Comparison,
    model: nn.Module,
    data: TrainingData,
    true_loss: TrueLoss,
    task: Task,
) -> tuple[dict[str, dict[str, Any]], Tensor, Rule]:
    """Return what each method's best weights come to on the validation rows.

    Args:
        comparison: Of the fit.
        model: Whose weights they are; ends with those of the chosen method.
        data: The validation rows.
        true_loss: What was trained for.
        task: Knows the rules to decide by.

    Returns:
        The result of each method; the chosen one's scores, and its rule.
    """
    results: dict[str, dict[str, Any]] = {}
    # the chosen method last: its weights stay in the model, its scores at hand
    for name in sorted(comparison.runs, key=lambda name: name == comparison.chosen):
        run = comparison.runs[name]
        model.load_state_dict(run.best_state)
        score = exact_scores(model, data.x_valid, rows=data.valid_rows)
        sets = Sets(data.y_valid, score, None, data.valid_columns)
        rule, loss = fit_rule(task, true_loss, sets)
        numbers = rule.to_dict()
        results[name] = {
            "role": "learned" if name == LEARNED else "usual",
            "method": name,
            "predictor": _predictor_name(model),
            "rule": numbers,
            **{key: value for key, value in numbers.items() if key != "kind"},
            # a metric of one's own was trained for on a coarser grid of rules
            "validation": loss if depends_on(rule, true_loss) else run.best_loss,
            "seconds": run.seconds,
            "iterations": run.n_iter,
        }
    return results, score, rule


def depends_on(rule: Rule, true_loss: TrueLoss) -> bool:
    """Return whether the loss judges decisions by the rule, not the scores as such."""
    return rule.judged(true_loss) is not true_loss


def _predictor_name(model: nn.Module) -> str:
    """Return the name that the package knows a model by, else that of its class."""
    known = (name for name, kind in MODELS.items() if type(model) is kind)
    return next(known, type(model).__name__)


def make_report(
    comparison: Comparison,
    results: dict[str, dict[str, Any]],
    true_loss: TrueLoss,
    task: Task,
    *,
    rule: Rule,
    n_train: int,
    y_valid: Tensor,
) -> dict[str, Any]:
    """Return the report of a fit, of nothing but what JSON knows.

    Args:
        comparison: Of the fit.
        results: Of each method, by `judge_methods`.
        true_loss: What was trained for.
        task: Says what the rows are drawn by.
        rule: Of the chosen method.
        n_train: Rows trained on.
        y_valid: Targets of the validation rows.
    """
    n_valid = len(y_valid)
    n_rarest = int(torch.bincount(task.strata(y_valid).long()).min())
    decided = rule.to_dict()["kind"] if depends_on(rule, true_loss) else None
    return {
        "task": task.name,
        "metric": true_loss.name,
        "rows": {"train": n_train, "validation": n_valid},
        "results": [results[name] for name in comparison.runs],
        "chosen": comparison.chosen,
        "difference": comparison.difference.value,
        "standard_error": comparison.difference.standard_error,
        "judged_by": decided,
        "verdict": verdict(
            comparison,
            true_loss,
            rows=f"{n_valid:,} validation rows, {n_rarest:,} of them of the rarest "
            "kind",
            rule=decided,
        ),
    }
