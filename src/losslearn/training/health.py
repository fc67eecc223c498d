"""Whether a surrogate's gradient points where the true loss falls."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from losslearn.metrics import TrueLoss
from losslearn.metrics.columns import NO_COLUMNS, Columns

_NO_TRUST, _FULL_TRUST = 0.1, 0.4
"""Cosines at which the learned loss takes no part, and its full part."""
_DEAD = 0.95
"""Share of directions without a change of the true loss, from which on it is dead."""


class GradientHealth:
    r"""The cosine between the surrogate's gradient and the smoothed true loss's.

    Scores of sets are moved to and fro along random directions u, and both losses are
    asked how much they change (antithetic evolution strategies). Since
    :math:`\mathbb E[(u^\top a)(u^\top b)] = a^\top b` for :math:`u \sim N(0, I)`,

    .. math::
        \cos = \frac{\sum_k d_k \hat d_k}{\sqrt{\sum_k d_k^2 \sum_k \hat d_k^2}},
        \qquad d_k = \ell(s + \sigma u_k) - \ell(s - \sigma u_k)

    estimates the cosine of the two gradients, with far fewer directions than there are
    scores, and without the gradient of either. The sums fade, so that it follows the
    training.

    Example:
        >>> import torch
        >>> from losslearn import get_true_loss
        >>> health = GradientHealth(get_true_loss("auc"))
        >>> health.cosine
        nan
    """

    def __init__(
        self, true_loss: TrueLoss, *, strength: float = 0.1, memory: float = 0.9
    ) -> None:
        """Start without a reading.

        Args:
            true_loss: What the surrogate stands in for.
            strength: sigma, in deviations of the set's scores.
            memory: What is kept of the sums at each reading, in [0, 1).
        """
        self._true_loss = true_loss
        self._strength, self._memory = strength, memory
        self._sums = [0.0] * 7

    def read(
        self,
        learned: Callable[..., Tensor],
        y_true: Integer[Tensor, "*#sets n"],
        y_score: Float[Tensor, "sets n"],
        *,
        sample_weight: Float[Tensor, "*#sets n"],
        columns: Columns = NO_COLUMNS,
        generator: torch.Generator,
    ) -> None:
        """Move each set to and fro once; waits for the device.

        Args:
            learned: The learned loss, as it is now, in units of the true loss: called
                as an `Objective`, with `columns` where there are any.
            y_true: Targets.
            y_score: Scores of sets, without gradient.
            sample_weight: Weight of each row.
            columns: What both losses see of each row besides, `[sets, n]` each.
            generator: Draws the directions.
        """
        noise = torch.empty_like(y_score).normal_(generator=generator)
        step = self._strength * y_score.std(-1, keepdim=True) * noise
        moved = torch.cat([y_score + step, y_score - step])
        weight = sample_weight if self._true_loss.takes_weight else None
        twice = {name: torch.cat([column] * 2) for name, column in columns.items()}
        loss = self._true_loss(
            y_true.expand_as(moved), moved, sample_weight=weight, columns=twice
        )
        seen = partial(learned, columns=twice) if twice else learned
        with torch.no_grad():
            value = seen(y_true, moved, sample_weight=sample_weight)
        pairs = torch.stack([loss, value]).double()
        there, back = pairs.chunk(2, -1)
        change, learned_change = there - back
        gap = (pairs[1] - pairs[0]).abs().unflatten(0, (2, -1)).mean(0)
        known = change.isfinite()
        change = torch.where(known, change, 0.0)
        learned_change = torch.where(known, learned_change, 0.0)
        new = torch.stack(
            [
                (change * learned_change).sum(),
                change.square().sum(),
                learned_change.square().sum(),
                (known & (change == 0)).sum().double(),
                known.sum().double(),
                torch.where(known, gap, 0.0).sum(),
                torch.where(known, (there[0] + back[0]) / 2, 0.0).sum(),
            ]
        ).tolist()
        self._sums = [
            self._memory * old + latest
            for old, latest in zip(self._sums, new, strict=True)
        ]

    @property
    def cosine(self) -> float:
        """In [-1, 1]; NaN without a reading, or where either loss never changes."""
        along, true, learned = self._sums[:3]
        if true <= 0 or learned <= 0:
            return math.nan
        return along / math.sqrt(true * learned)

    @property
    def is_dead(self) -> bool:
        """Whether there is no gradient to follow, as far as has been read.

        Either loss then does not change with the scores.
        """
        return self.dead_share >= _DEAD or (
            self._sums[4] > 0 and math.isnan(self.cosine)
        )

    @property
    def dead_share(self) -> float:
        """Share of directions along which the true loss does not change, in [0, 1].

        NaN without a reading.
        """
        dead, known = self._sums[3:5]
        return dead / known if known > 0 else math.nan

    @property
    def error(self) -> float:
        """Mean gap between learned and true loss on the sets read, in the loss's units.

        NaN without a reading.
        """
        known, gap = self._sums[4:6]
        return gap / known if known > 0 else math.nan

    @property
    def true_loss(self) -> float:
        """Mean true loss of the sets read; NaN without a reading."""
        known, loss = self._sums[4], self._sums[6]
        return loss / known if known > 0 else math.nan

    @property
    def trust(self) -> float:
        """How far the surrogate's gradient may be followed, in [0, 1].

        From 0 at a cosine of 0.1 or where the gradient is dead, to 1 at 0.4; 0 without
        a reading.
        """
        if self.is_dead or math.isnan(self.cosine):
            return 0.0
        share = (self.cosine - _NO_TRUST) / (_FULL_TRUST - _NO_TRUST)
        return min(max(share, 0.0), 1.0)

    def state_dict(self) -> dict[str, Any]:
        """Return the sums."""
        return {"sums": list(self._sums)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to a state of `state_dict`."""
        self._sums = list(state["sums"])
