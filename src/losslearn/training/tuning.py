"""How long a model is trained, chosen by short runs of the usual loss."""

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from torch import Tensor

from losslearn.metrics import MetricError, Sets
from losslearn.training.loop import Run, Trainer
from losslearn.training.recipe import Recipe
from losslearn.training.uncertainty import loss_difference

_SHARES = (1 / 4, 1 / 16, 1 / 64)
"""Of the iterations, for each short run."""
_LEAST_ITER, _LEAST_LOOKS = 10, 4
"""Of a short run: fewer iterations tell nothing, and fewer looks may miss the best."""


class Tried(NamedTuple):
    """What a setting came to on the validation rows."""

    loss: float
    """The true loss, at its best."""
    usual_loss: float = math.nan
    """Likewise; each at its own best."""
    score: Tensor | None = None
    """Of the rows, at the best true loss."""


def lengths(recipe: Recipe) -> tuple[int, ...]:
    """Return the iterations of the short runs, the longest first; () for none.

    There is nothing to choose where a learning rate is given.
    """
    if recipe.model_lr is not None or recipe.n_evals < _LEAST_LOOKS:
        return ()
    every = (int(share * recipe.max_iter) for share in _SHARES)
    return tuple(n_iter for n_iter in every if n_iter >= _LEAST_ITER)


def tuning_share(recipe: Recipe) -> float:
    """Return what the short runs take, in shares of the iterations."""
    return sum(lengths(recipe)) / recipe.max_iter


def tune(trainer: Trainer, run: Run, results: list[Tried], *, deadline: float) -> None:
    """Choose the number of iterations, in the recipe of a trainer that is to begin.

    Few rows are soon learned by heart: there, a short run whose learning rate has gone
    to 0 is better than a long one that is stopped on its way, at weights of large
    steps. Each short run begins where training is to begin; the trainer is left as it
    was but for its recipe, and `run` holds the best weights of all. What ends
    `Trainer.train` early ends this.

    Args:
        trainer: With a model that has taken no step.
        run: What is to begin; its seconds go on.
        results: Of the short runs that were done before; those of further ones are
            added.
        deadline: Of `time.perf_counter()`; none begins after it.
    """
    begin, recipe = time.perf_counter() - run.seconds, trainer.recipe
    every, start = lengths(recipe), trainer.snapshot()
    n_iter = recipe.max_iter
    for length in every[len(results) :]:
        if time.perf_counter() >= deadline:
            break
        trial, tried = _short_run(trainer, length, deadline)
        trainer.restore(start)
        run.take_best(trial)
        run.bests |= trial.bests
        if trial.is_stopped:
            run.interrupted, run.failure = trial.interrupted, trial.failure
            break
        results.append(tried)
        if trainer.after_look is not None:
            trainer.after_look()
    try:
        place = 0 if run.is_stopped else _standing(trainer, results)
        n_iter = every[place] if place else n_iter
    except KeyboardInterrupt:
        run.interrupted = True
    except MetricError as failure:
        run.failure = failure
    trainer.recipe = replace(
        recipe, model_lr=recipe.rate, penalty=recipe.penalty or 0.0, max_iter=n_iter
    )
    run.seconds = time.perf_counter() - begin


def _short_run(trainer: Trainer, n_iter: int, deadline: float) -> tuple[Run, Tried]:
    """Return a run of so many iterations, its looks as far apart as ever."""
    (name, usual_loss), recipe = trainer.usual, trainer.recipe
    run, after_look, observe = Run(name), trainer.after_look, trainer.observe
    usual: list[float] = []
    scores: dict[int, Tensor] = {}

    def see(n_iter: int, score: Tensor) -> None:
        usual.append(float(usual_loss(_whole(trainer, score))))
        scores[n_iter] = score
        if observe is not None:
            observe(n_iter, score)

    trainer.recipe, trainer.after_look, trainer.observe = (
        replace(
            recipe,
            penalty=recipe.penalty or 0.0,
            max_iter=n_iter,
            n_evals=max(recipe.n_evals * n_iter // recipe.max_iter, _LEAST_LOOKS),
        ),
        None,
        see,
    )
    try:
        trainer.train(run, usual_loss, n_iter, deadline=deadline)
    finally:
        trainer.recipe, trainer.after_look = recipe, after_look
        trainer.observe = observe
    least = min(usual, default=math.inf)
    return run, Tried(run.best_loss, least, scores.get(run.best_iter))


def _standing(trainer: Trainer, results: Sequence[Tried]) -> int:
    """Return the place of the length that stands; 0, the longest, may be longer yet.

    A shorter one takes the place of a longer if its usual loss is lower, and its true
    loss by more than the standard error of the difference.
    """
    place = 0
    for other, tried in enumerate(results[1:], 1):
        longer = results[place]
        if not (tried.usual_loss < longer.usual_loss and tried.loss < longer.loss):
            continue
        if clearly_better(trainer, tried, longer):
            place = other
    return place


def clearly_better(trainer: Trainer, tried: Tried, other: Tried) -> bool:
    """Whether a true loss is lower by more than the difference's standard error."""
    both = [_decided(trainer, one) for one in (tried, other)]
    strata = trainer.task.strata(both[0].target)
    found = loss_difference(trainer.true_loss, both, strata=strata, seed=0)
    return found.is_clear_gain()


def _whole(trainer: Trainer, score: Tensor) -> Sets:
    assert trainer.valid is not None, "a length is chosen by some rows"
    return trainer.valid.whole(score)


def _decided(trainer: Trainer, tried: Tried) -> Sets:
    """Return the validation rows by their scores, or by the usual rule's decisions."""
    assert tried.score is not None, "a run with a lower loss has taken a look"
    sets, true_loss = _whole(trainer, tried.score), trainer.true_loss
    if not true_loss.needs_rule:
        return sets
    rule = trainer.task.plain_rule(true_loss, sets)
    score = rule.decide(sets.score, sets.columns)
    return sets._replace(score=score.to(sets.score.dtype))
