"""The penalty beside the usual loss, chosen by short runs."""

import math
import time
from dataclasses import replace

from losslearn.training.loop import Run, Trainer
from losslearn.training.recipe import Recipe

_PENALTIES = (0.0, 1e-2)
"""What is tried; of two that come to the same the first one is kept. More of them, and
learning rates beside them, made the choice more of a chance (docs/speed.md)."""
_SHARE = 1 / 4
"""Of the iterations, for each short run."""
_LEAST_ITER, _LEAST_LOOKS = 20, 2
"""Runs of fewer iterations, or looks, tell nothing."""


def penalties(recipe: Recipe) -> tuple[float, ...]:
    """Return the penalties to choose from; one where there is nothing to choose.

    That is where it is given, or where short runs would tell nothing.
    """
    if recipe.penalty is not None:
        return (recipe.penalty,)
    short = _shortened(recipe, 0.0)
    is_told = short.max_iter >= _LEAST_ITER and short.n_evals >= _LEAST_LOOKS
    return _PENALTIES if is_told else _PENALTIES[:1]


def _shortened(recipe: Recipe, penalty: float) -> Recipe:
    """Return the recipe of a short run."""
    return replace(
        recipe,
        penalty=penalty,
        max_iter=max(int(_SHARE * recipe.max_iter), 1),
        n_evals=max(int(_SHARE * recipe.n_evals), 1),
    )


def tuning_share(recipe: Recipe) -> float:
    """Return what the short runs take, in shares of the iterations."""
    n = len(penalties(recipe))
    return 0.0 if n == 1 else n * _SHARE


def tune(trainer: Trainer, run: Run, results: list[float], *, deadline: float) -> None:
    """Choose the penalty, in the recipe of a trainer that is to begin.

    Each short run begins where training is to begin, and its schedule is as short as
    itself, so that it ends as a whole one would. The trainer is left as it was but for
    its recipe. What ends `Trainer.train` early ends this, with the best weights so far
    in `run`.

    Args:
        trainer: With a model that has taken no step.
        run: What is to begin; its seconds go on.
        results: Lowest loss of each short run that was done before; those of further
            ones are added.
        deadline: Of `time.perf_counter()`; none begins after it.
    """
    begin, recipe = time.perf_counter() - run.seconds, trainer.recipe
    tried, start = penalties(recipe), trainer.snapshot()
    best: Run | None = None
    for penalty in tried[len(results) :] if len(tried) > 1 else ():
        if time.perf_counter() >= deadline:
            break
        trial = _short_run(trainer, penalty, deadline)
        trainer.restore(start)
        if best is None or trial.best_loss < best.best_loss:
            best = trial
        if trial.is_stopped:
            vars(run).update(vars(best))
            run.interrupted, run.failure = trial.interrupted, trial.failure
            break
        results.append(math.inf if math.isnan(trial.best_loss) else trial.best_loss)
        if trainer.after_look is not None:
            trainer.after_look()
    lowest = min(range(len(results)), key=results.__getitem__, default=0)
    trainer.recipe = replace(recipe, model_lr=recipe.rate, penalty=tried[lowest])
    run.seconds = time.perf_counter() - begin


def _short_run(trainer: Trainer, penalty: float, deadline: float) -> Run:
    (name, usual_loss), recipe = trainer.usual, trainer.recipe
    run, after_look = Run(name), trainer.after_look
    trainer.recipe, trainer.after_look = _shortened(recipe, penalty), None
    try:
        until = trainer.recipe.max_iter
        trainer.train(run, usual_loss, until, deadline=deadline)
    finally:
        trainer.recipe, trainer.after_look = recipe, after_look
    return run
