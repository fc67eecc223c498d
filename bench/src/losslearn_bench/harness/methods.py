"""What a method of the benchmark is: rows to train and choose by in, scores out."""

from collections.abc import Sequence
from typing import Protocol

from losslearn.metrics import TrueLoss
from losslearn.training.loop import TrainingData
from losslearn_bench.harness.budget import Budget
from losslearn_bench.harness.fitted import Fitted


class Method(Protocol):
    """Anything that can be put into the benchmark.

    A method gets training and validation rows, never test rows; the threshold is tuned
    by the benchmark, on its validation scores.
    """

    @property
    def name(self) -> str:
        """What result lines call it."""

    @property
    def title(self) -> str:
        """What tables call it."""

    @property
    def tiers(self) -> tuple[str, ...]:
        """The model classes it can train."""

    @property
    def metrics(self) -> tuple[str, ...] | None:
        """Full names of the true losses it is meant for; None for all."""

    @property
    def trains_once(self) -> bool:
        """Whether one call of `fit` for many losses saves work."""

    def fit(
        self,
        data: TrainingData,
        true_losses: Sequence[TrueLoss],
        *,
        tier: str,
        budget: Budget,
        seed: int,
    ) -> list[Fitted]:
        """Train, choose by the validation rows, and return one result per loss."""
