"""One fit for the metric beside its control, the usual loss, from a shared warm-up."""

import copy
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple

import torch

from losslearn._fast import fastest
from losslearn.metrics import MetricError, Sets, TrueLoss
from losslearn.models.global_draws import own_draws
from losslearn.models.predictor import Predictor
from losslearn.models.rows import Rows
from losslearn.surrogate.fitter import SurrogateFitter
from losslearn.surrogate.network import SetSurrogate
from losslearn.surrogate.objective import LearnedObjective
from losslearn.tasks.choice import Choice
from losslearn.tasks.task import Task, fit_rule
from losslearn.training.checkpoint import Checkpoint
from losslearn.training.dear import laid_out, pilot_sets
from losslearn.training.loop import Run, Snapshot, Trainer, Watcher
from losslearn.training.lower import SurrogateLearner
from losslearn.training.recipe import Recipe
from losslearn.training.sparing import Sparing
from losslearn.training.trust import Balance, GradientHealth
from losslearn.training.uncertainty import Difference, loss_difference

LEARNED = "surrogate"
"""The method that follows the learned loss; the control is named for its usual loss."""

_CPU = torch.device("cpu")

_PILOT = 0.1
"""Share of the time that the metric may take while turns are timed."""


class Decided(NamedTuple):
    """The validation rows by a method's best weights, and how they are decided."""

    sets: Sets
    """With the scores."""
    choice: Choice
    """The rule that stands, and its loss; NaN for a metric that failed there."""


@dataclass(frozen=True)
class Comparison:
    """Both methods' runs, and the one to use."""

    learned: Run
    usual: Run
    chosen: str
    """Name of a method."""
    surrogate: SetSurrogate
    """As it stood after the last turn."""
    difference: Difference
    """Validation loss of the learned loss's best weights minus the control's."""
    health: GradientHealth | None
    """Of the learned loss's gradient at the last look; None where it was not read."""
    sparing: Sparing = field(default_factory=Sparing)
    """Knows whether the user's metric failed once there was something to keep."""
    decided: Mapping[str, Decided] = field(default_factory=dict)
    """Of each method, by its name."""

    @property
    def runs(self) -> dict[str, Run]:
        """The runs by the names of their methods."""
        return {run.method: run for run in (self.learned, self.usual)}

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended the fit early."""
        return self.learned.interrupted or self.usual.interrupted

    def loss(self, method: str) -> float:
        """Return a method's loss on the validation rows, as they are decided."""
        loss = self.decided[method].choice.loss
        return self.runs[method].best_loss if math.isnan(loss) else loss

    @property
    def is_done(self) -> bool:
        """Whether nothing ended the fit early, and the metric never failed."""
        return not (self.interrupted or self.sparing.failure)


def compare(
    make_predictor: Callable[[], Predictor],
    valid: Rows,
    true_loss: TrueLoss,
    task: Task,
    surrogate: SetSurrogate,
    recipe: Recipe,
    *,
    seed: int,
    max_time: float | None = None,
    watch: Watcher | None = None,
    checkpoint: Checkpoint | None = None,
) -> tuple[Comparison, Predictor]:
    """Train for the metric and, with the same model, batches and steps, its control.

    Both start from one warm-up by the usual loss. Then the learned loss takes over in
    one branch, and the usual one goes on in the other, in rounds. The learned loss's
    progress is accepted by the true loss on the validation rows: where a round leaves
    it behind the control, its branch goes on from the control's weights. In the end it
    is chosen if its validation loss is lower by more than the standard error of the
    difference; the control wins where the rows cannot tell.

    The surrogate is refined in place unless `recipe.mode` is "universal". All
    randomness, that of the model's weights too, comes from the seed, and the global
    generators are left as they were; fits in several threads train one after the other,
    so that each is what it is alone. For `max_time`, in seconds for both methods,
    `max_iter` is lowered. From a checkpoint of the same fit it goes on to the very same
    end; the file stays, for what comes after the training may be interrupted too. A
    metric that fails ends the training as Ctrl-C does.

    Returns:
        The comparison, and the predictor with the chosen method's best weights.

    Raises:
        ValueError: If the training rows lack a stratum, or the model does not give
            scores as the task wants them.
        MetricError: If the metric fails before there is anything to keep;
            `KeyboardInterrupt` for Ctrl-C likewise.
    """
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
        elif max_time is not None:
            pilot = _Branches(trainer, copy.deepcopy(surrogate))
            trainer.recipe = _fit_into(deadline, pilot)
            del pilot
        branches = _Branches(trainer, surrogate)
        if checkpoint is not None:
            trainer.after_look = partial(checkpoint.keep, branches.state_dict)
        if kept is not None:
            branches.load_state_dict(kept)
        learned, usual = branches.train(watch, deadline)
        if checkpoint is not None and not (learned.is_stopped or usual.is_stopped):
            checkpoint.keep(branches.state_dict, is_last=True)
        balance = branches.balance
        del branches, trainer  # the sampler holds a number for each row
    sparing = Sparing(learned.failure or usual.failure)
    decided = {}
    for run in (learned, usual):  # each is judged by its own rule
        predictor.load_weights(run.best_state)
        rows = valid.whole(predictor.predict(valid, exactly=True)).to(_CPU)
        choice = _spared_choice(task, true_loss, rows, sparing, seed=seed)
        decided[run.method] = Decided(rows, choice)
    both = [one.choice.decided for one in decided.values()]
    strata = task.strata(both[0].target)
    difference = sparing(
        lambda: loss_difference(true_loss, both, strata=strata, seed=seed),
        lambda: Difference(learned.best_loss - usual.best_loss, math.nan),
    )
    chosen = learned if difference.is_clear_gain else usual
    predictor.load_weights(chosen.best_state)
    health = None if balance is None else balance.health
    found = Comparison(
        learned, usual, chosen.method, surrogate, difference, health, sparing, decided
    )
    return found, predictor


def _spared_choice(
    task: Task, true_loss: TrueLoss, sets: Sets, sparing: Sparing, *, seed: int
) -> Choice:
    """Return the rule as `fit_rule` does; if the metric fails, one without it.

    The loss is NaN then.
    """
    without = true_loss.without_rule()
    return sparing(
        lambda: fit_rule(task, true_loss, sets, seed=seed),
        lambda: Choice(task.plain_rule(without, sets), "", sets, math.nan, []),
    )


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


class _Branches:
    """Both branches of a comparison, a round each in turn.

    Attributes:
        stage: 0 for the warm-up; then, for each round, one of the learned loss and one
            of the control; the one after them when all is done.
        control: The control's run.
        ours: That of the learned loss, once the warm-up is done.
    """

    def __init__(self, trainer: Trainer, surrogate: SetSurrogate) -> None:
        self.trainer, recipe, draws = trainer, trainer.recipe, trainer.generator
        true_loss, task = trainer.true_loss, trainer.task
        usual_name, self.usual_loss = next(iter(task.usual_losses.items()))
        self._lower = make_learner(surrogate, true_loss, task, recipe, generator=draws)
        self.learner = None if recipe.mode == "universal" else self._lower
        usual_weight = recipe.usual_weight
        self.learned = LearnedObjective(self._lower.fitter, usual_weight=usual_weight)
        balance = Balance(self.learned, true_loss, task)
        self.balance = balance if recipe.adaptive else None
        self.stage, self.control = 0, Run(usual_name)
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
        is_learned = run.method == LEARNED
        is_resumed, self._is_resumed = self._is_resumed, False
        if start is not None and not is_resumed:
            self.trainer.restore(start)
        self.trainer.train(
            run,
            self.learned if is_learned else self.usual_loss,
            until,
            learner=self.learner if is_learned else None,
            balance=self.balance if is_learned else None,
            watch=watch,
            deadline=deadline,
            is_resumed=is_resumed,
        )

    def train(self, watch: Watcher | None, deadline: float) -> tuple[Run, Run]:
        """Return the learned loss's run and the control's."""
        recipe, control = self.trainer.recipe, self.control
        if self.stage == 0:
            until = recipe.warm_up_iter
            if until:
                self.go_on(control, until, watch=watch, deadline=deadline)
            self._ours_at = self._control_at = self.trainer.snapshot()
            self.ours, self.stage = control.branch(LEARNED), 1
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
                self.go_on(control, ours.n_iter, watch=watch, start=self._control_at)
                self._control_at = self.trainer.snapshot()
                if ours.n_iter < until:
                    break
                self._end_round(is_last=ours.n_iter >= recipe.max_iter)
            self.stage += 1
        self._judge_start()
        if not (ours.is_stopped or control.is_stopped):
            self.stage = 2 * len(ends) + 1  # whatever ended it
        return ours, control

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
        if self.balance is not None:
            self.balance.end_round(is_behind=is_behind)

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
            "now": self.trainer.snapshot(),
            "lower": self._lower.state_dict(),
            "balance": None if self.balance is None else self.balance.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to a state of `state_dict`, of this fit."""
        self.stage, self._is_resumed = state["stage"], True
        self._begin -= state["seconds"]
        self.control = Run.from_state(state["control"])
        self.ours = Run.from_state(state["ours"])
        if self.stage > 0:
            self._ours_at = Snapshot.from_state(state["ours_at"])
            self._control_at = Snapshot.from_state(state["control_at"])
        self.trainer.restore(Snapshot.from_state(state["now"]))
        self._lower.load_state_dict(state["lower"])
        if self.balance is not None:
            self.balance.load_state_dict(state["balance"])


def _fit_into(deadline: float, pilot: _Branches) -> Recipe:
    """Return the settings with as many iterations as there is time for.

    Turns are timed on the model itself, which is put back afterwards, and on the
    pilot's own surrogate; so both methods get the same number of steps however much
    dearer one of them is. The deadline is one of `time.perf_counter()`.
    """
    trainer = pilot.trainer
    recipe, start = trainer.recipe, trainer.snapshot()

    def timed(method: str, n_iter: int) -> float:
        begin, run = time.perf_counter(), Run(method)
        pilot.go_on(run, n_iter, watch=None)
        if run.failure is not None:
            raise run.failure
        if run.interrupted:
            raise KeyboardInterrupt
        return time.perf_counter() - begin

    set_seconds = trainer.true_loss.set_seconds
    left = deadline - time.perf_counter()
    if set_seconds and set_seconds * pilot_sets(recipe) > _PILOT * left:
        turn = _control_seconds(pilot)
        trainer.restore(start)
        left = max(0.9 * (deadline - time.perf_counter()), 0.0)
        # a turn of the learned loss takes some three times as long, the metric aside
        most_turns = int(0.3 * left / (4 * turn))
        return laid_out(recipe, 0.7 * left / set_seconds, most_turns=most_turns)
    timed(LEARNED, 1)  # the first turn pays for allocations
    one, four, control_one, control_four = (
        timed(method, n_iter)
        for method in (LEARNED, pilot.control.method)
        for n_iter in (1, 4)
    )
    trainer.restore(start)
    turn = max(four - one, 1e-9) / 3
    control_turn = max(control_four - control_one, 1e-9) / 3
    look = max(control_one - control_turn, 1e-9)
    catch_up = max(one - turn - look, 1e-9)
    # looks and rounds get at most 15 % of the time each, the steps the rest
    spare = 0.9 * (deadline - time.perf_counter())
    n_evals = min(recipe.n_evals, max(int(0.15 * spare / (2 * look)), 1))
    rounds = min(recipe.rounds, max(int(0.15 * spare / (catch_up + 2 * look)), 1))
    left = spare - 2 * n_evals * look - rounds * (catch_up + 2 * look)
    max_iter = int(left / (control_turn + (1 - recipe.warm_up) * turn))
    if max_iter >= recipe.max_iter:
        return recipe
    return replace(recipe, max_iter=max(max_iter, 2), n_evals=n_evals, rounds=rounds)


def _control_seconds(pilot: _Branches) -> float:
    """Return what a turn of the control takes; no look is taken."""
    for n_turns in (1, 4):  # the first pays for allocations
        begin = time.perf_counter()
        for _ in range(n_turns):
            pilot.trainer.iterate(pilot.usual_loss)
    return max(time.perf_counter() - begin, 1e-9) / 4
