"""The learning rate and the penalty of the usual loss, chosen by short runs."""

import math
import time
from dataclasses import replace
from itertools import product
from typing import NamedTuple

from losslearn.training.loop import Run, Trainer
from losslearn.training.recipe import Recipe

_RATES = (1e-2, 3e-3)
_PENALTIES = (0.0, 1e-3, 1e-2)
"""What is tried; of two that come to the same the first one is kept."""
_SHORT, _LONG, _LEFT = 1 / 12, 1 / 4, 2
"""Shares of the iterations: each setting's, then that of each of the few left."""
_LEAST_ITER, _LEAST_LOOKS = 20, 2
"""Short runs of fewer iterations, or looks, tell nothing."""


class Setting(NamedTuple):
    """What a short run trains with."""

    model_lr: float
    penalty: float

    def on(self, recipe: Recipe, share: float = 1.0) -> Recipe:
        """Return a recipe with these settings, for a share of its iterations."""
        return replace(
            recipe,
            **self._asdict(),
            max_iter=max(round(share * recipe.max_iter), 1),
            n_evals=max(round(share * recipe.n_evals), 1),
        )


def settings(recipe: Recipe) -> list[Setting]:
    """Return the settings to choose from; one where there is nothing to choose.

    That is where both are given, or where short runs would tell nothing.
    """
    rates = _RATES if recipe.model_lr is None else (recipe.model_lr,)
    penalties = _PENALTIES if recipe.penalty is None else (recipe.penalty,)
    found = [Setting(*pair) for pair in product(rates, penalties)]
    short = (_SHORT * recipe.max_iter, _SHORT * recipe.n_evals)
    is_told = short[0] >= _LEAST_ITER and short[1] >= _LEAST_LOOKS
    return found if is_told else found[:1]


def tuning_share(recipe: Recipe) -> float:
    """Return what the short runs take, in shares of the iterations."""
    n = len(settings(recipe))
    return 0.0 if n == 1 else n * _SHORT + min(n, _LEFT) * _LONG


def tune(trainer: Trainer, run: Run, results: list[float], *, deadline: float) -> None:
    """Choose learning rate and penalty, in the recipe of a trainer that is to begin.

    By successive halving (Jamieson and Talwalkar, 2016) in two rounds: each run begins
    where training is to begin, and its schedule is as short as itself, so that it ends
    as a whole one would. The trainer is left as it was but for its recipe. What ends
    `Trainer.train` early ends this, with the best weights so far in `run`.

    Args:
        trainer: With a model that has taken no step.
        run: What is to begin; its seconds go on.
        results: Lowest loss of each short run that was done before; those of further
            ones are added.
        deadline: Of `time.perf_counter()`; none begins after it.
    """
    begin, recipe = time.perf_counter() - run.seconds, trainer.recipe
    trials = _Trials(trainer, results, deadline)
    left = settings(recipe)
    for share, n_left in ((_SHORT, _LEFT), (_LONG, 1)):
        if len(left) > 1 and not trials.stopped:
            losses = [trials.loss_of(setting, share) for setting in left]
            places = sorted(range(len(left)), key=losses.__getitem__)
            left = [left[place] for place in places[:n_left]]
    if trials.stopped is not None:
        vars(run).update(vars(trials.stopped))
    trainer.recipe = left[0].on(recipe)
    run.seconds = time.perf_counter() - begin


class _Trials:
    """Short runs from one start.

    Attributes:
        stopped: What the runs have come to, once one of them was stopped.
    """

    def __init__(self, trainer: Trainer, results: list[float], deadline: float) -> None:
        self._trainer, self._start = trainer, trainer.snapshot()
        self._results, self._n_asked, self._deadline = results, 0, deadline
        self._best: Run | None = None
        self.stopped: Run | None = None

    def loss_of(self, setting: Setting, share: float) -> float:
        """Return the lowest loss of a run; infinite for one that there is no time for.

        A known result is taken without a run.
        """
        self._n_asked += 1
        if self._n_asked <= len(self._results):
            return self._results[self._n_asked - 1]
        if self.stopped or time.perf_counter() >= self._deadline:
            return math.inf
        trial = self._run(setting, share)
        if self._best is None or trial.best_loss < self._best.best_loss:
            self._best = trial
        if trial.is_stopped:
            interrupted, failure = trial.interrupted, trial.failure
            self.stopped = replace(self._best, interrupted=interrupted, failure=failure)
        loss = math.inf if math.isnan(trial.best_loss) else trial.best_loss
        self._results.append(loss)
        if self._trainer.after_look is not None and not self.stopped:
            self._trainer.after_look()
        return loss

    def _run(self, setting: Setting, share: float) -> Run:
        trainer = self._trainer
        (name, usual_loss), recipe = trainer.usual, trainer.recipe
        run, after_look = Run(name), trainer.after_look
        trainer.recipe, trainer.after_look = setting.on(recipe, share), None
        try:
            until = trainer.recipe.max_iter
            trainer.train(run, usual_loss, until, deadline=self._deadline)
        finally:
            trainer.recipe, trainer.after_look = recipe, after_look
            trainer.restore(self._start)
        return run
