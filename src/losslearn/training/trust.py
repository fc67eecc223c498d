"""How much the learned loss and cross-entropy count while a model is trained."""

from typing import NamedTuple

import torch

from losslearn._fast.fused import Weights
from losslearn.metrics import TrueLoss
from losslearn.surrogate.objective import LearnedObjective
from losslearn.training.algorithm import DrawSets
from losslearn.training.health import GradientHealth
from losslearn.training.sampling import SetSampler

_STEP = 3.0
"""By which cross-entropy's weight is divided after a round that went well, and
multiplied after one that did not."""
_LEAST = 0.1
"""A weight below counts as this much when it is raised."""
_MOST = 20.0
"""Cross-entropy's weight is raised no further, or nothing of the learned loss would be
left for the last rounds, whose small steps it guides best."""
_SETS = 16
"""Sets of a reading of the gradient's health."""


class Reading(NamedTuple):
    """How it stands with the learned loss at a look; NaN where nothing is known."""

    cosine: float = float("nan")
    """Of the learned and the true loss's gradients, in [-1, 1]."""
    dead_share: float = float("nan")
    """Share of directions in which the true loss does not change, in [0, 1]."""
    fresh_error: float = float("nan")
    """Mean gap between learned and true loss on fresh sets, in units of the loss."""
    learned_weight: float = float("nan")
    """What the learned loss counts for in the objective, in [0, 1]."""
    cross_entropy_weight: float = float("nan")
    """What cross-entropy counts for beside it."""


class Balance:
    r"""Sets the weights of a `LearnedObjective` as training goes on.

    The learned loss counts as far as its gradient can be trusted
    (`GradientHealth.trust`): without any trust the model's steps are cross-entropy's.
    Cross-entropy counts less, by a factor of 3, after each round in which the
    learned loss was not behind the control on the validation rows, and more, by the
    same factor but up to 20, after each in which it was. So a limited model comes to
    follow the metric alone, and a model that cross-entropy calibrates well comes to
    follow cross-entropy with a little of the metric.

    Attributes:
        health: The gradient's, at the latest reading.
    """

    def __init__(self, objective: LearnedObjective, true_loss: TrueLoss) -> None:
        """Start with full trust in the learned loss, until the first reading."""
        self.health = GradientHealth(true_loss)
        self._objective = objective
        self._trust, self._cross_entropy = objective.weights
        self._most = max(_MOST, self._cross_entropy)

    def read(
        self, draw: DrawSets, sampler: SetSampler, *, generator: torch.Generator
    ) -> None:
        """Read the gradient's health on fresh sets, and weigh the learned loss by it.

        Waits for the device.

        Args:
            draw: Gives sets of the present model's scores.
            sampler: Knows their targets and weights.
            generator: Draws the directions.
        """
        drawn = draw(_SETS)
        self.health.read(
            self._objective.estimate,
            sampler.y_set,
            drawn.y_score,
            sample_weight=sampler.weight,
            columns=drawn.columns,
            generator=generator,
        )
        self._trust = self.health.trust
        self._weigh()

    def end_round(self, *, is_behind: bool) -> None:
        """Let cross-entropy count more if the learned loss fell behind, else less."""
        if is_behind:
            raised = max(self._cross_entropy, _LEAST) * _STEP
            self._cross_entropy = min(raised, self._most)
        else:
            self._cross_entropy /= _STEP
        self._weigh()

    def reading(self) -> Reading:
        """Return how it stands, for a look's record."""
        return Reading(
            self.health.cosine,
            self.health.dead_share,
            self.health.error,
            *self._objective.weights,
        )

    def _weigh(self) -> None:
        cross_entropy = self._cross_entropy
        if self._trust == 0 and cross_entropy == 0:
            cross_entropy = 1.0  # something must lead
        self._objective.weights = Weights(self._trust, cross_entropy)
