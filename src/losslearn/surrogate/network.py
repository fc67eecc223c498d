"""The learned loss: a set network from the tokens of a set to its loss (Eq. 2)."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from losslearn.metrics import Sets
from losslearn.tasks.task import Tokens, View


class SetSurrogate(nn.Module):
    r"""Learned, differentiable stand-in for a true loss (Eq. 2).

    .. math::
        \hat\ell(y, \hat y) = h\Big(\sum_{i=1}^{N} w_i \, g(y_i, \hat y_i)
        \Big/ \sum_{i=1}^{N} w_i\Big)

    With :math:`w_i = 1` this is the paper's form. What g (`encoder`) sees of a row, and
    over which rows a mean is taken, is the view's (`losslearn.tasks.task.View`); codes
    are pooled over the rows of a group, then over groups, for h (`decoder`). Any number
    of sets of any size go through in one pass. Where h sees several means, it has a
    linear part of its own beside its layers.

    Example:
        >>> import torch
        >>> from losslearn.metrics import Sets
        >>> from losslearn.tasks.tokens import ScoreTokens
        >>> surrogate = SetSurrogate(ScoreTokens())
        >>> sets = Sets(torch.tensor([[0, 1, 1]]), torch.tensor([[-1.0, 0.5, 2.0]]))
        >>> surrogate(sets).shape
        torch.Size([1])
    """

    loss_shift: Tensor
    loss_scale: Tensor

    def __init__(
        self,
        view: View,
        *,
        hidden: int = 30,
        embed_dim: int = 30,
        decoder: Sequence[int] = (10, 10),
        loss_shift: float = 0.0,
        loss_scale: float = 1.0,
    ) -> None:
        """Build g (2-30-30) and h (30-10-10-1) with the paper's sizes.

        Args:
            view: Turns sets into tokens; a module.
            hidden: Units of g.
            embed_dim: Units of the set's code.
            decoder: Units of h's layers.
            loss_shift: Mean of the true loss's values.
            loss_scale: Their spread; the unit in which the networks work, so that a
                loss in money trains like one in [0, 1].
        """
        super().__init__()
        self.view = view
        self.encoder = nn.Sequential(
            nn.Linear(view.n_inputs, hidden),
            nn.Tanh(),
            nn.Linear(hidden, embed_dim),
            nn.Tanh(),
        )
        layers: list[nn.Module] = []
        set_code = width = embed_dim * view.n_means
        for units in decoder:
            layers += [nn.Linear(width, units), nn.Tanh()]
            width = units
        self.decoder = nn.Sequential(*layers, nn.Linear(width, 1))
        self.linear = nn.Linear(set_code, 1) if view.n_means > 1 else None
        self.register_buffer("loss_shift", torch.tensor(loss_shift))
        self.register_buffer("loss_scale", torch.tensor(loss_scale))

    def forward(self, sets: Sets) -> Float[Tensor, "*sets"]:
        """Return the surrogate loss of each set, whatever the order within it."""
        set_code = self._pooled(self.view(sets))
        unit_loss = self.decoder(set_code)
        if self.linear is not None:
            unit_loss = unit_loss + self.linear(set_code)
        return self.loss_shift + self.loss_scale * unit_loss.squeeze(-1)

    def _pooled(self, tokens: Tokens) -> Float[Tensor, "*sets codes"]:
        """Return the mean codes of each set (the sum of Eq. 2)."""
        one_group = tokens.inputs.shape[-3] == 1
        codes = self.encoder(tokens.inputs.squeeze(-3))  # (*sets, groups, n, embed_dim)
        share = tokens.share
        if share is None:
            means = codes.mean(dim=-2)
        else:
            share = share.squeeze(-3) if one_group and share.ndim > 2 else share
            means = (share @ codes).flatten(-2)
        return means if one_group else means.mean(-2)
