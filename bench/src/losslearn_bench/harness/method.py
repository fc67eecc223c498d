"""What a method of the benchmark is: rows to train and choose by in, scores out."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, NamedTuple

from torch import Tensor

from losslearn.metrics import TrueLoss
from losslearn_bench.harness.budget import Budget, Setting
from losslearn_bench.harness.rows import TrainingData


class Fitted(NamedTuple):
    """One trained model, chosen for one true loss."""

    metric: str
    """Full name of the true loss that this result was chosen for."""
    score: Callable[[Tensor], Tensor]
    """Maps rows `[rows, features]`, float32, to raw scores `[rows]`."""
    setting: Setting
    """The hyper-parameters chosen on the validation rows."""
    tried: list[dict[str, Any]]
    """Every setting tried: `{"setting": {...}, "validation": loss}`."""
    iterations: int
    """Model steps or boosting rounds taken for the final model."""
    threshold: float | None = None
    """The method's own, which is then measured; None leaves it to the benchmark, which
    tunes one on the validation rows."""


class Request(NamedTuple):
    """What a method is asked for."""

    data: TrainingData
    true_losses: Sequence[TrueLoss]
    tier: str
    budget: Budget
    seed: int


@dataclass(frozen=True)
class Method(ABC):
    """Anything that can be put into the benchmark.

    A method gets training and validation rows, never test rows; the threshold is tuned
    by the benchmark, on its validation scores.
    """

    name: str
    """What result lines call it."""
    title: str
    """What tables call it."""
    _: KW_ONLY
    tiers: tuple[str, ...]
    """The model classes it can train."""
    metrics: tuple[str, ...] | None = None
    """Full names of the true losses it is meant for; None for all."""
    trains_once: bool = True
    """Whether one call of `fit` for many losses saves work."""
    modules: tuple[str, ...] = ()
    """What it imports of other people's packages."""

    def fit(
        self,
        data: TrainingData,
        true_losses: Sequence[TrueLoss],
        *,
        tier: str,
        budget: Budget,
        seed: int,
    ) -> list[Fitted]:
        """Train, choose by the validation rows, and return one result per loss.

        Raises:
            ImportError: If a package that it needs is not installed.
            ValueError: If the tier or a loss is not one of its own, or the training
                rows hold one class only.
        """
        if tier not in self.tiers:
            raise ValueError(
                f"`tier` of {self.name!r} must be one of {self.tiers}, got {tier!r}."
            )
        names = [loss.name for loss in true_losses]
        own = self.metrics or names
        if unfit := [name for name in names if name not in own]:
            raise ValueError(
                f"{self.name!r} trains for {', '.join(own)} only, got "
                f"{', '.join(unfit)}. Ask another method for it."
            )
        return self.answer(Request(data, true_losses, tier, budget, seed))

    @abstractmethod
    def answer(self, request: Request) -> list[Fitted]:
        """Return what `fit` does, for what the method can do."""


def lowest(losses: Sequence[float]) -> int:
    """Return the place of the lowest loss, the first of several; NaN is worst.

    Example:
        >>> lowest([float("nan"), 0.2, 0.1, 0.1])
        2
    """
    known = [math.inf if math.isnan(loss) else loss for loss in losses]
    return known.index(min(known))
