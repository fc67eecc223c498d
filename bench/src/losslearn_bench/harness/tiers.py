"""Tiers: the model classes in which methods are compared."""

from typing import Literal, get_args

from torch import Tensor, nn

from losslearn.models.networks import Standardizer, build_model
from losslearn_bench.checks import check_choice
from losslearn_bench.harness.packages import load

Tier = Literal["linear", "mlp", "strong"]

TIERS: tuple[Tier, ...] = get_args(Tier)
"""A network can be trained in each; boosted trees stand in "strong" alone."""


def check_tier(tier: str) -> None:
    """Check the name of a tier."""
    check_choice("tier", tier, TIERS)


def build_tier_model(tier: str, x: Tensor) -> nn.Module:
    """Return a new model of a tier for the training rows `x`."""
    check_tier(tier)
    return build_strong_model(x) if tier == "strong" else build_model(tier, x)


class TabMScores(nn.Module):
    """TabM as a model with one score a row, after standardising the features.

    TabM holds k networks that share most weights and gives k scores a row; this is
    their mean, in training as in evaluation. Its authors train each of the k by its own
    loss, which a loop with one score a row cannot. Of what it can, the mean comes out
    best: on 40,000 rows of covtype, 1,200 steps of cross-entropy left an AUC loss of
    .056, against .107 with the score of a random member for each row and .115 for each
    set.

    Source: Gorishniy, Kotelnikov, Babenko, "TabM: Advancing Tabular Deep Learning with
    Parameter-Efficient Ensembling", ICLR 2025; kept by its authors as `tabm`.

    Shape:
        `[n, features]` to `[n]`.
    """

    def __init__(self, n_features: int, **sizes: float) -> None:
        """Start from TabM's default initialisation, by the global torch generator."""
        super().__init__()
        self.standardizer = Standardizer(n_features)
        sizes |= {"n_num_features": n_features, "d_out": 1}
        self.members = load("tabm").TabM.make(**sizes)

    def forward(self, x: Tensor) -> Tensor:
        """Return one score a row."""
        return self.members(self.standardizer(x)).squeeze(-1).mean(dim=-1)


def build_strong_model(x: Tensor, *, k: int = 8) -> nn.Module:
    """Return a new TabM of `k` members, its standardizer fitted to the rows `x`."""
    sizes = {"n_blocks": 2, "d_block": 128, "k": k, "dropout": 0.1}
    model = TabMScores(x.shape[1], **sizes).to(device=x.device, dtype=x.dtype)
    model.standardizer.fit(x)
    return model
