"""Models that know nothing of the true loss while they train, and the choice of one."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from torch import Tensor

from losslearn.metrics import TrueLoss
from losslearn_bench.harness.budget import Setting
from losslearn_bench.harness.method import Fitted, lowest
from losslearn_bench.harness.rows import TrainingData


class Candidate(NamedTuple):
    """A model trained with one setting."""

    setting: Setting
    score: Callable[[Tensor], Tensor]
    """Maps rows `[rows, features]` to raw scores `[rows]`."""
    iterations: int


def choose(
    true_losses: Sequence[TrueLoss], candidates: Sequence[Candidate], data: TrainingData
) -> list[Fitted]:
    """Return for each loss the candidate that it values lowest on the validation rows.

    A loss that needs a threshold is taken at its best one. A value that is not a number
    counts as worst; the earlier of two equals is taken.
    """
    y_scores = [candidate.score(data.x_valid) for candidate in candidates]
    results = []
    for true_loss in true_losses:
        losses = [float(true_loss(data.valid.whole(one))) for one in y_scores]
        setting, score, n_iter = candidates[lowest(losses)]
        tried = [
            {"setting": candidate.setting, "validation": loss}
            for candidate, loss in zip(candidates, losses, strict=True)
        ]
        results.append(Fitted(true_loss.name, score, setting, tried, n_iter))
    return results
