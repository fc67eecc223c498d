"""Two branches from one warm-up: the learned loss, and the control beside it."""

import math
import time
from functools import partial
from typing import Any, NamedTuple, Self

from losslearn.metrics import MetricError
from losslearn.surrogate.network import SetSurrogate
from losslearn.training.learned import Learned
from losslearn.training.loop import Run, Snapshot, Trainer, Watcher
from losslearn.training.solved import has_solution, solve
from losslearn.training.time_limit import solving_deadline
from losslearn.training.tuning import Tried, tune

LEARNED = "surrogate"
"""The method that follows the learned loss; the control is named for its usual loss."""


class Settled(NamedTuple):
    """What both methods are trained with, chosen or given."""

    model_lr: float
    penalty: float
    is_solved: bool
    """Whether the control is the usual loss's own solution."""
    max_iter: int
    """Iterations of each method."""
    n_tried: int
    """Settings that were tried; 0 where none was to be chosen."""
    length: int | None = None
    """Of a solution that grows, such as how many trees."""

    @classmethod
    def of(cls, branches: "Branches") -> Self:
        """Return what branches that have trained are settled on."""
        recipe, n_tried = branches.trainer.recipe, len(branches.results)
        penalty = recipe.penalty or 0.0
        is_solved, length = branches.is_solved, branches.length
        return cls(recipe.rate, penalty, is_solved, recipe.max_iter, n_tried, length)


class Branches:
    """Both branches of a comparison, a round each in turn.

    Attributes:
        stage: 0 for the warm-up; then, for each round, one of the learned loss and one
            of the control; the one after them when all is done.
        control: The control's run.
        ours: That of the learned loss, once the warm-up is done.
        results: What was tried to settle the recipe.
        is_solved: Whether the control is the usual loss's own solution.
        length: Its, as of `Setting`.
    """

    def __init__(self, trainer: Trainer, surrogate: SetSurrogate) -> None:
        """Train nothing yet; the surrogate is refined in place."""
        self.trainer, recipe = trainer, trainer.recipe
        usual_name, self.usual_loss = trainer.usual
        usual_weight = recipe.usual_weight
        self.learned = Learned.of(trainer, surrogate, usual_weight=usual_weight)
        self.stage, self.control = 0, Run(usual_name)
        self.results: list[Tried] = []
        self.is_solved = False
        self.length: int | None = None
        self.ours = self.control.branch(LEARNED)
        self._ours_at: Snapshot | None = None
        self._control_at: Snapshot | None = None
        self._is_resumed, self._begin = False, time.perf_counter()

    def go_on(
        self,
        run: Run,
        until: int,
        *,
        watch: Watcher | None,
        start: Snapshot | None = None,
        deadline: float = math.inf,
    ) -> None:
        """Carry a run on by the loss of its method, from a start."""
        is_resumed, self._is_resumed = self._is_resumed, False
        if start is not None and not is_resumed:
            self.trainer.restore(start)
        train = partial(self.trainer.train, run, self.usual_loss)
        if run.method == LEARNED:
            train = partial(self.learned.train, self.trainer, run)
        train(until, watch=watch, deadline=deadline, is_resumed=is_resumed)

    def timed(self, *, is_learned: bool, n_iter: int) -> float:
        """Return the seconds of the first turns of either branch; raise what stops."""
        run = Run(LEARNED if is_learned else self.control.method)
        begin = time.perf_counter()
        self.go_on(run, n_iter, watch=None)
        if run.failure is not None:
            raise run.failure
        if run.interrupted:
            raise KeyboardInterrupt
        return time.perf_counter() - begin

    def train(self, watch: Watcher | None, deadline: float) -> tuple[Run, Run]:
        """Return the learned loss's run and the control's."""
        control = self.control
        if self.stage == 0:
            self._warm_up(watch, deadline)
        recipe = self.trainer.recipe
        ours, ends = self.ours, recipe.round_ends()
        while self.stage <= 2 * len(ends) and not control.is_stopped:
            until = ends[(self.stage - 1) // 2]
            if self.stage % 2 == 1:
                start = self._ours_at
                self.go_on(ours, until, watch=watch, start=start, deadline=deadline)
                self._ours_at = self.trainer.snapshot()
                if ours.is_stopped:
                    break
            else:
                # as many steps as the other had, should time or patience have ended it
                self._follow(ours.n_iter, watch)
                if ours.n_iter < until:
                    break
                self._end_round(is_last=ours.n_iter >= recipe.max_iter)
            self.stage += 1
        self._judge_start()
        if not (ours.is_stopped or control.is_stopped):
            self.stage = 2 * len(ends) + 1  # whatever ended it
        return ours, control

    def _warm_up(self, watch: Watcher | None, deadline: float) -> None:
        """Train by the usual loss alone, from which both branches go on."""
        control = self.control
        if not self.trainer.recipe.is_settled:
            self._settle(watch, deadline)
        until = self.trainer.recipe.warm_up_iter
        if until and not (self.is_solved or control.is_stopped):
            self.go_on(control, until, watch=watch, deadline=deadline)
        self._ours_at = self._control_at = self.trainer.snapshot()
        self.ours, self.stage = control.branch(LEARNED), 1
        # the short runs are the control's
        self.ours.bests = {
            length: best
            for length, best in control.bests.items()
            if length == self.trainer.recipe.max_iter
        }

    def _settle(self, watch: Watcher | None, deadline: float) -> None:
        """Choose what the recipe leaves open, by solutions or by short runs."""
        trainer, control = self.trainer, self.control
        if trainer.recipe.warm_up_iter and has_solution(trainer):
            until = solving_deadline(deadline, trainer)
            done = solve(trainer, control, self.results, watch=watch, deadline=until)
            self.length = done.length
            self.is_solved = True
        else:
            tune(trainer, control, self.results, deadline=deadline)

    def _follow(self, until: int, watch: Watcher | None) -> None:
        """Take the control as far as the other branch; a minimum has nowhere to go."""
        if self.is_solved:
            record = self.control.stand(until)
            try:
                if watch is not None:
                    watch(record)
            except KeyboardInterrupt as stop:
                self.control.stop(stop)
        else:
            self.go_on(self.control, until, watch=watch, start=self._control_at)
            self._control_at = self.trainer.snapshot()

    def _judge_start(self) -> None:
        """Give the control, if it has none, the weights it was to start from."""
        if self.control.best_state or self._control_at is None:
            return
        self.trainer.restore(self._control_at)
        try:
            self.go_on(self.control, 0, watch=None)
        except MetricError:
            self.control.best_state = self.trainer.predictor.weights()

    def _end_round(self, *, is_last: bool) -> None:
        """Give the learned loss's progress up where it is behind the control."""
        is_behind = self.control.last_loss < self.ours.last_loss
        if is_behind and not is_last:
            self.ours.adopt(self.control)
            self._ours_at = self._control_at
        if self.learned.balance is not None:
            self.learned.balance.end_round(is_behind=is_behind)

    def state_dict(self) -> dict[str, Any]:
        """Return all that training on from here depends on, but data and recipe."""
        return {
            "recipe": self.trainer.recipe.get_params(),
            "seconds": time.perf_counter() - self._begin,
            "stage": self.stage,
            "control": self.control.state_dict(),
            "ours": self.ours.state_dict(),
            "ours_at": self._ours_at,
            "control_at": self._control_at,
            "results": self.results,
            "is_solved": self.is_solved,
            "length": self.length,
            "now": self.trainer.snapshot(),
            "learned": self.learned.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to a state of `state_dict`, of this fit."""
        self.stage = state["stage"]
        self.results = [Tried(*tried) for tried in state["results"]]
        self._begin -= state["seconds"]
        self.control = Run.from_state(state["control"])
        if not self.trainer.recipe.is_settled:
            return  # nothing was trained but short runs
        self._is_resumed, self.is_solved = True, state["is_solved"]
        self.length = state["length"]
        self.ours = Run.from_state(state["ours"])
        if self.stage > 0:
            self._ours_at = Snapshot.from_state(state["ours_at"])
            self._control_at = Snapshot.from_state(state["control_at"])
        self.trainer.restore(Snapshot.from_state(state["now"]))
        self.learned.load_state_dict(state["learned"])
