"""What a fit reports: both methods on the validation rows, and what to make of it."""

from typing import Any

import torch
from torch import Tensor, nn

from losslearn.metrics import TrueLoss, get_true_loss
from losslearn.models.networks import exact_scores
from losslearn.report.verdict import verdict
from losslearn.tasks.thresholds import best_threshold
from losslearn.training.comparison import Comparison
from losslearn.training.loop import TrainingData


def judge_methods(
    comparison: Comparison, model: nn.Module, data: TrainingData, true_loss: TrueLoss
) -> tuple[dict[str, dict[str, Any]], Tensor]:
    """Return what each method's best weights come to on the validation rows.

    Args:
        comparison: Of the fit.
        model: Whose weights they are; ends with those of the chosen method.
        data: The validation rows.
        true_loss: What was trained for; for one without a threshold, that of the lowest
            error rate is found.

    Returns:
        Loss, threshold, seconds and iterations of each method; and the chosen one's
        scores.
    """
    tuned = true_loss if true_loss.needs_threshold else get_true_loss("error_rate")
    results = {}
    # the chosen method last: its weights stay in the model, its scores at hand
    for name in sorted(comparison.runs, key=lambda name: name == comparison.chosen):
        run = comparison.runs[name]
        model.load_state_dict(run.best_state)
        y_score = exact_scores(model, data.x_valid, rows=data.valid_rows)
        threshold, loss = best_threshold(
            tuned, data.y_valid, y_score, columns=data.valid_columns
        )
        results[name] = {
            "method": name,
            # a metric of one's own was trained for on a coarser grid of thresholds
            "validation": loss if tuned is true_loss else run.best_loss,
            "threshold": threshold,
            "seconds": run.seconds,
            "iterations": run.n_iter,
        }
    return results, y_score


def make_report(
    comparison: Comparison,
    results: dict[str, dict[str, Any]],
    true_loss: TrueLoss,
    *,
    n_train: int,
    y_valid: Tensor,
) -> dict[str, Any]:
    """Return the report of a fit, of nothing but what JSON knows.

    Args:
        comparison: Of the fit.
        results: Of each method, by `judge_methods`.
        true_loss: What was trained for.
        n_train: Rows trained on.
        y_valid: Targets of the validation rows.
    """
    return {
        "metric": true_loss.name,
        "rows": {"train": n_train, "validation": len(y_valid)},
        "results": [results[name] for name in comparison.runs],
        "chosen": comparison.chosen,
        "difference": comparison.difference.value,
        "standard_error": comparison.difference.standard_error,
        "verdict": verdict(
            comparison,
            true_loss,
            n_valid=len(y_valid),
            n_rarer=int(torch.bincount(y_valid.long()).min()),
        ),
    }
