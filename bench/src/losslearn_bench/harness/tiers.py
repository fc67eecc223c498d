"""Tiers: the model classes in which methods are compared."""

from typing import Literal, get_args

from torch import Tensor, nn

from losslearn.models.networks import build_model

Tier = Literal["linear", "mlp", "strong"]

TIERS: tuple[Tier, ...] = get_args(Tier)
"""A network can be trained in each; boosted trees stand in "strong" alone."""


def check_tier(tier: str) -> None:
    """Check the name of a tier.

    Raises:
        ValueError: If there is no such tier.
    """
    if tier not in TIERS:
        raise ValueError(f"`tier` must be one of {TIERS}, got {tier!r}.")


def build_tier_model(tier: str, x: Tensor) -> nn.Module:
    """Return a new model of a tier for the training rows `x`.

    Args:
        tier: "linear", "mlp" (the paper's) or "strong" (TabM).
        x: Training rows, shape `[rows, features]`.

    Raises:
        ValueError: If the tier is unknown.
        ImportError: If the tier's library is not installed.
    """
    check_tier(tier)
    if tier != "strong":
        return build_model(tier, x)
    from losslearn_bench.harness.tabular import build_strong_model  # needs an extra

    return build_strong_model(x)
