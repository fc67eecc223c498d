"""The lower level of Algorithm 1: sets, their true losses, and the fit to them."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from losslearn._fast import fastest
from losslearn.metrics import Sets, TrueLoss
from losslearn.surrogate.fitter import SurrogateFitter
from losslearn.surrogate.network import SetSurrogate
from losslearn.tasks.task import Task
from losslearn.training.recipe import Recipe

DrawSets = Callable[[int], Sets]
"""Draws so many sets now, with the present model's scores, without gradient."""


class ValuedSets(NamedTuple):
    """Sets and their true losses."""

    sets: Sets
    loss: Float[Tensor, " sets"]

    def picked(self, some: Tensor | slice) -> "ValuedSets":
        """Return some of the sets."""
        return ValuedSets(self.sets.picked(some), self.loss[some])


def joined(ours: Sets, theirs: Sets) -> Sets:
    """Return sets and then others, laid out alike; what holds for all sets stays."""

    def both(one: Tensor, other: Tensor | None) -> Tensor:
        is_own = one.ndim > 1 and len(one) == len(ours.score)
        return torch.cat([one, other]) if is_own and other is not None else one

    return Sets(
        torch.cat([ours.target, theirs.target]),
        torch.cat([ours.score, theirs.score]),
        None if ours.weight is None else both(ours.weight, theirs.weight),
        {name: both(one, theirs.columns[name]) for name, one in ours.columns.items()},
    )


@dataclass(eq=False)
class SurrogateLearner:
    """Keeps a surrogate close to the true loss at the model's scores."""

    fitter: SurrogateFitter
    """Holds the learned loss, beta, and moves it."""
    true_loss: TrueLoss
    """In the form that sets are judged by (see `frames.as_trained`)."""
    task: Task
    recipe: Recipe
    generator: torch.Generator
    _replayed: ValuedSets | None = None

    def learn(self, draw: DrawSets, *, steps: int) -> Float[Tensor, ""]:
        """Take K_beta steps (Algorithm 1, lines 9 to 12); return their mean error.

        One forward pass of the present model, in the mode in which its steps will query
        the surrogate, serves the true losses and the fit of all steps.
        """
        n_sets = self.recipe.n_sets
        sets, loss = self._valued(draw, steps * n_sets)

        def by_step(part: Tensor) -> Tensor:
            # as `unflatten`, which takes longer to find the shape than to change it
            if part.ndim == 1:  # a weight that holds for all sets
                return part
            return part.reshape(steps, n_sets, *part.shape[1:])

        stepped = Sets(
            by_step(sets.target),
            by_step(sets.score),
            None if sets.weight is None else by_step(sets.weight),
            {name: by_step(column) for name, column in sets.columns.items()},
        )
        return self.fitter.fit(stepped, loss.reshape(steps, n_sets)).mean()

    def _valued(self, draw: DrawSets, n: int) -> ValuedSets:
        """Return sets to fit and their true losses (line 10), old ones among the new.

        A share of them is drawn and valued now, the rest are the latest of earlier
        turns: each is fitted `replay` times in all.
        """
        replay = self.recipe.replay
        n_new = math.ceil(n / replay)
        if self._replayed is None or len(self._replayed.loss) < n - n_new:
            n_new = n
        sets = self.fitter.frame.of(draw(n_new))
        if self.recipe.perturbation > 0:
            sets = self.task.perturb(
                sets,
                self.recipe.perturbation,
                # a loss of raw scores also changes as a whole set moves or stretches
                as_a_whole=not self.fitter.surrogate.view.standardize,
                generator=self.generator,
            )
        loss = self.true_loss(sets if self.true_loss.takes_weight else sets.present())
        if n_new < n and self._replayed is not None:
            old = self._replayed.picked(slice(n - n_new))
            sets, loss = joined(sets, old.sets), torch.cat([loss, old.loss])
        valued = ValuedSets(sets, loss)
        if replay == 1:
            return valued
        self._replayed = valued
        mixed = torch.randperm(n, generator=self.generator, device=loss.device)
        return valued.picked(mixed)

    def forget_sets(self) -> None:
        """Forget the sets kept for replay, as when sets are laid out in another way."""
        self._replayed = None

    def state_dict(self) -> dict[str, Any]:
        """Return the surrogate, its optimiser and the sets kept for replay."""
        replayed = None
        if self._replayed is not None:
            # plain, as `torch.load` takes it without running code
            replayed = (*self._replayed.sets, self._replayed.loss)
        return {**self.fitter.state_dict(), "replayed": replayed}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to a state of `state_dict`, in place."""
        self.fitter.load_state_dict(state)
        self.forget_sets()
        if state["replayed"] is not None:
            *sets, loss = state["replayed"]
            if len(sets) != len(Sets._fields) or len(loss) != len(sets[0]):
                raise ValueError("The state's sets for replay do not fit together.")
            kept = Sets(*sets).to(self.fitter.surrogate.loss_scale.device)
            self._replayed = ValuedSets(kept, loss.to(kept.score.device))


def make_learner(
    surrogate: SetSurrogate,
    true_loss: TrueLoss,
    task: Task,
    recipe: Recipe,
    *,
    generator: torch.Generator,
) -> SurrogateLearner:
    """Return the lower level that moves a surrogate in place, in its fastest form.

    The task's first usual loss may be blended with the learned one. The generator is
    the source of all draws, on the surrogate's device.
    """
    usual_loss = next(iter(task.usual_losses.values()))
    lr, max_grad_norm = recipe.surrogate_lr, recipe.max_grad_norm
    fitter = SurrogateFitter(surrogate, usual_loss, lr=lr, max_grad_norm=max_grad_norm)
    return SurrogateLearner(fastest(fitter), true_loss, task, recipe, generator)
