"""The rules that look at the score alone, or not even at that."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from losslearn.metrics import Loss, Sets, TrueLoss
from losslearn.metrics.columns import NO_COLUMNS, Columns


def judged_by(rule: Any, true_loss: TrueLoss) -> Loss:  # noqa: ANN401 - any rule
    """Return the loss of sets whose rows a rule decides on first."""
    of_decisions = true_loss.of_decisions()

    def loss(sets: Sets) -> Tensor:
        decided = rule.decide(sets.score, sets.columns)
        return of_decisions(sets._replace(score=decided.to(sets.score.dtype)))

    return loss


@dataclass(frozen=True)
class ConstantRule:
    """Calls every row positive, or none."""

    kind: Literal["nobody", "everybody"]
    columns: ClassVar[Sequence[str]] = ()

    def judged(self, true_loss: TrueLoss) -> Loss:
        """Return the loss of these decisions; one of scores judges the scores."""
        return judged_by(self, true_loss) if true_loss.needs_rule else true_loss

    def decide(self, score: Tensor, columns: Columns = NO_COLUMNS) -> Tensor:
        """Return 1 for each row, or 0."""
        del columns
        return torch.full_like(score, self.kind == "everybody", dtype=torch.long)

    def to_dict(self) -> dict[str, Any]:
        """Return which."""
        return {"kind": self.kind}


@dataclass(frozen=True)
class ThresholdRule:
    """Calls a row positive where its score reaches the threshold."""

    threshold: float
    columns: ClassVar[Sequence[str]] = ()

    def judged(self, true_loss: TrueLoss) -> Loss:
        """Return the loss at the threshold; one that has none judges the scores."""
        if not true_loss.needs_rule:
            return true_loss
        return true_loss.with_threshold(self.threshold)

    def decide(self, score: Tensor, columns: Columns = NO_COLUMNS) -> Tensor:
        """Return 1 for the rows called positive, else 0."""
        del columns
        return (score >= self.threshold).long()

    def to_dict(self) -> dict[str, Any]:
        """Return the kind of the rule and its threshold."""
        return {"kind": "threshold", "threshold": self.threshold}
