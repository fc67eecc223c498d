"""As many iterations as there is time for, found out on a few of them."""

import math
import time
from dataclasses import replace
from typing import Protocol

from losslearn.training.dear import Costs, laid_out, pilot_sets
from losslearn.training.frames import as_trained
from losslearn.training.loop import Trainer
from losslearn.training.recipe import Recipe
from losslearn.training.solved import has_solution, solving_share
from losslearn.training.tuning import tuning_share

_PILOT = 0.1
"""Share of the time that the metric, or turns that are long, may take to be timed."""
_TIMINGS = 3
"""Of the first turns of a branch."""
_LONG = 0.3
"""Seconds of a turn of which few are timed: a slow moment is little beside it."""


class Timed(Protocol):
    """Takes the first turns of one of two branches."""

    def __call__(self, *, is_learned: bool, n_iter: int) -> float:
        """Return the seconds it took, with a look at the end."""


def solving_deadline(deadline: float, trainer: Trainer) -> float:
    """Return until when a fit of this deadline may go on solving; all by one clock."""
    now = time.perf_counter()
    return now + solving_share(trainer) * (deadline - now)


def fit_into(deadline: float, trainer: Trainer, timed: Timed) -> Recipe:
    """Return the settings with as many iterations as there is time for.

    Turns are timed on the model itself, which is put back afterwards; so both methods
    get the same number of steps however much dearer one of them is. The deadline is one
    of `time.perf_counter()`.
    """
    recipe, start = trainer.recipe, trainer.snapshot()
    is_solved = bool(recipe.warm_up_iter) and has_solution(trainer)
    judged = as_trained(trainer.true_loss, recipe)
    set_seconds, costs = judged.set_seconds, Costs.of(trainer.true_loss, judged)
    left = deadline - time.perf_counter()
    if set_seconds and set_seconds * pilot_sets(recipe, costs) > _PILOT * left:
        turn = _control_seconds(trainer)
        trainer.restore(start)
        left = max(0.9 * (deadline - time.perf_counter()), 0.0)
        # a turn of the learned loss takes some three times as long, the metric aside
        most_turns = int(0.3 * left / (4 * turn))
        if not is_solved:  # there is no time for the looks of short runs
            penalty = recipe.penalty or 0.0
            recipe = replace(recipe, model_lr=recipe.rate, penalty=penalty)
        n_sets = 0.7 * left / set_seconds
        return laid_out(recipe, n_sets, most_turns=most_turns, costs=costs)
    until = time.perf_counter() + _PILOT * left
    (one, turn), (control_one, control_turn) = (
        _first_and_next(timed, is_learned=is_learned, until=until)
        for is_learned in (True, False)
    )
    trainer.restore(start)
    look = max(control_one - control_turn, 1e-9)
    catch_up = max(one - turn - look, 1e-9)
    # looks and rounds get at most 15 % of the time each, the steps the rest
    until = solving_deadline(deadline, trainer) if is_solved else time.perf_counter()
    spare = 0.9 * (deadline - until)
    n_evals = min(recipe.n_evals, max(int(0.15 * spare / (2 * look)), 1))
    rounds = min(recipe.rounds, max(int(0.15 * spare / (catch_up + 2 * look)), 1))
    tried = tuning_share(replace(recipe, n_evals=n_evals))
    # in shares of all turns; a control that is solved takes none
    control_share = 0.0 if is_solved else 1 + tried
    left = spare - (2 + tried) * n_evals * look - rounds * (catch_up + 2 * look)
    per_turn = control_share * control_turn + (1 - recipe.warm_up) * turn
    max_iter = int(left / per_turn)
    if max_iter >= recipe.max_iter:
        return recipe
    return replace(recipe, max_iter=max(max_iter, 2), n_evals=n_evals, rounds=rounds)


def _first_and_next(
    timed: Timed, *, is_learned: bool, until: float
) -> tuple[float, float]:
    """Return what a turn with its look takes, and what each further one adds.

    Of several timings the shortest: the first pays for allocations, and one slow moment
    would leave a turn that costs nothing, or less. Long turns are not timed again after
    a moment.
    """

    def shortest(n_iter: int) -> float:
        seconds = math.inf
        for _ in range(_TIMINGS):
            seconds = min(seconds, timed(is_learned=is_learned, n_iter=n_iter))
            if seconds >= _LONG and time.perf_counter() >= until:
                break
        return seconds

    one = shortest(1)
    n_iter = 4 if one < _LONG else 2
    several = shortest(n_iter)
    return one, (several - one if several > one else several) / (n_iter - 1)


def _control_seconds(trainer: Trainer) -> float:
    """Return what a turn of the control takes; no look is taken."""
    _, usual_loss = trainer.usual
    for n_turns in (1, 4):  # the first pays for allocations
        begin = time.perf_counter()
        for _ in range(n_turns):
            trainer.iterate(usual_loss)
    return max(time.perf_counter() - begin, 1e-9) / 4
