"""Tiers: the model classes in which methods are compared."""

from typing import Literal, get_args

from torch import Tensor, nn

from losslearn.models.networks import build_model
from losslearn_bench.checks import check_choice

Tier = Literal["linear", "mlp", "trees"]

TIERS: tuple[Tier, ...] = get_args(Tier)
NETWORKS: tuple[Tier, ...] = ("linear", "mlp")
"""Those in which losses train a network; in "trees" boosters stand alone."""


def check_tier(tier: str) -> None:
    """Check the name of a tier."""
    check_choice("tier", tier, TIERS)


def build_tier_model(tier: str, x: Tensor) -> nn.Module:
    """Return a new network of a tier for the training rows `x`."""
    check_choice("tier", tier, NETWORKS)
    return build_model(tier, x)
