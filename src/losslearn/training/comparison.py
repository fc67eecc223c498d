"""One fit for the metric beside its control, the usual loss, from a shared warm-up."""

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch

from losslearn._fast import fastest
from losslearn.metrics import MetricError, Sets, TrueLoss
from losslearn.models.predictor import Predictor
from losslearn.models.rows import Rows
from losslearn.surrogate.fitter import SurrogateFitter
from losslearn.surrogate.network import SetSurrogate
from losslearn.surrogate.objective import LearnedObjective
from losslearn.tasks.task import Rule, Task, fit_rule
from losslearn.training.loop import Run, Snapshot, Trainer, Watcher
from losslearn.training.lower import SurrogateLearner
from losslearn.training.recipe import Recipe
from losslearn.training.sparing import Sparing
from losslearn.training.trust import Balance, GradientHealth
from losslearn.training.uncertainty import Difference, loss_difference

LEARNED = "surrogate"
"""The method that follows the learned loss; the control is named for its usual loss."""


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

    @property
    def runs(self) -> dict[str, Run]:
        """The runs by the names of their methods."""
        return {run.method: run for run in (self.learned, self.usual)}

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended the fit early."""
        return self.learned.interrupted or self.usual.interrupted


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
    generators are left as they were. For `max_time`, in seconds for both methods,
    `max_iter` is lowered. A metric that fails ends the training as Ctrl-C does.

    Returns:
        The comparison, and the predictor with the chosen method's best weights.

    Raises:
        ValueError: If the training rows lack a stratum, or the model does not give
            scores as the task wants them.
        MetricError: If the metric fails before there is anything to keep;
            `KeyboardInterrupt` for Ctrl-C likewise.
    """
    device = valid.x.device
    max_time = None if max_time == math.inf else max_time
    deadline = math.inf if max_time is None else time.perf_counter() + max_time
    # dropout and initialisation know no generator of their own
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        predictor = make_predictor()
        draws = torch.Generator(device).manual_seed(seed)
        trainer = Trainer(predictor, valid, true_loss, task, recipe, generator=draws)
        if max_time is not None:
            pilot = _Branches(trainer, copy.deepcopy(surrogate))
            trainer.recipe = _fit_into(deadline, pilot)
            del pilot
        branches = _Branches(trainer, surrogate)
        learned, usual = branches.train(watch, deadline)
        balance = branches.balance
        del branches, trainer  # the sampler holds a number for each row
    sparing = Sparing(learned.failure or usual.failure)
    sets, rules = [], []
    for run in (learned, usual):  # each is judged by its own rule
        predictor.load_weights(run.best_state)
        sets.append(valid.whole(predictor.predict(valid)))
        rules.append(spared_rule(task, true_loss, sets[-1], sparing)[0])
    strata = task.strata(sets[0].target)
    difference = sparing(
        lambda: loss_difference(true_loss, sets, rules, strata=strata, seed=seed),
        lambda: Difference(learned.best_loss - usual.best_loss, math.nan),
    )
    chosen = learned if difference.is_clear_gain else usual
    predictor.load_weights(chosen.best_state)
    health = None if balance is None else balance.health
    found = Comparison(
        learned, usual, chosen.method, surrogate, difference, health, sparing
    )
    return found, predictor


def spared_rule(
    task: Task, true_loss: TrueLoss, sets: Sets, sparing: Sparing
) -> tuple[Rule, float]:
    """Return the rule as `fit_rule` does; if the metric fails, one without it.

    The loss is NaN then.
    """
    return sparing(
        lambda: fit_rule(task, true_loss, sets),
        lambda: (fit_rule(task, true_loss.without_rule(), sets)[0], math.nan),
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
    """Both branches of a comparison, a round each in turn."""

    def __init__(self, trainer: Trainer, surrogate: SetSurrogate) -> None:
        self.trainer, recipe, draws = trainer, trainer.recipe, trainer.generator
        true_loss, task = trainer.true_loss, trainer.task
        self.usual_name, self.usual_loss = next(iter(task.usual_losses.items()))
        learner = make_learner(surrogate, true_loss, task, recipe, generator=draws)
        self.learner = None if recipe.mode == "universal" else learner
        usual_weight = recipe.usual_weight
        self.learned = LearnedObjective(learner.fitter, usual_weight=usual_weight)
        balance = Balance(self.learned, true_loss, task)
        self.balance = balance if recipe.adaptive else None

    def go_on(
        self, run: Run, until: int, *, watch: Watcher | None, deadline: float = math.inf
    ) -> None:
        """Carry a run on by the loss of its method."""
        is_learned = run.method == LEARNED
        self.trainer.train(
            run,
            self.learned if is_learned else self.usual_loss,
            until,
            learner=self.learner if is_learned else None,
            balance=self.balance if is_learned else None,
            watch=watch,
            deadline=deadline,
        )

    def train(self, watch: Watcher | None, deadline: float) -> tuple[Run, Run]:
        """Return the learned loss's run and the control's."""
        trainer, recipe = self.trainer, self.trainer.recipe
        control = Run(self.usual_name)
        if recipe.warm_up_iter:
            self.go_on(control, recipe.warm_up_iter, watch=watch, deadline=deadline)
        ours = control.branch(LEARNED)
        ours_at = control_at = trainer.snapshot()
        for until in recipe.round_ends():
            if control.is_stopped:
                break
            trainer.restore(ours_at)
            self.go_on(ours, until, watch=watch, deadline=deadline)
            ours_at = trainer.snapshot()
            if ours.is_stopped:
                break
            trainer.restore(control_at)
            # as many steps as the other had, should time or patience have ended it
            self.go_on(control, ours.n_iter, watch=watch)
            control_at = trainer.snapshot()
            if ours.n_iter < until:
                break
            is_behind = control.last_loss < ours.last_loss
            if until < recipe.max_iter and is_behind:
                ours.adopt(control)
                ours_at = control_at
            if self.balance is not None:
                self.balance.end_round(is_behind=is_behind)
        self._judge_start(control, control_at)
        return ours, control

    def _judge_start(self, run: Run, start: Snapshot) -> None:
        """Give a run without any the weights that it was to start from."""
        if run.best_state:
            return
        self.trainer.restore(start)
        try:
            self.go_on(run, 0, watch=None)
        except MetricError:
            run.best_state = self.trainer.predictor.weights()


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

    timed(LEARNED, 1)  # the first turn pays for allocations
    one, four, control_one, control_four = (
        timed(method, n_iter)
        for method in (LEARNED, pilot.usual_name)
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
