"""The lower level beside a foreign loop: what is learned from a stream of scores."""

import math
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from losslearn.criterion.score_queue import ScoreQueue
from losslearn.metrics import TrueLoss
from losslearn.surrogate.network import SetSurrogate
from losslearn.surrogate.objective import LearnedObjective
from losslearn.tasks.thresholds import best_threshold
from losslearn.training.algorithm import DrawnSets, SurrogateLearner
from losslearn.training.health import GradientHealth
from losslearn.training.recipe import BilevelConfig
from losslearn.training.sampling import SetLayout, set_layout

_HEALTH_EVERY = 80
"""Steps of the surrogate between two readings of the health."""
_HEALTH_SETS = 8
"""Sets of one reading."""
_PATIENCE = 400
"""Steps before a loss without a gradient is called dead: at the model's start many a
good metric has none, as where calling every row positive is best."""
_LAYOUT_EVERY = 64
"""Batches after which the sets are laid out anew, once the stream is known."""


class Valued(NamedTuple):
    """The learned loss of a set."""

    value: Float[Tensor, ""]
    """On the scale of the true loss."""
    slope: Float[Tensor, " n"] | None
    """Its gradient for the scores, in units of the loss's spread; None if not asked."""


class StreamLearner:
    """Learns a surrogate from the batches that pass, whoever trains the model.

    The latest rows are kept in a queue, from which the sets to fit are drawn: the same
    fit as in Algorithm 1, with other rows.

    Attributes:
        blend: The learned loss's part, from 0 to 1: rises towards 1 as far as the
            surrogate's gradient agrees with the true loss's.
        health: Says how far it does.
        error: Mean gap between learned and true loss at the last fit.
        n_fits: Fits so far.
        queue: The latest rows.
    """

    def __init__(
        self,
        surrogate: SetSurrogate,
        true_loss: TrueLoss,
        config: BilevelConfig,
        *,
        queue_size: int,
        warm_up: int,
        learn_every: int,
        prevalence: float | None,
        generator: torch.Generator,
    ) -> None:
        """Start with an empty queue and no part for the learned loss.

        Args:
            surrogate: Where it starts from; on the generator's device.
            true_loss: What it stands in for.
            config: Settings of the fit; `batch_size` is that of the sets.
            queue_size: Latest rows kept.
            warm_up: Batches in which the learned loss comes in, a time constant.
            learn_every: Batches between two fits.
            prevalence: Share of positives that the sets stand for; None takes the
                queue's.
            generator: Source of all draws.
        """
        self.blend = 0.0
        self.health = GradientHealth(true_loss)
        self.error = torch.tensor(math.nan)
        self.queue = ScoreQueue(queue_size)
        self._true_loss, self._config = true_loss, config
        self._warm_up, self._learn_every = warm_up, learn_every
        self._steps = max(config.surrogate_steps, 1)  # as which a fit counts
        self._prevalence = prevalence
        self._layout: SetLayout | None = None
        self._filling: SetLayout | None = None
        self._set_prevalence = math.nan
        self._n_batches = self.n_fits = 0
        self._use(surrogate, generator)

    def _use(self, surrogate: SetSurrogate, generator: torch.Generator) -> None:
        self.surrogate, self._generator = surrogate, generator
        self._learner = SurrogateLearner(
            surrogate, self._true_loss, self._config, generator=generator
        )
        self._objective = LearnedObjective(surrogate)

    @property
    def is_ready(self) -> bool:
        """Whether the queue holds both classes, so that sets have a value."""
        return self._layout is not None

    @property
    def is_dead(self) -> bool:
        """Whether there has long been no gradient to follow."""
        return self.health.is_dead and self.n_fits * self._steps > _PATIENCE

    @property
    def device(self) -> torch.device:
        """Where it learns."""
        return self.surrogate.loss_scale.device

    def take(self, y_score: Float[Tensor, " n"], y_true: Integer[Tensor, " n"]) -> None:
        """Take a batch in, fit the surrogate, and move the blend as health allows.

        Args:
            y_score: Scores, without gradient.
            y_true: Targets, 0 or 1.
        """
        self.queue.push(y_score, y_true)
        self._n_batches += 1
        self._see_stream()
        if self._layout is None or self._n_batches % self._learn_every:
            return
        self._fit(self._layout)
        self.n_fits += 1
        if self.health.is_dead:
            self.blend = 0.0
            return
        pace = min(self._learn_every / self._warm_up, 1)
        self.blend += pace * (self.health.trust - self.blend)

    def fill(self, n_fresh: int) -> tuple[Tensor, Tensor]:
        """Draw what completes so many fresh rows to a set.

        Some rows of each class always, as the fresh ones may be of one; none until the
        queue holds both.

        Returns:
            Scores and targets.
        """
        if self._layout is None:
            rows = torch.empty(0, device=self.device, dtype=torch.float32)
            return rows, rows.long()
        n = max(self._config.batch_size - n_fresh, 2 * self._config.min_per_class)
        if self._filling is None or len(self._filling.y_true) != n:
            self._filling = self._laid_out(n, self._set_prevalence)
        drawn = self.queue.draw(1, self._filling, generator=self._generator)
        return drawn[0], self._filling.y_true

    def value(
        self,
        y_true: Integer[Tensor, " n"],
        y_score: Float[Tensor, " n"],
        *,
        with_slope: bool,
    ) -> Valued:
        """Return the learned loss of a set, as the surrogate is now."""
        weight = self._weight(y_true)
        if not with_slope:
            value = self._objective.estimate(y_true, y_score, sample_weight=weight)
            return Valued(value, None)
        value, slope = self._objective.value_and_slope(
            y_true, y_score, sample_weight=weight
        )
        return Valued(value * self.surrogate.loss_scale, slope)

    def threshold(self) -> float:
        """Return the best threshold on the rows of the queue.

        Raises:
            ValueError: If the loss has none, or the queue does not hold both classes.
        """
        y_score, y_true = self.queue.rows()
        threshold, _ = best_threshold(
            self._true_loss, y_true, y_score, sample_weight=self._row_weight(y_true)
        )
        return threshold

    def true_loss(self) -> float:
        """Return the true loss of the queue's rows, at the best threshold.

        NaN until it holds both classes.
        """
        if not any(self.queue.n_per_class()):
            return math.nan
        y_score, y_true = self.queue.rows()
        weight = self._row_weight(y_true)
        return float(self._true_loss(y_true, y_score, sample_weight=weight))

    def to(self, device: torch.device) -> None:
        """Move all that was learned to a device, in place."""
        if self.device == device:
            return
        state, old = self._learner.state_dict(), self._generator
        generator = torch.Generator(device)
        if old.device.type == device.type:
            generator.set_state(old.get_state())
        else:
            seed = torch.randint(2**62, (), generator=old, device=old.device)
            generator.manual_seed(int(seed))
        self._use(self.surrogate.to(device), generator)
        self._learner.load_state_dict(state)
        self._learner.forget_sets()
        self.queue.to(device)
        self._layout = self._filling = None

    def state_dict(self) -> dict[str, Any]:
        """Return all that a resume needs."""
        return {
            "set_size": self._config.batch_size,
            "device": self._generator.device.type,
            "learner": self._learner.state_dict(),
            "queue": self.queue.state_dict(),
            "health": self.health.state_dict(),
            "generator": self._generator.get_state(),
            "prevalence": self._set_prevalence,
            "blend": self.blend,
            "batches": self._n_batches,
            "fits": self.n_fits,
            "error": self.error,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to a state of `state_dict`, on its device where there is one.

        Raises:
            ValueError: If the state is of another size of queue.
        """
        if _is_present(state["device"]):
            self.to(torch.device(state["device"]))
        self.queue.load_state_dict(state["queue"])
        self.queue.to(self.device)
        self._learner.load_state_dict(state["learner"])
        if state["set_size"] != self._config.batch_size:
            self._learner.forget_sets()
        self.health.load_state_dict(state["health"])
        if self.device.type == state["device"]:
            self._generator.set_state(state["generator"].cpu())
        else:
            self._generator.manual_seed(state["batches"])
        self.blend, self.error = state["blend"], state["error"]
        self._n_batches, self.n_fits = state["batches"], state["fits"]
        self._layout, self._set_prevalence = None, math.nan
        if not math.isnan(state["prevalence"]):
            self._lay_out(state["prevalence"])

    def _fit(self, layout: SetLayout) -> None:
        """Take the surrogate's steps; now and then, read its health."""

        def draw(n_sets: int) -> DrawnSets:
            return DrawnSets(self.queue.draw(n_sets, layout, generator=self._generator))

        if self._config.mode != "universal" and self._config.surrogate_steps > 0:
            self.error = self._learner.learn_sets(
                draw,
                layout.y_true,
                sample_weight=layout.weight,
                steps=self._steps,
            )
        if self.n_fits % max(_HEALTH_EVERY // self._steps, 1) == 0:
            self.health.read(
                self._objective.estimate,
                layout.y_true,
                draw(_HEALTH_SETS).y_score,
                sample_weight=layout.weight,
                generator=self._generator,
            )

    def _see_stream(self) -> None:
        """Lay the sets out as the stream is; not at all until both classes are seen."""
        n_neg, n_pos = self.queue.n_per_class()
        if n_neg == 0 or n_pos == 0:
            self._layout, self._set_prevalence = None, math.nan
            return
        n = self._n_batches
        is_due = n % _LAYOUT_EVERY == 0 or n & (n - 1) == 0
        if self._layout is None or is_due:
            self._lay_out(self._prevalence or n_pos / (n_neg + n_pos))

    def _lay_out(self, prevalence: float) -> None:
        layout = self._laid_out(self._config.batch_size, prevalence)
        if self._layout is not None and self._layout.n_pos != layout.n_pos:
            self._learner.forget_sets()
        self._layout, self._set_prevalence = layout, prevalence
        self._filling = None

    def _laid_out(self, n: int, prevalence: float) -> SetLayout:
        weighs = self._true_loss.takes_weight
        return set_layout(
            n,
            prevalence,
            min_per_class=self._config.min_per_class if weighs else 1,
            prevalence_weights=weighs,
            device=self.device,
        )

    def _weight(self, y_true: Tensor) -> Tensor:
        """Return weights that give both classes of a set their share of the stream."""
        prevalence = self._set_prevalence
        is_pos = y_true.to(torch.float32)
        if math.isnan(prevalence) or not self._true_loss.takes_weight:
            return torch.ones_like(is_pos)
        n, n_pos = len(is_pos), is_pos.sum()
        positive = prevalence * n / n_pos.clamp_min(1)
        negative = (1 - prevalence) * n / (n - n_pos).clamp_min(1)
        return torch.where(y_true > 0, positive, negative)

    def _row_weight(self, y_true: Tensor) -> Tensor | None:
        """Return the weights of the queue's rows; None where all weigh the same."""
        if self._prevalence is None or not self._true_loss.takes_weight:
            return None
        return self._weight(y_true)


def _is_present(device_type: str) -> bool:
    try:
        torch.empty(0, device=device_type)
    except (AssertionError, RuntimeError):  # what PyTorch raises where there is none
        return False
    return True
