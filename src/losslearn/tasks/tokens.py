"""What g sees of a binary task's sets: target and score of each row, and columns."""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from losslearn.metrics import Sets
from losslearn.metrics.columns import Columns
from losslearn.tasks.task import Tokens


class ScoreTokens(nn.Module):
    """One token a row: (target, score, *columns), in one group.

    Scores may be standardised within each set first (weighted mean 0, deviation 1),
    which gives the surrogate the invariance of every loss that depends on the order of
    the scores alone.

    Where the true loss needs further columns of each row, g sees them with mean 0 and
    deviation 1 over the training rows. A metric of columns is most often a sum of them
    over the rows called positive, which bounded codes cannot add up where a few rows
    hold most of it; so h then also sees the mean codes weighed by each column.

    A loss that depends on the rows of the highest scores alone, such as the recall
    among the top per cent, drowns in a mean over all rows. For it h also sees means
    over a few shares of the rows, the highest scores first, with soft edges
    (`top_weights`).

    Attributes:
        standardize: Whether scores are standardised within each set.
        column_names: The columns that g sees, in this order.
        top_shares: Shares of the rows over which h sees a mean each.
        n_inputs: Numbers of a token.
        n_means: Means over a set that h sees.

    Example:
        >>> import torch
        >>> from losslearn.metrics import Sets
        >>> sets = Sets(torch.tensor([[0, 1, 1]]), torch.tensor([[-1.0, 0.0, 1.0]]))
        >>> ScoreTokens()(sets).inputs.shape
        torch.Size([1, 1, 3, 2])
    """

    column_mean: Tensor
    column_std: Tensor
    _shares: Tensor

    def __init__(
        self,
        *,
        standardize: bool = True,
        column_units: Mapping[str, tuple[float, float]] | None = None,
        top_shares: Sequence[float] = (),
    ) -> None:
        """Settle what g sees.

        Args:
            standardize: Whether scores are standardised within each set.
            column_units: Mean and deviation of each further column, by its name.
            top_shares: Shares of the rows, from the highest scores on, each between 0
                and 0.5, over which h sees a further mean each.

        Raises:
            ValueError: If a share is out of range.
        """
        if not all(0 < share < 0.5 for share in top_shares):
            raise ValueError(
                "`top_shares` must be shares of the rows between 0 and 0.5, got "
                f"{tuple(top_shares)}."
            )
        super().__init__()
        seen = column_units or {}
        self.standardize = standardize
        self.top_shares, self.column_names = tuple(top_shares), tuple(seen)
        self.n_inputs = 2 + len(seen)
        self.n_means = (1 + len(self.top_shares)) * (1 + len(seen))
        # on the device, where a list would have to be copied to at each call
        shares = torch.tensor(self.top_shares, dtype=torch.float64)
        self.register_buffer("_shares", shares, persistent=False)
        if seen:  # a state without columns stays as it was
            mean, std = torch.tensor(list(seen.values()), dtype=torch.float64).T
            self.register_buffer("column_mean", mean.clone())
            self.register_buffer("column_std", torch.where(std > 0, std, 1.0))

    def forward(self, sets: Sets) -> Tokens:
        """Return the tokens of each set.

        Raises:
            ValueError: If a column that g sees is not given.
        """
        score, weight = sets.score, sets.weight
        if weight is not None:
            weight = weight.to(score.dtype)
        if self.standardize:
            score = standardize_scores(score, sample_weight=weight)
        targets = sets.target.to(score.dtype).expand_as(score)
        pairs = torch.stack([targets, score], dim=-1)
        if self.n_means > 1:
            return self._of_several_means(pairs, weight, sets.columns)
        if weight is None:
            return Tokens(pairs.unsqueeze(-3), None)
        share = (weight / weight.sum(-1, keepdim=True)).unsqueeze(-2)
        # of all sets alike: kept in two axes, which PyTorch multiplies in one product
        own = share if weight.ndim == 1 else share.unsqueeze(-3)
        return Tokens(pairs.unsqueeze(-3), own)

    def _of_several_means(
        self,
        pairs: Float[Tensor, "*sets n pair"],
        weight: Float[Tensor, "*#sets n"] | None,
        columns: Columns,
    ) -> Tokens:
        """Return the tokens with the weights of each mean."""
        targets, score = pairs.unbind(-1)
        full = torch.ones_like(score)
        if weight is not None:
            full = weight.expand_as(full)
        share = (full / full.sum(-1, keepdim=True)).unsqueeze(-2)
        if self.top_shares:
            of_top = top_weights(score, full, self._shares)
            share = torch.cat([share, of_top], dim=-2)
        if self.column_names:
            seen = self._inputs(columns, targets)
            pairs = torch.cat([pairs, seen], dim=-1)
            # each mean plain, then weighed by each column
            by_column = share.unsqueeze(-3) * seen.mT.unsqueeze(-2)
            share = torch.cat([share, by_column.flatten(-3, -2)], dim=-2)
        return Tokens(pairs.unsqueeze(-3), share.unsqueeze(-3))

    def _inputs(
        self, columns: Columns, targets: Float[Tensor, "*sets n"]
    ) -> Float[Tensor, "*sets n columns"]:
        """Return the columns as g sees them."""
        missing = [name for name in self.column_names if name not in columns]
        if missing:
            raise ValueError(
                f"This surrogate sees the columns {list(self.column_names)}, and "
                f"{missing} are not given. Pass them as `columns`."
            )
        parts = [columns[name].expand_as(targets) for name in self.column_names]
        # in double: a large mean, as of dates in seconds, leaves float32 no digits
        unit = (torch.stack(parts, dim=-1) - self.column_mean) / self.column_std
        return unit.to(targets.dtype)


def top_weights(
    y_score: Float[Tensor, "*sets n"],
    weight: Float[Tensor, "*sets n"],
    top_shares: Float[Tensor, " shares"],
) -> Float[Tensor, "*sets shares n"]:
    r"""Return weights of sum 1 of the rows of the highest scores, with soft edges.

    .. math::
        w_i^{(p)} \propto w_i \, \operatorname{sigmoid}\Big(\frac{s_i - c_p}{b_p}\Big),
        \qquad b_p = \frac{c_{p/2} - c_{\min(2p, 0.5)}}{4}

    with :math:`c_p` the score that a share p of the set's weight reaches, and b at
    least 0.02. Differentiable in the scores: weights by rank would be constant almost
    everywhere, and a loss learned from them would have its gradient from anything but
    the ranks.

    Example:
        >>> import torch
        >>> y_score = torch.arange(10.0)
        >>> top_weights(y_score, torch.ones(10), torch.tensor([0.2]))[0, 5:]
        tensor([0.0257, 0.0826, 0.1981, 0.3135, 0.3704])
    """
    shares = top_shares.to(y_score.dtype)
    ordered, order = y_score.sort(-1)
    below = weight.gather(-1, order).cumsum(-1)
    below = below / below[..., -1:]
    levels = 1 - torch.cat([shares, shares / 2, (2 * shares).clamp_max(0.5)])
    levels = levels.expand(*below.shape[:-1], -1).contiguous()
    place = torch.searchsorted(below, levels).clamp_max(below.shape[-1] - 1)
    cut, inner, outer = ordered.gather(-1, place).chunk(3, dim=-1)
    width = ((inner - outer) / 4).clamp_min(0.02)
    edge = (y_score.unsqueeze(-2) - cut.unsqueeze(-1)) / width.unsqueeze(-1)
    return (logsigmoid(edge) + weight.log().unsqueeze(-2)).softmax(-1)


def standardize_scores(
    y_score: Float[Tensor, "*sets n"],
    *,
    sample_weight: Float[Tensor, "*#sets n"] | None = None,
) -> Float[Tensor, "*sets n"]:
    """Return the scores of each set with weighted mean 0 and deviation 1.

    Differentiable; a set of equal scores becomes zeros.
    """
    if sample_weight is None:
        centred = y_score - y_score.mean(-1, keepdim=True)
        variance = centred.square().mean(-1, keepdim=True)
    else:
        share = sample_weight / sample_weight.sum(-1, keepdim=True)
        centred = y_score - (share * y_score).sum(-1, keepdim=True)
        variance = (share * centred.square()).sum(-1, keepdim=True)
    # the small term keeps the gradient finite where all scores are equal
    return centred / (variance + 1e-12).sqrt()
