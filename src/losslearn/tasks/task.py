# mypy: ignore-errors
# ruff: noqa
"""Stand-in of this branch for the `Task` protocol: only what tables and report ask."""

from typing import Any

from losslearn.metrics import TrueLoss
from losslearn.metrics.sets import Sets
from losslearn.tasks.options import Option

Task = Any
Rule = Any


def fit_rule(task, true_loss: TrueLoss, sets: Sets):  # noqa: ANN001, ANN201
    """Return the rule of the lowest loss on these rows, and that loss."""
    fitted = [fit(sets) for fit in task.rules(true_loss)]
    return min(fitted, key=lambda found: found[1])
