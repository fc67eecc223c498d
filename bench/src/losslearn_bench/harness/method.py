"""What a method of the benchmark is: rows to train and choose by in, scores out."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

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

    @property
    def modules(self) -> tuple[str, ...]:
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


def check_request(method: Method, true_losses: Sequence[TrueLoss], tier: str) -> None:
    """Check that a method is asked for what it can do.

    Raises:
        ValueError: If it does not train the tier, or is not meant for a loss.
    """
    name, tiers, metrics = method.name, method.tiers, method.metrics
    if tier not in tiers:
        raise ValueError(f"`tier` of {name!r} must be one of {tiers}, got {tier!r}.")
    unfit = [loss.name for loss in true_losses if metrics and loss.name not in metrics]
    if unfit:
        raise ValueError(
            f"{name!r} trains for {', '.join(metrics or ())} only, got "
            f"{', '.join(unfit)}. Ask another method for it."
        )


def lowest(losses: Sequence[float]) -> int:
    """Return the place of the lowest loss, the first of several; NaN is worst.

    Example:
        >>> lowest([float("nan"), 0.2, 0.1, 0.1])
        2
    """
    known = [math.inf if math.isnan(loss) else loss for loss in losses]
    return known.index(min(known))
