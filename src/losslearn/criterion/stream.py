"""The lower level beside a foreign loop: what is learned from a stream of scores."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from losslearn.criterion.queue import ScoreQueue
from losslearn.metrics import Sets, TrueLoss
from losslearn.surrogate.network import SetSurrogate
from losslearn.surrogate.objective import LearnedObjective
from losslearn.tasks.task import Rule, Task
from losslearn.training.lower import make_learner
from losslearn.training.recipe import Recipe
from losslearn.training.sampling import SetLayout, set_layout, shares_of
from losslearn.training.trust import STRENGTH, GradientHealth

_HEALTH_EVERY = 80
"""Steps of the surrogate between two readings of the health."""
_HEALTH_SETS = 8
"""Sets of one reading."""
_PATIENCE = 400
"""Steps before a loss without a gradient is called dead: at the model's start many a
good metric has none, as where one decision for all rows is best."""
_LAYOUT_EVERY = 64
"""Batches after which the sets are laid out anew, once the stream is known."""


@dataclass(eq=False, kw_only=True)
class StreamLearner:
    """Learns a surrogate from the batches that pass, whoever trains the model.

    The latest rows are kept in a queue, from which the sets to fit are drawn: the same
    fit as in Algorithm 1, with other rows. The settings are those of `SurrogateLoss`,
    with batches for its calls.
    """

    surrogate: SetSurrogate
    true_loss: TrueLoss
    task: Task
    recipe: Recipe
    queue: ScoreQueue
    warm_up: int
    learn_every: int
    shares: Sequence[float] | None
    """Of its prevalence."""
    generator: torch.Generator
    """On the surrogate's device."""
    blend: float = 0.0
    """The learned loss's part, from 0 to 1: rises towards 1 as far as the surrogate's
    gradient agrees with the true loss's, as its health says."""
    error: Tensor = field(default_factory=lambda: torch.tensor(math.nan))
    """Mean gap between learned and true loss at the last fit."""
    n_fits: int = 0
    _n_batches: int = 0
    _layout: SetLayout | None = None
    _filling: SetLayout | None = None
    _set_shares: list[float] | None = None

    def __post_init__(self) -> None:
        """Make what learns and what says how well."""
        self.health = GradientHealth(self.true_loss)
        self._steps = max(self.recipe.surrogate_steps, 1)  # as which a fit counts
        self._use(self.surrogate, self.generator)

    def _use(self, surrogate: SetSurrogate, generator: torch.Generator) -> None:
        self.surrogate, self.generator = surrogate, generator
        self._learner = make_learner(
            surrogate, self.true_loss, self.task, self.recipe, generator=generator
        )
        self._objective = LearnedObjective(self._learner.fitter)

    @property
    def is_ready(self) -> bool:
        """Whether the queue holds all strata, so that sets have a value."""
        return self._layout is not None

    @property
    def is_dead(self) -> bool:
        """Whether there has long been no gradient to follow."""
        return self.health.is_dead and self.n_fits * self._steps > _PATIENCE

    @property
    def device(self) -> torch.device:
        """Where it learns."""
        return self.surrogate.loss_scale.device

    def take(self, score: Tensor, target: Tensor) -> None:
        """Take a batch in, fit the surrogate, and move the blend as health allows."""
        self.queue.push(score, target, strata=self.task.strata(target))
        self._n_batches += 1
        self._see_stream()
        if self._layout is None or self._n_batches % self.learn_every:
            return
        self._fit(self._layout)
        self.n_fits += 1
        pace = min(self.learn_every / self.warm_up, 1)
        self.blend += pace * (self.health.trust - self.blend)
        if self.health.is_dead:
            self.blend = 0.0

    def fill(self, n_fresh: int) -> Sets | None:
        """Draw what completes so many fresh rows to a set: one axis of rows.

        Some rows of each stratum always, as the fresh ones may be of one. None until
        the queue holds all strata.
        """
        if self._layout is None or self._set_shares is None:
            return None
        least = len(self._set_shares) * self.recipe.min_per_stratum
        n = max(self.recipe.batch_size - n_fresh, least)
        if self._filling is None or sum(self._filling.sizes) != n:
            self._filling = self._laid_out(n, self._set_shares)
        drawn = self.queue.draw(1, self._filling, generator=self.generator)
        return Sets(drawn.target[0], drawn.score[0])

    def value(self, sets: Sets, *, with_slope: bool) -> tuple[Tensor, Tensor | None]:
        """Return the learned loss of a set, as it is now, on the true loss's scale.

        And, if asked, its gradient for the scores, in units of the loss's spread.
        """
        weighed = sets._replace(weight=self._weight(sets.target))
        if not with_slope:
            return self._learner.fitter.values(weighed), None
        value, slope = self._objective.value_and_slope(weighed)
        return value * self.surrogate.loss_scale, slope

    def rule(self) -> Rule:
        """Return the usual decision rule, fitted to the rows of the queue."""
        return self.task.plain_rule(self.true_loss, self._rows())

    def queue_loss(self) -> float:
        """Return the true loss of the queue's rows; NaN where there are none."""
        if not any(self.queue.counts()):
            return math.nan
        return float(self.true_loss(self._rows()))

    def to(self, device: torch.device) -> None:
        """Move all that was learned to a device, in place."""
        if self.device == device:
            return
        state, old = self._learner.state_dict(), self.generator
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
            "set_size": self.recipe.batch_size,
            "device": self.generator.device.type,
            "learner": self._learner.state_dict(),
            "queue": self.queue.state_dict(),
            "health": self.health.state_dict(),
            "generator": self.generator.get_state(),
            "shares": self._set_shares,
            "blend": self.blend,
            "batches": self._n_batches,
            "fits": self.n_fits,
            "error": self.error,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to a state of `state_dict`, on its device where there is one."""
        if _is_present(state["device"]):
            self.to(torch.device(state["device"]))
        self.queue.load_state_dict(state["queue"])
        self.queue.to(self.device)
        self._learner.load_state_dict(state["learner"])
        if state["set_size"] != self.recipe.batch_size:
            self._learner.forget_sets()
        self.health.load_state_dict(state["health"])
        if self.device.type == state["device"]:
            self.generator.set_state(state["generator"].cpu())
        else:
            self.generator.manual_seed(state["batches"])
        self.blend, self.error = state["blend"], state["error"]
        self._n_batches, self.n_fits = state["batches"], state["fits"]
        self._layout = self._set_shares = None
        if state["shares"] is not None:
            self._lay_out(state["shares"])

    def check(self) -> None:
        """Check that it can go on from what was loaded.

        Raises:
            ValueError: If a number is none, or out of its range.
        """
        counts = {"batches": self._n_batches, "fits": self.n_fits}
        for name, count in counts.items():
            if type(count) is not int or count < 0:
                raise ValueError(f"The state holds no count of {name}, but {count!r}.")
        if not (isinstance(self.blend, int | float) and 0 <= self.blend <= 1):
            raise ValueError(f"The state holds no blend in [0, 1], but {self.blend!r}.")
        float(self.error)
        for name, weights in self.surrogate.state_dict().items():
            if not bool(weights.isfinite().all()):
                raise ValueError(f"The state's {name!r} are not all finite numbers.")
        self.queue.check()

    def _fit(self, layout: SetLayout) -> None:
        """Take the surrogate's steps; now and then, read its health."""

        def draw(n_sets: int) -> Sets:
            return self.queue.draw(n_sets, layout, generator=self.generator)

        if self.recipe.mode != "universal" and self.recipe.surrogate_steps > 0:
            self.error = self._learner.learn(draw, steps=self._steps)
        if self.n_fits % max(_HEALTH_EVERY // self._steps, 1) == 0:
            sets, learned = draw(_HEALTH_SETS), self._learner.fitter.values
            step = self.task.directions(sets, STRENGTH, generator=self.generator)
            both = (sets._replace(score=sets.score + one) for one in (step, -step))
            self.health.read(learned, *both)

    def _see_stream(self) -> None:
        """Lay the sets out as the stream is; not at all until all strata are seen."""
        counts = self.queue.counts()
        if len(counts) < self.task.n_strata or not all(counts):
            self._layout = self._set_shares = None
            return
        n = self._n_batches
        is_due = n % _LAYOUT_EVERY == 0 or n & (n - 1) == 0
        if self._layout is None or is_due:
            self._lay_out(list(self.shares or shares_of(counts)))

    def _lay_out(self, shares: list[float]) -> None:
        layout = self._laid_out(self.recipe.batch_size, shares)
        if self._layout is not None and self._layout.sizes != layout.sizes:
            self._learner.forget_sets()
        self._layout, self._set_shares = layout, shares
        self._filling = None

    def _laid_out(self, n: int, shares: list[float]) -> SetLayout:
        weighs = self.true_loss.takes_weight
        return set_layout(
            n,
            shares,
            min_per_stratum=self.recipe.min_per_stratum if weighs else 1,
            weigh_back=weighs,
            device=self.device,
        )

    def _weight(self, target: Tensor) -> Tensor:
        """Return weights that give the strata of a set their shares of the stream."""
        strata = self.task.strata(target).long()
        if self._set_shares is None or not self.true_loss.takes_weight:
            return torch.ones(len(strata), device=strata.device)
        wanted = [share * len(strata) for share in self._set_shares]
        counts = torch.bincount(strata, minlength=len(wanted)).float().clamp_min(1)
        return (counts.reciprocal() * counts.new_tensor(wanted))[strata]

    def _rows(self) -> Sets:
        """Return the queue's rows, with weights where all do not weigh the same."""
        rows = self.queue.rows()
        if self.shares is None or not self.true_loss.takes_weight:
            return rows
        return rows._replace(weight=self._weight(rows.target))


def _is_present(device_type: str) -> bool:
    try:
        torch.empty(0, device=device_type)
    except (AssertionError, RuntimeError):  # what PyTorch raises where there is none
        return False
    return True
