"""The learned loss: a set network from (target, score) pairs to a loss (Eq. 2)."""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float, Integer
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from losslearn.metrics.columns import Columns


class SetSurrogate(nn.Module):
    r"""Learned, differentiable stand-in for a true loss (Eq. 2).

    .. math::
        \hat\ell(y, \hat y) = h\Big(\sum_{i=1}^{N} w_i \, g(y_i, \hat y_i)
        \Big/ \sum_{i=1}^{N} w_i\Big)

    With :math:`w_i = 1` this is the paper's form. Scores may be standardised within
    each set first (weighted mean 0, deviation 1), which makes the surrogate share the
    invariance of every loss that depends on the order of the scores alone.

    Any number of sets of any size go through in one pass. Where the true loss needs
    further columns of each row, g sees them as part of the target, with mean 0 and
    deviation 1 over the training rows. A metric of columns is most often a sum of them
    over the rows called positive, which bounded codes cannot add up where a few rows
    hold most of it; so h then also sees the mean codes weighed by each column, and has
    a linear part of its own beside its layers.

    A loss that depends on the rows of the highest scores alone, such as the recall
    among the top per cent, drowns in a mean over all rows. For it h also sees means
    over a few shares of the rows, the highest scores first, with soft edges
    (`top_weights`), and has the linear part.

    Attributes:
        encoder: g, applied to each (target, score, *columns) on its own.
        column_names: The columns that g sees, in this order.
        top_shares: Shares of the rows over which h sees a mean each.
        decoder: h, applied to the mean code of the set.
        standardize: Whether scores are standardised within each set.
        loss_scale: Spread of the true loss's values; the unit in which the networks
            work, so that a loss in money trains like one in [0, 1].

    Example:
        >>> import torch
        >>> surrogate = SetSurrogate()
        >>> surrogate(torch.tensor([[0, 1, 1]]), torch.tensor([[-1.0, 0.5, 2.0]])).shape
        torch.Size([1])
    """

    loss_shift: Tensor
    loss_scale: Tensor
    column_mean: Tensor
    column_std: Tensor
    _shares: Tensor

    def __init__(
        self,
        *,
        hidden: int = 30,
        embed_dim: int = 30,
        decoder: Sequence[int] = (10, 10),
        standardize: bool = True,
        loss_shift: float = 0.0,
        loss_scale: float = 1.0,
        column_units: Mapping[str, tuple[float, float]] | None = None,
        top_shares: Sequence[float] = (),
    ) -> None:
        """Build g (2-30-30) and h (30-10-10-1) with the paper's sizes.

        Args:
            hidden: Units of g.
            embed_dim: Units of the set's code.
            decoder: Units of h's layers.
            standardize: Whether scores are standardised within each set.
            loss_shift: Mean of the true loss's values.
            loss_scale: Their spread.
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
        self.standardize = standardize
        self.top_shares = tuple(top_shares)
        seen = column_units or {}
        self.column_names = tuple(seen)
        self.encoder = nn.Sequential(
            nn.Linear(2 + len(seen), hidden),
            nn.Tanh(),
            nn.Linear(hidden, embed_dim),
            nn.Tanh(),
        )
        layers: list[nn.Module] = []
        set_code = width = embed_dim * (1 + len(self.top_shares)) * (1 + len(seen))
        for units in decoder:
            layers += [nn.Linear(width, units), nn.Tanh()]
            width = units
        self.decoder = nn.Sequential(*layers, nn.Linear(width, 1))
        if not self.is_plain:
            self.linear = nn.Linear(set_code, 1)
        self.register_buffer("loss_shift", torch.tensor(loss_shift))
        self.register_buffer("loss_scale", torch.tensor(loss_scale))
        # on the device, where a list would have to be copied to at each call
        shares = torch.tensor(self.top_shares, dtype=torch.float64)
        self.register_buffer("_shares", shares, persistent=False)
        if seen:  # a state without columns stays as it was
            mean, std = torch.tensor(list(seen.values()), dtype=torch.float64).T
            self.register_buffer("column_mean", mean.clone())
            self.register_buffer("column_std", torch.where(std > 0, std, 1.0))

    @property
    def is_plain(self) -> bool:
        """Whether the plain mean of the codes of (target, score) is all that h sees."""
        return not (self.column_names or self.top_shares)

    def forward(
        self,
        y_true: Integer[Tensor, "*#sets n"],
        y_score: Float[Tensor, "*sets n"],
        *,
        sample_weight: Float[Tensor, "*#sets n"] | None = None,
        columns: Columns | None = None,
    ) -> Float[Tensor, "*sets"]:
        """Return the surrogate loss of each set, whatever the order within it.

        Args:
            y_true: Targets, 0 or 1.
            y_score: Scores on any scale.
            sample_weight: Weight of each row; None weighs all alike.
            columns: The columns of `column_names`, `[*#sets, n]` each.
        """
        if sample_weight is not None:
            sample_weight = sample_weight.to(y_score.dtype)
        if self.standardize:
            y_score = standardize_scores(y_score, sample_weight=sample_weight)
        targets = y_true.to(y_score.dtype).expand_as(y_score)
        pairs = torch.stack([targets, y_score], dim=-1)
        if self.is_plain:
            set_code = weighted_mean(self.encoder(pairs), sample_weight)
            unit_loss = self.decoder(set_code).squeeze(-1)  # (*sets)
        else:
            unit_loss = self._of_several_means(pairs, columns or {}, sample_weight)
        return self.loss_shift + self.loss_scale * unit_loss

    def _of_several_means(
        self,
        pairs: Float[Tensor, "*sets n pair"],
        columns: Columns,
        sample_weight: Float[Tensor, "*#sets n"] | None,
    ) -> Float[Tensor, "*sets"]:
        """Return the loss of each set in units of its spread."""
        targets, y_score = pairs.unbind(-1)
        weight = torch.ones_like(y_score)
        if sample_weight is not None:
            weight = sample_weight.expand_as(weight)
        share = (weight / weight.sum(-1, keepdim=True)).unsqueeze(-2)
        if self.top_shares:
            of_top = top_weights(y_score, weight, self._shares)
            share = torch.cat([share, of_top], dim=-2)
        if self.column_names:
            seen = self._inputs(columns, targets)
            pairs = torch.cat([pairs, seen], dim=-1)
            # each mean plain, then weighed by each column
            by_column = share.unsqueeze(-3) * seen.mT.unsqueeze(-2)
            share = torch.cat([share, by_column.flatten(-3, -2)], dim=-2)
        set_code = (share @ self.encoder(pairs)).flatten(-2)  # (*sets, means * codes)
        return (self.decoder(set_code) + self.linear(set_code)).squeeze(-1)

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


def weighted_mean(
    values: Float[Tensor, "*sets n codes"],
    sample_weight: Float[Tensor, "*#sets n"] | None,
) -> Float[Tensor, "*sets codes"]:
    """Return the weighted mean over the rows of each set (the sum of Eq. 2)."""
    if sample_weight is None:
        return values.mean(dim=-2)
    share = sample_weight / sample_weight.sum(-1, keepdim=True)
    return (share.unsqueeze(-2) @ values).squeeze(-2)


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
