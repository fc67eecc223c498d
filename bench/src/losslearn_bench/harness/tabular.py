"""The network of the strong tier: TabM, kept by its authors as the package `tabm`."""

from torch import Tensor, nn

from losslearn.models.networks import Standardizer
from losslearn_bench.harness.packages import load


class TabMScores(nn.Module):
    """TabM as a model with one score a row, after standardising the features.

    TabM holds k networks that share most weights and gives k scores a row; this is
    their mean, in training as in evaluation. Its authors train each of the k by its own
    loss, which a loop with one score a row cannot. The mean is what comes out best of
    what it can: on 40,000 rows of covtype, 1,200 steps of cross-entropy left an AUC
    loss of .056, against .107 when each row's score was that of a member drawn at
    random and .115 when each set's was.

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
        return self.members(self.standardizer(x)).squeeze(-1).mean(dim=-1)


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
