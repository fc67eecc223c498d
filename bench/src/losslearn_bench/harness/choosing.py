"""Choosing among settings by the true loss of the validation rows."""

import math
from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

from torch import Tensor

from losslearn.metrics import TrueLoss
from losslearn.training.loop import TrainingData
from losslearn_bench.harness.budget import Budget
from losslearn_bench.harness.fitted import Fitted, Setting

T = TypeVar("T")


class Candidate(NamedTuple):
    """A model trained with one setting."""

    setting: Setting
    score: Callable[[Tensor], Tensor]
    """Maps rows `[rows, features]` to raw scores `[rows]`."""
    iterations: int


class Tuned(NamedTuple, Generic[T]):
    """What was trained in full with the setting chosen, and what it was chosen from."""

    trained: T
    setting: Setting
    tried: list[dict[str, object]]


def check_request(
    name: str,
    true_losses: Sequence[TrueLoss],
    tier: str,
    *,
    tiers: tuple[str, ...],
    metrics: tuple[str, ...] | None,
) -> None:
    """Check that a method is asked for what it can do.

    Raises:
        ValueError: If it does not train the tier, or is not meant for a loss.
    """
    if tier not in tiers:
        raise ValueError(f"`tier` of {name!r} must be one of {tiers}, got {tier!r}.")
    unfit = [loss.name for loss in true_losses if metrics and loss.name not in metrics]
    if unfit:
        raise ValueError(
            f"{name!r} trains for {', '.join(metrics or ())} only, got "
            f"{', '.join(unfit)}. Ask another method for it."
        )


def settings_to_try(grid: Sequence[Setting], budget: Budget) -> list[Setting]:
    """Return the first settings of a grid, as many as the budget tunes over."""
    settings = budget.settings(grid)
    return settings[:1] if budget.tuning == "none" else settings


def choose(
    true_losses: Sequence[TrueLoss],
    candidates: Sequence[Candidate],
    data: TrainingData,
) -> list[Fitted]:
    """Return for each loss the candidate that it values lowest on the validation rows.

    A loss that needs a threshold is taken at its best one. A value that is not a number
    counts as worst; the earlier of two equals is taken.
    """
    y_scores = [candidate.score(data.x_valid) for candidate in candidates]
    results = []
    for true_loss in true_losses:
        losses = [float(true_loss(data.y_valid, y_score)) for y_score in y_scores]
        best = candidates[_lowest(losses)]
        tried = [
            {"setting": candidate.setting, "validation": loss}
            for candidate, loss in zip(candidates, losses, strict=True)
        ]
        results.append(
            Fitted(true_loss.name, best.score, best.setting, tried, best.iterations)
        )
    return results


def tune(
    grid: Sequence[Setting],
    budget: Budget,
    train: Callable[[Setting, Budget], T],
    validation_loss: Callable[[T], float],
) -> Tuned[T]:
    """Train with the settings of a grid as the budget says, and keep the best.

    Args:
        grid: Settings, the default first.
        budget: How many of them are tried, and with which share of the iterations.
        train: Trains once with a setting, within a budget.
        validation_loss: Returns the loss of what was trained; lower is better.
    """
    settings = settings_to_try(grid, budget)
    is_short = budget.tuning == "short" and len(settings) > 1
    within = budget.shortened() if is_short else budget
    trained = [train(setting, within) for setting in settings]
    losses = [validation_loss(one) for one in trained]
    best = _lowest(losses)
    tried: list[dict[str, object]] = [
        {"setting": setting, "validation": loss}
        for setting, loss in zip(settings, losses, strict=True)
    ]
    chosen = train(settings[best], budget) if is_short else trained[best]
    return Tuned(chosen, settings[best], tried)


def _lowest(losses: Sequence[float]) -> int:
    """Return the place of the lowest loss, the first of several."""
    return min(
        range(len(losses)),
        key=lambda place: math.inf if math.isnan(losses[place]) else losses[place],
    )
