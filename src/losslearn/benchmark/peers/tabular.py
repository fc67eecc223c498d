"""The network of the strong tier: TabM, kept by its authors as the package `tabm`."""

import torch
from torch import Tensor, nn

from losslearn.benchmark.peers.packages import load
from losslearn.models import Standardizer


class TabMScores(nn.Module):
    """TabM as a model with one score a row, after standardising the features.

    TabM holds k networks that share most weights and gives k scores a row. Its authors
    train each of the k by its own loss, not their mean by one, and average them to
    predict. A loop that wants one score a row can do the same a member at a time: in
    training mode every call returns the scores of one member, drawn at random, so that
    all rows of a set are ranked by one and the same network; in evaluation mode it
    returns the mean score of all.

    Source: Gorishniy, Kotelnikov, Babenko, "TabM: Advancing Tabular Deep Learning with
    Parameter-Efficient Ensembling", ICLR 2025.

    Shape:
        `[n, features]` to `[n]`.
    """

    def __init__(
        self, n_features: int, *, n_blocks: int, d_block: int, k: int, dropout: float
    ) -> None:
        """Start from TabM's default initialisation, by the global torch generator.

        Raises:
            ImportError: If `tabm` is not installed.
        """
        super().__init__()
        self.standardizer = Standardizer(n_features)
        self.k = k
        self.members = load("tabm").TabM.make(
            n_num_features=n_features,
            d_out=1,
            n_blocks=n_blocks,
            d_block=d_block,
            k=k,
            dropout=dropout,
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return one score a row."""
        y_score = self.members(self.standardizer(x)).squeeze(-1)  # (n, k)
        if not self.training:
            return y_score.mean(dim=-1)
        # drawn where dropout draws, so that one seed settles both
        return y_score[:, int(torch.randint(self.k, ()))]


def build_strong_model(
    x: Tensor,
    *,
    n_blocks: int = 2,
    d_block: int = 128,
    k: int = 8,
    dropout: float = 0.1,
) -> nn.Module:
    """Return a new TabM, its standardizer fitted to the training rows `x`.

    Args:
        x: Training rows, shape `[rows, features]`.
        n_blocks: Hidden layers of each member.
        d_block: Units of a hidden layer.
        k: Members.
        dropout: Share of the units dropped in training.

    Returns:
        A model that maps `[n, features]` to `[n]`, with the device and type of `x`.

    Raises:
        ImportError: If `tabm` is not installed.
    """
    model = TabMScores(
        x.shape[1], n_blocks=n_blocks, d_block=d_block, k=k, dropout=dropout
    ).to(device=x.device, dtype=x.dtype)
    model.standardizer.fit(x)
    return model
