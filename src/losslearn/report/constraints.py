"""What each constraint of a metric comes to, and in words."""

from collections.abc import Mapping
from typing import Any

import torch

from losslearn.metrics import Sets, TrueLoss
from losslearn.metrics.interval import loss_interval
from losslearn.report.verdict import method_name

PARTS = {"validation": "validation rows", "test": "test rows"}


def constraint_values(
    true_loss: TrueLoss, decided: Sets, *, seed: int = 0
) -> list[dict[str, Any]]:
    """Return what each constraint bounds on some rows, and whether it holds.

    Args:
        true_loss: Its constraints are meant.
        decided: One set of rows, with the decisions on them as scores.
        seed: Of the bootstrap.

    Returns:
        Of each the `constraint` in words, the `value`, its 95 % `interval`, and whether
        it `holds`; None where it has no value.
    """
    found = []
    for one in true_loss.constraints:
        generator = torch.Generator().manual_seed(seed)
        value = float(one(decided))
        found.append(
            {
                "constraint": one.name,
                "value": value,
                "interval": list(loss_interval(one, decided, generator=generator)),
                "holds": one.holds(value),
            }
        )
    return found


def describe_value(found: Mapping[str, Any], rows: str) -> str:
    """Return a value of `constraint_values` in words.

    Example:
        >>> found = {"value": 0.8, "interval": [0.7, 0.9], "holds": True}
        >>> describe_value(found, "test rows")
        '0.8000 [0.7000, 0.9000] on the test rows, holds'
    """
    low, high = found["interval"]
    kept = {True: "holds", False: "does not hold", None: "not known"}[found["holds"]]
    return f"{found['value']:.4f} [{low:.4f}, {high:.4f}] on the {rows}, {kept}"


def describe_constraint(found: Mapping[str, Any]) -> str:
    """Return what a method's decisions come to, in a line.

    Args:
        found: The `method`, the `constraint`, and by part of the rows a value.
    """
    parts = "; ".join(
        describe_value(found[part], rows)
        for part, rows in PARTS.items()
        if part in found
    )
    return f"{found['constraint']}, {method_name(found['method'])}: {parts}"
