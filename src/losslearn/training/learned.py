"""What a run is led by that follows the learned loss: loss, its fit, its health."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

from losslearn.surrogate.network import SetSurrogate
from losslearn.surrogate.objective import LearnedObjective
from losslearn.training.frames import as_trained, find_frame
from losslearn.training.loop import Run, Trainer, Watcher
from losslearn.training.lower import DrawSets, SurrogateLearner, make_learner
from losslearn.training.trust import Balance


@dataclass(frozen=True)
class Learned:
    """The learned loss, and what keeps it close to the true one."""

    lower: SurrogateLearner
    objective: LearnedObjective
    balance: Balance | None
    """None where the weights stay as they are."""
    is_refined: bool
    """Whether the surrogate goes on learning."""
    find_frame: Callable[[DrawSets], None] | None
    """Finds, at the start of a round, where decisions turn."""

    @classmethod
    def of(
        cls, trainer: Trainer, surrogate: SetSurrogate, *, usual_weight: float
    ) -> Self:
        """Return it for a trainer's recipe; the surrogate is refined in place."""
        recipe, true_loss, task = trainer.recipe, trainer.true_loss, trainer.task
        judged, draws = as_trained(true_loss, recipe), trainer.generator
        lower = make_learner(surrogate, judged, task, recipe, generator=draws)
        objective = LearnedObjective(lower.fitter, usual_weight=usual_weight)
        squashed = trainer.predictor.separates and true_loss.needs_rule
        find = partial(
            find_frame,
            true_loss=true_loss,
            task=task,
            fitter=lower.fitter,
            squashed=squashed,
        )
        return cls(
            lower,
            objective,
            Balance(objective, judged) if recipe.adaptive else None,
            recipe.mode != "universal",
            find if judged.framed or squashed else None,
        )

    def train(
        self,
        trainer: Trainer,
        run: Run,
        until: int,
        *,
        watch: Watcher | None = None,
        deadline: float = math.inf,
        is_resumed: bool = False,
    ) -> None:
        """Carry a run on, as `Trainer.train` does."""
        trainer.train(
            run,
            self.objective,
            until,
            learner=self.lower if self.is_refined else None,
            balance=self.balance,
            prepare=self.find_frame,
            watch=watch,
            deadline=deadline,
            is_resumed=is_resumed,
        )

    def weigh_usual(self, weight: float) -> None:
        """Set what the usual loss counts for beside the learned one."""
        if self.balance is None:
            own = self.objective
            own.weights = own.weights._replace(usual=weight)
        else:
            self.balance.weigh_usual(weight)

    def state_dict(self) -> dict[str, Any]:
        """Return all that it has learned."""
        balance = None if self.balance is None else self.balance.state_dict()
        return {"lower": self.lower.state_dict(), "balance": balance}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to a state of `state_dict`, of this fit."""
        self.lower.load_state_dict(state["lower"])
        if self.balance is not None:
            self.balance.load_state_dict(state["balance"])
