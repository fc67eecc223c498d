"""What each of these scripts reports: the test loss, beside that of cross-entropy."""

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from losslearn import Sets, get_true_loss, tune_threshold


def held_out_loss(
    metric: str, valid: tuple[ArrayLike, ArrayLike], test: tuple[ArrayLike, ArrayLike]
) -> float:
    """Return the loss of the test rows, at the threshold best for the validation rows.

    Args:
        metric: Its name.
        valid: Targets and scores of rows that were not trained on.
        test: Those of further rows.
    """
    true_loss = get_true_loss(metric)
    if true_loss.needs_threshold:
        true_loss = true_loss.with_threshold(tune_threshold(*_rows(valid), metric))
    y_true, y_score = _rows(test)
    return float(true_loss(Sets(y_true.long(), y_score)))


def print_table(metric: str, losses: dict[str, float]) -> None:
    """Print the test loss of each way of training."""
    print(f"{'trained for':<16}test {get_true_loss(metric).name}")
    for name, loss in losses.items():
        print(f"{name:<16}{loss:.4f}")


def _rows(values: tuple[ArrayLike, ArrayLike]) -> tuple[Tensor, Tensor]:
    y_true, y_score = (torch.as_tensor(part).reshape(-1) for part in values)
    return y_true, y_score
