"""TabM: many networks that share their weights, as one module (Gorishniy et al., 2025).

Gorishniy, Y., Kotelnikov, A., Babenko, A.: TabM: Advancing Tabular Deep Learning with
Parameter-Efficient Ensembling. ICLR 2025.
"""

from dataclasses import dataclass
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from losslearn.models.strong.quantiles import QuantileNormal

Shape = tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class TabM:
    """What TabM is built and trained with: its authors' defaults.

    Example:
        >>> from losslearn.models.strong.tabm import TabM
        >>> TabM(k=8).d_block
        512
    """

    k: int = 32
    """Members of the ensemble."""
    n_blocks: int = 3
    d_block: int = 512
    """Units of a block."""
    dropout: float = 0.1
    lr: float = 2e-3
    """AdamW's learning rate for the usual loss."""
    weight_decay: float = 3e-4
    batch_size: int = 256
    """Rows of a step by the usual loss."""
    patience: int = 16
    """Epochs without a better usual loss of the held-out rows, before it ends."""

    def __post_init__(self) -> None:
        """Reject what cannot be built or trained.

        Raises:
            ValueError: If a setting is outside its range.
        """
        for name in ("k", "n_blocks", "d_block", "batch_size", "patience"):
            value = getattr(self, name)
            if not (isinstance(value, int) and value >= 1):
                raise ValueError(f"`{name}` must be at least 1, got {value!r}.")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"`dropout` must be in [0, 1), got {self.dropout!r}.")
        if not (self.lr > 0 and self.weight_decay >= 0):
            raise ValueError(
                "`lr` must be above 0 and `weight_decay` at least 0, got "
                f"{self.lr!r} and {self.weight_decay!r}."
            )

    def build(self, n_features: int, *, score_shape: Shape = ()) -> "TabMNetwork":
        """Return a new network; raises as it does."""
        return TabMNetwork(
            n_features,
            score_shape=score_shape,
            k=self.k,
            n_blocks=self.n_blocks,
            d_block=self.d_block,
            dropout=self.dropout,
        )


class TabMNetwork(nn.Module):
    r"""TabM with its preprocessing: `[n, features]` to a score a row.

    In evaluation mode `[n]`: with scores :math:`s_1, \dots, s_k` of a row's members,
    the log-odds of their mean probability,

    .. math::
        \log \frac{\sum_j \sigma(s_j)}{\sum_j \sigma(-s_j)}

    In training mode the members' own scores, `[n, k]`.

    Attributes:
        k: Members of the ensemble.
        sizes: What it was built with, by name.
    """

    def __init__(
        self,
        n_features: int,
        *,
        score_shape: Shape = (),
        k: int = TabM.k,
        n_blocks: int = TabM.n_blocks,
        d_block: int = TabM.d_block,
        dropout: float = TabM.dropout,
    ) -> None:
        """Start from the authors' initialisation, with features as they are.

        Raises:
            ImportError: If the package of the authors is not installed.
            ValueError: If rows are to have more than one score.
        """
        super().__init__()
        if score_shape:
            raise ValueError(f"TabM gives rows one score, not {list(score_shape)}.")
        self.k = k
        self.sizes = {
            "k": k,
            "n_blocks": n_blocks,
            "d_block": d_block,
            "dropout": dropout,
        }
        self.quantiles = QuantileNormal(n_features)
        self.layers: Any = _package().TabM.make(
            n_num_features=n_features, d_out=1, **self.sizes
        )

    def forward(self, x: Float[Tensor, "n features"]) -> Float[Tensor, "n ..."]:
        """Return the score of each row, or in training mode those of its members."""
        members = self.layers(self.quantiles(x)).squeeze(-1)
        return members if self.training else log_odds_of_mean(members)

    def last_units(
        self, x: Float[Tensor, "sets n features"], which: Tensor
    ) -> Float[Tensor, "sets n units"]:
        """Return what the last layer gets, each set of rows by one member alone.

        It takes 1/k of the time of all members.

        Args:
            x: Sets of rows.
            which: The member of each set.
        """
        z = self.quantiles(x).transpose(0, 1)  # (n, sets, features)
        for linear, activation, dropout in self.layers.backbone.blocks:
            # Equation (5) of BatchEnsemble (Wen et al., 2020)
            z = (z * linear.r[which]) @ linear.weight.T * linear.s[which]
            z = dropout(activation(z + linear.bias[which]))
        return z.transpose(0, 1)

    def of_members(
        self, x: Float[Tensor, "sets n features"], which: Tensor
    ) -> Float[Tensor, "sets n"]:
        """Return the scores of each set of rows by one member; see `last_units`."""
        units, last = self.last_units(x, which), self.layers.output
        return (units @ last.weight[which]).squeeze(-1) + last.bias[which]


def log_odds_of_mean(score: Float[Tensor, "n k"]) -> Float[Tensor, " n"]:
    """Return the log-odds of the mean probability of scores that are log-odds.

    Example:
        >>> import torch
        >>> log_odds_of_mean(torch.tensor([[0.0, 0.0], [20.0, -20.0]]))
        tensor([0., 0.])
    """
    return logsigmoid(score).logsumexp(-1) - logsigmoid(-score).logsumexp(-1)


def _package() -> Any:  # noqa: ANN401 - a module without types
    try:
        import tabm
    except ImportError as error:
        raise ImportError(
            "`model='tabm'` needs the package tabm: pip install 'losslearn[strong]'."
        ) from error
    return tabm
