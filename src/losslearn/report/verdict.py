"""One sentence on whether training for the metric helped, and when not, why."""

import math

from losslearn.metrics import TrueLoss
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
    rule: str | None = None,
) -> str:
    """Return what the comparison has shown, for a user to read.

    Args:
        comparison: Of both methods.
        true_loss: What was trained for.
        n_rows: Validation rows.
        n_rarest: Those of the rarest stratum; None where all are alike.
        rule: What was learned for either method, in a word.
    """
    loss, usual_loss = (comparison.loss(name) for name in comparison.runs)
    value, error, share_lower = comparison.difference
    name, usual = true_loss.name, method_name(comparison.usual.method)
    tuned = f" with a tuned {rule}" if rule else ""
    figures = (
        f"validation loss {loss:.4g} against {usual_loss:.4g} of {usual}{tuned}, "
        f"difference {value:+.2g} ± {error:.2g}"
    )
    if share_lower is not None:
        figures += f", lower in {share_lower:.0%} of the resamples"
    if comparison.chosen == LEARNED:
        share = f", {-value / abs(usual_loss):.1%} lower" if usual_loss else ""
        sure = "helped" if value < -_SURE * error else "probably helped"
        return f"Training for {name} {sure}{share}: {figures}."
    why = _without_gradient(comparison, usual, figures)
    if why is None:
        why = _without_gain(comparison, usual, figures, n_rows, n_rarest)
    return f"{why.format(name=name)}. The model trained by {usual} is used."


def _without_gradient(comparison: Comparison, usual: str, figures: str) -> str | None:
    """Return why nothing could be gained, where the gradient says so."""
    health = comparison.health
    is_perfect = all(comparison.loss(name) == 0 for name in comparison.runs)
    if is_perfect or (health is not None and health.true_loss == 0):
        where = "validation" if is_perfect else "training"
        return (
            f"Training for {{name}} had nothing to gain: with {usual} alone it is 0 on "
            f"the {where} rows"
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
