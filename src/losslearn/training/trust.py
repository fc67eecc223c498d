"""How far the learned loss may lead: the health of its gradient, and its weight."""

import math
from typing import Any, NamedTuple

import torch

from losslearn.metrics import Loss, Sets, TrueLoss
from losslearn.surrogate.fitter import Weights
from losslearn.surrogate.objective import LearnedObjective
from losslearn.training.lower import joined

STRENGTH = 0.1
"""Of a reading's moves, in deviations of a set's scores."""
_MEMORY = 0.9
"""Share of the sums that is kept at each reading."""
_NO_TRUST, _FULL_TRUST = 0.1, 0.4
"""Cosines at which the learned loss takes no part, and its full part."""
_DEAD = 0.95
"""Share of directions without a change of the true loss, from which on it is dead."""
_STEP = 3.0
"""By which the usual loss's weight is divided after a round that went well, and
multiplied after one that did not."""
_LEAST = 0.1
"""A weight below counts as this much when it is raised."""
_MOST = 20.0
"""The usual loss's weight is raised no further, or nothing of the learned loss would be
left for the last rounds, whose small steps it guides best."""
READ_SETS = 16
"""Sets of a reading of the gradient's health."""
N_READ = 2 * READ_SETS
"""True losses that a reading takes."""


class GradientHealth:
    r"""The cosine between the surrogate's gradient and the smoothed true loss's.

    What scores depend on is moved to and fro along random directions u, and both
    losses are asked how much they change (antithetic evolution strategies). Since
    :math:`\mathbb E[(u^\top a)(u^\top b)] = a^\top b` for :math:`u \sim N(0, I)`,

    .. math::
        \cos = \frac{\sum_k d_k \hat d_k}{\sqrt{\sum_k d_k^2 \sum_k \hat d_k^2}},
        \qquad d_k = \ell(s(\alpha + \sigma u_k)) - \ell(s(\alpha - \sigma u_k))

    estimates the cosine of the two gradients in :math:`\alpha`, with far fewer
    directions than it has numbers, and without the gradient of either. These are the
    weights of a model (`Predictor.moved`), since a gradient that is right in the scores
    may be wrong in them. The sums fade, so that it follows the training.
    """

    def __init__(self, true_loss: TrueLoss) -> None:
        """Start without a reading."""
        self._true_loss = true_loss
        self._sums = [0.0] * 7

    def read(self, learned: Loss, there: Sets, back: Sets) -> None:
        """Take one axis of sets, moved to and fro; waits for the device.

        Each set was moved along a direction of its own. The learned loss is in units of
        the true loss, and no score has a gradient.
        """
        moved, true_loss = joined(there, back), self._true_loss
        loss = true_loss(moved if true_loss.takes_weight else moved.present())
        with torch.no_grad():
            value = learned(moved)
        pairs = torch.stack([loss, value]).double()
        gap = (pairs[1] - pairs[0]).abs().unflatten(0, (2, -1)).mean(0)
        first, second = pairs.chunk(2, -1)
        changes = first - second
        known = changes[0].isfinite()
        change, learned_change = torch.where(known, changes, 0.0)
        new = torch.stack(
            [
                (change * learned_change).sum(),
                change.square().sum(),
                learned_change.square().sum(),
                (known & (change == 0)).sum().double(),
                known.sum().double(),
                torch.where(known, gap, 0.0).sum(),
                torch.where(known, (first[0] + second[0]) / 2, 0.0).sum(),
            ]
        ).tolist()
        old_and_new = zip(self._sums, new, strict=True)
        self._sums = [_MEMORY * old + latest for old, latest in old_and_new]

    @property
    def cosine(self) -> float:
        """Of the gradients, in [-1, 1]; NaN unread, or where a loss never changes."""
        along, true, learned = self._sums[:3]
        has_both = true > 0 and learned > 0
        return along / math.sqrt(true * learned) if has_both else math.nan

    @property
    def is_dead(self) -> bool:
        """Whether either loss, as far as read, does not change with the scores."""
        has_read = self._sums[4] > 0
        return self.dead_share >= _DEAD or (has_read and math.isnan(self.cosine))

    @property
    def dead_share(self) -> float:
        """Share of directions that leave the true loss as it is; NaN if unread."""
        return self._mean(3)

    @property
    def error(self) -> float:
        """Mean gap between learned and true loss, in units of the loss; NaN unread."""
        return self._mean(5)

    @property
    def true_loss(self) -> float:
        """Mean true loss of the sets read; NaN unread."""
        return self._mean(6)

    def _mean(self, place: int) -> float:
        """Return a sum over the directions with a value, over their number."""
        known = self._sums[4]
        return self._sums[place] / known if known > 0 else math.nan

    @property
    def trust(self) -> float:
        """How far the surrogate's gradient may be followed, in [0, 1].

        From 0 at a cosine of 0.1, unread, or where the gradient is dead, to 1 at 0.4.
        """
        if self.is_dead or math.isnan(self.cosine):
            return 0.0
        share = (self.cosine - _NO_TRUST) / (_FULL_TRUST - _NO_TRUST)
        return min(max(share, 0.0), 1.0)

    def state_dict(self) -> dict[str, Any]:
        """Return the sums."""
        return {"sums": list(self._sums)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to a state of `state_dict`; says what is none."""
        sums = [float(one) for one in state["sums"]]
        if len(sums) != len(self._sums):
            raise ValueError(f"The state has {len(sums)} sums of the health, not 7.")
        self._sums = sums


class Reading(NamedTuple):
    """How it stands with the learned loss at a look; NaN where nothing is known."""

    cosine: float = math.nan
    dead_share: float = math.nan
    fresh_error: float = math.nan
    """As of `GradientHealth`, whose `error` is that of fresh sets."""
    learned_weight: float = math.nan
    """What the learned loss counts for in the objective, in [0, 1]."""
    usual_weight: float = math.nan
    """What the usual loss counts for beside it."""


class Balance:
    r"""Sets the weights of a `LearnedObjective` as training goes on.

    The learned loss counts as far as its gradient can be trusted
    (`GradientHealth.trust`): without any trust the model's steps are the usual loss's.
    The usual loss counts less, by a factor of 3, after each round in which the
    learned loss was not behind the control on the validation rows, and more, by the
    same factor but up to 20, after each in which it was. So a limited model comes to
    follow the metric alone, and a model that the usual loss calibrates well comes to
    follow the usual loss with a little of the metric.
    """

    def __init__(self, objective: LearnedObjective, true_loss: TrueLoss) -> None:
        """Start with full trust in the learned loss, until the first reading."""
        self.health = GradientHealth(true_loss)
        self._objective = objective
        self._trust, self._usual = objective.weights
        self._most = max(_MOST, self._usual)
        # a framed loss takes a call for each
        self.n_sets = READ_SETS // 2 if true_loss.framed else READ_SETS

    def read(self, there: Sets, back: Sets) -> None:
        """Weigh the learned loss by its health on moved sets; waits for the device."""
        fitter = self._objective.fitter
        moved = (fitter.frame.of(sets) for sets in (there, back))
        self.health.read(fitter.values, *moved)
        self._trust = self.health.trust
        self._weigh()

    def end_round(self, *, is_behind: bool) -> None:
        """Let the usual loss count more if the learned loss fell behind, else less."""
        if is_behind:
            self._usual = min(max(self._usual, _LEAST) * _STEP, self._most)
        else:
            self._usual /= _STEP
        self._weigh()

    def weigh_usual(self, weight: float) -> None:
        """Set what the usual loss counts for from now on."""
        self._usual = weight
        self._weigh()

    def reading(self) -> Reading:
        """Return how it stands, for a look's record."""
        health, weights = self.health, self._objective.weights
        return Reading(health.cosine, health.dead_share, health.error, *weights)

    def state_dict(self) -> dict[str, Any]:
        """Return both weights and the health."""
        health = self.health.state_dict()
        return {"trust": self._trust, "usual": self._usual, "health": health}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to a state of `state_dict`."""
        self._trust, self._usual = state["trust"], state["usual"]
        self.health.load_state_dict(state["health"])
        self._weigh()

    def _weigh(self) -> None:
        nothing_leads = self._trust == 0 and self._usual == 0
        usual = 1.0 if nothing_leads else self._usual
        self._objective.weights = Weights(self._trust, usual)
