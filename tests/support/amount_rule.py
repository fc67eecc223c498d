"""A rule that looks at an amount besides the score."""

from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from losslearn.metrics.columns import NO_COLUMNS, Columns


@dataclass(frozen=True)
class WorthIt:
    """Calls a row positive where score and amount together reach a number."""

    least: float
    columns: ClassVar[tuple[str, ...]] = ("amount",)

    def judged(self, true_loss):
        if not true_loss.needs_threshold:
            return true_loss

        def judge(sets):
            decided = self.decide(sets.score, sets.columns).double()
            return true_loss.with_threshold(0.5)(sets._replace(score=decided))

        return judge

    def decide(self, score: Tensor, columns: Columns = NO_COLUMNS) -> Tensor:
        return (score + columns["amount"] >= self.least).long()

    def to_dict(self) -> dict[str, Any]:
        return {"kind": "worth", "least": self.least}
