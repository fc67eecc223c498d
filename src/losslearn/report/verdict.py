"""One sentence on whether training for the metric helped, and when not, why."""

import math

from losslearn.metrics import TrueLoss
from losslearn.metrics.as_written import as_written
from losslearn.training.branches import LEARNED
from losslearn.training.comparison import Comparison

_WIDE = 0.05
"""A standard error above this share of the loss tells little."""
_SURE = 2.0
"""Standard errors from which on a gain is told without "probably"."""
_FEW = 30
"""Rows of the rarest stratum below which chance hides every gain."""
_LITTLE_TRUST = 0.25


def method_name(method: str) -> str:
    """Return a method as words.

    Example:
        >>> method_name("surrogate"), method_name("squared_error")
        ('learned surrogate', 'squared-error')
    """
    return "learned surrogate" if method == LEARNED else method.replace("_", "-")


def named(true_loss: TrueLoss) -> str:
    """Return what a metric is called in sentences: as the user wrote it."""
    if true_loss.constraints:
        return true_loss.name
    return as_written(true_loss).name


def is_dead(comparison: Comparison) -> bool:
    """Whether there was no gradient to follow at any look, though something to gain.

    A loss of 0 on the training rows is no such case: it cannot fall.
    """
    health, looks = comparison.health, comparison.learned.history
    return (
        health is not None
        and health.is_dead
        and health.true_loss != 0
        and all(math.isnan(look.health.cosine) for look in looks)
    )


def verdict(
    comparison: Comparison,
    true_loss: TrueLoss,
    *,
    n_rows: int,
    n_rarest: int | None,
    decided: str | None = None,
) -> str:
    """Return what the comparison has shown, for a user to read.

    Args:
        comparison: Of both methods.
        true_loss: What was trained for.
        n_rows: Validation rows.
        n_rarest: Those of the rarest stratum; None where all are alike.
        decided: How that is done for either method, in words.
    """
    written = as_written(true_loss).judged
    ours, theirs = (written.value(comparison.loss(name)) for name in comparison.runs)
    value, error, share_lower = comparison.difference
    name, usual = named(true_loss), method_name(comparison.usual.method)
    tuned = f" {decided}" if decided else ""
    more, factor = written.factor * value + 0.0, abs(written.factor)  # 0, not -0
    figures = (
        f"{written.name} {ours:.4g} on the validation rows against {theirs:.4g} of "
        f"{usual}{tuned}, difference {more:+.2g} ± {factor * error:.2g}"
    )
    if share_lower is not None:
        figures += f", lower in {share_lower:.0%} of the resamples"
    if comparison.chosen == LEARNED:
        side = "higher" if more > 0 else "lower"
        share = f", {abs(more / theirs):.1%} {side}" if theirs else ""
        sure = "helped" if value < -_SURE * error else "probably helped"
        return f"Training for {name} {sure}{share}: {figures}."
    perfect = f"{written.value(0.0):g}" if true_loss.bounded else None
    why = _without_gradient(comparison, usual, figures, perfect)
    if why is None:
        why = _without_gain(comparison, usual, figures, n_rows, n_rarest)
    return f"{why.format(name=name)}. The model trained by {usual} is used."


def _without_gradient(
    comparison: Comparison, usual: str, figures: str, perfect: str | None
) -> str | None:
    """Return why nothing could be gained, where the gradient says so.

    The metric's best value is `perfect`, if it has one.
    """
    health = comparison.health
    is_perfect = all(comparison.loss(name) == 0 for name in comparison.runs)
    is_learned = health is not None and health.true_loss == 0
    if perfect is not None and (is_perfect or is_learned):
        where = "validation" if is_perfect else "training"
        return (
            f"Training for {{name}} had nothing to gain: with {usual} alone it is "
            f"{perfect} on the {where} rows"
        )
    if health is not None and is_dead(comparison):
        return (
            "Training for {name} was not possible: neither moving the scores nor the "
            f"learned loss gave a gradient ({health.dead_share:.0%} of the directions "
            "left the true loss as it is)"
        )
    if health is not None and health.trust < _LITTLE_TRUST:
        return (
            f"Training for {{name}} did not help ({figures}): the learned loss's "
            "gradient agreed too little with the metric's (cosine "
            f"{health.cosine:.2f})"
        )
    return None


def _without_gain(
    comparison: Comparison, usual: str, figures: str, n_rows: int, n_rarest: int | None
) -> str:
    """Return what the validation rows say of a gain that was not clear."""
    value, error, _ = comparison.difference
    if value > error:
        return f"Training for {{name}} did not help: {figures}"
    if n_rarest is not None and n_rarest < _FEW:
        return (
            f"Whether training for {{name}} helped cannot be told: {n_rarest:,} "
            f"validation rows are of the rarest kind, and with fewer than some {_FEW} "
            f"no gain can be shown ({figures})"
        )
    if value == error == 0:
        return (
            "Training for {name} changed nothing: no round of it was better on the "
            f"validation rows than {usual} alone"
        )
    usual_loss = comparison.loss(comparison.usual.method)
    if math.isnan(error) or error > _WIDE * abs(usual_loss):
        return (
            f"Whether training for {{name}} helped cannot be told by {n_rows:,} "
            f"validation rows, more would tell: {figures}"
        )
    return f"Training for {{name}} made no clear difference: {figures}"
