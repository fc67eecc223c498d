"""The penalty beside the usual loss, chosen by short runs."""

import math
import time
from dataclasses import replace

from torch import Tensor

from losslearn.training.loop import Run, Trainer
from losslearn.training.recipe import Recipe

_PENALTIES = (0.0, 1e-2)
"""What is tried. More of them, and learning rates beside them, made the choice more of
a chance: test losses were as often higher as lower."""
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


def tune(
    trainer: Trainer, run: Run, results: list[list[float]], *, deadline: float
) -> None:
    """Choose the penalty, in the recipe of a trainer that is to begin.

    One takes the place of another before it where the true loss of the validation rows
    and their usual loss, which chance moves less, are both lower at their best. Each
    short run begins where training is to begin, and its schedule is as short as
    itself, so that it ends as a whole one would. The trainer is left as it was but for
    its recipe. What ends `Trainer.train` early ends this, with the best weights so far
    in `run`.

    Args:
        trainer: With a model that has taken no step.
        run: What is to begin; its seconds go on.
        results: Lowest true and usual loss of each short run that was done before;
            those of further ones are added.
        deadline: Of `time.perf_counter()`; none begins after it.
    """
    begin, recipe = time.perf_counter() - run.seconds, trainer.recipe
    tried, start = penalties(recipe), trainer.snapshot()
    best: Run | None = None
    for penalty in tried[len(results) :] if len(tried) > 1 else ():
        if time.perf_counter() >= deadline:
            break
        trial, losses = _short_run(trainer, penalty, deadline)
        trainer.restore(start)
        if best is None or trial.best_loss < best.best_loss:
            best = trial
        if trial.is_stopped:
            vars(run).update(vars(best))
            run.interrupted, run.failure = trial.interrupted, trial.failure
            break
        results.append(losses)
        if trainer.after_look is not None:
            trainer.after_look()
    lowest = 0
    for place, losses in enumerate(results):
        if all(a < b for a, b in zip(losses, results[lowest], strict=True)):
            lowest = place
    trainer.recipe = replace(recipe, model_lr=recipe.rate, penalty=tried[lowest])
    run.seconds = time.perf_counter() - begin


def _short_run(
    trainer: Trainer, penalty: float, deadline: float
) -> tuple[Run, list[float]]:
    """Return a short run, and its lowest true and usual loss."""
    (name, usual_loss), recipe = trainer.usual, trainer.recipe
    run, after_look, observe = Run(name), trainer.after_look, trainer.observe
    seen: list[float] = []

    def see(n_iter: int, score: Tensor) -> None:
        seen.append(float(usual_loss(trainer.valid.whole(score))))
        if observe is not None:
            observe(n_iter, score)

    trainer.recipe, trainer.after_look = _shortened(recipe, penalty), None
    trainer.observe = see
    try:
        until = trainer.recipe.max_iter
        trainer.train(run, usual_loss, until, deadline=deadline)
    finally:
        trainer.recipe, trainer.after_look = recipe, after_look
        trainer.observe = observe
    return run, [run.best_loss, min(seen, default=math.inf)]
