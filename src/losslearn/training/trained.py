"""Both methods trained on some rows, with their scores of others."""

import copy
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, Self

import torch
from torch import Tensor

from losslearn.metrics import MetricError, Sets
from losslearn.models.global_draws import own_draws
from losslearn.models.predictor import Predictor
from losslearn.models.rows import Rows
from losslearn.surrogate.network import SetSurrogate
from losslearn.training.branches import Branches, Settled
from losslearn.training.loop import Run, Trainer, Watcher
from losslearn.training.recipe import Recipe
from losslearn.training.setup import Setup
from losslearn.training.solved import grows
from losslearn.training.time_limit import fit_into
from losslearn.training.trust import GradientHealth

_CPU = torch.device("cpu")


class Keeper(Protocol):
    """Keeps the state of a fit while it runs."""

    def load(self) -> dict[str, Any] | None:
        """Return the state; None if there is none, or none of this fit."""

    def keep(
        self, state: Callable[[], dict[str, Any]], *, is_last: bool = False
    ) -> None:
        """Keep the state where it is time again, a fit's last one in any case."""


@dataclass(frozen=True)
class Trained:
    """What the training of both methods has come to."""

    learned: Run
    usual: Run
    sets: Mapping[str, Sets]
    """The validation rows with the scores of each method's best weights, by name."""
    settled: Settled
    surrogate: SetSurrogate
    """As it stood after the last turn."""
    seen: Mapping[str, Tensor] = field(default_factory=dict)
    """The scores of `some_rows` of those trained on, by name, where decisions are to be
    carried over by them."""
    health: GradientHealth | None = None
    """Of the learned loss's gradient at the last look; None where it was not read."""

    @property
    def runs(self) -> dict[str, Run]:
        """The runs by the names of their methods."""
        return {run.method: run for run in (self.learned, self.usual)}

    @property
    def is_stopped(self) -> bool:
        """Whether either was ended from outside."""
        return self.learned.is_stopped or self.usual.is_stopped

    @property
    def stop(self) -> KeyboardInterrupt | MetricError:
        """What ended it; Ctrl-C where no metric failed."""
        return self.learned.failure or self.usual.failure or KeyboardInterrupt()

    def state_dict(self) -> dict[str, Any]:
        """Return the runs, and what they were trained with, but no rows."""
        return {
            "learned": self.learned.state_dict(),
            "usual": self.usual.state_dict(),
            "score": {name: sets.score for name, sets in self.sets.items()},
            "settled": tuple(self.settled),
            # a copy: the fit on all rows goes on from it
            "surrogate": copy.deepcopy(self.surrogate.state_dict()),
            "seen": dict(self.seen),
        }

    @classmethod
    def from_state(
        cls, state: dict[str, Any], valid: Rows, surrogate: SetSurrogate
    ) -> Self:
        """Undo `state_dict`, for the same validation rows, with such a surrogate."""
        valid = valid.to(_CPU)
        sets = {name: valid.whole(score) for name, score in state["score"].items()}
        learned, usual = (Run.from_state(state[one]) for one in ("learned", "usual"))
        settled = Settled(*state["settled"])
        surrogate.load_state_dict(state["surrogate"])
        return cls(learned, usual, sets, settled, surrogate, state["seen"])


def train_both(
    make_predictor: Callable[[], Predictor],
    valid: Rows,
    setup: Setup,
    *,
    max_time: float | None = None,
    watch: Watcher | None = None,
    checkpoint: Keeper | None = None,
) -> tuple[Trained, Predictor]:
    """Train for the metric and, with the same model, batches and steps, its control.

    As of `compare`, which goes on from here; the predictor is left with either one's
    best weights.
    """
    true_loss, task, surrogate, recipe, seed = setup
    device = valid.x.device
    kept = None if checkpoint is None else checkpoint.load()
    max_time = None if max_time == math.inf else max_time
    # dropout and initialisation know no generator of their own
    with own_draws(device):
        # not before: what is waited for another thread's fit is no training
        deadline = math.inf if max_time is None else time.perf_counter() + max_time
        if kept is not None:
            deadline -= kept["seconds"]
        torch.manual_seed(seed)
        predictor = make_predictor()
        draws = torch.Generator(device).manual_seed(seed)
        trainer = Trainer(predictor, valid, true_loss, task, recipe, generator=draws)
        if kept is not None:
            trainer.recipe = Recipe.from_state(kept["recipe"])
        elif max_time is not None and not grows(trainer):  # else no turn can be timed
            pilot = Branches(trainer, copy.deepcopy(surrogate))
            trainer.recipe = fit_into(deadline, trainer, pilot.timed)
            del pilot
        branches = Branches(trainer, surrogate)
        if checkpoint is not None:
            trainer.after_look = partial(checkpoint.keep, branches.state_dict)
        if kept is not None:
            branches.load_state_dict(kept)
        learned, usual = branches.train(watch, deadline)
        if checkpoint is not None and not (learned.is_stopped or usual.is_stopped):
            checkpoint.keep(branches.state_dict, is_last=True)
        balance = branches.learned.balance
        settled = Settled.of(branches)
        trainer.after_look = None  # which holds both
        del branches, trainer  # the sampler holds a number for each row
    sets = {}
    for run in (learned, usual):
        predictor.load_weights(run.best_state)
        score = predictor.predict(valid, exactly=True)
        sets[run.method] = valid.whole(score).to(_CPU)
    health = None if balance is None else balance.health
    found = Trained(learned, usual, sets, settled, surrogate, health=health)
    return found, predictor
