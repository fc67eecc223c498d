"""A warm-up by the usual loss's own solutions, one setting after the other."""

import math
import time
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from losslearn.metrics import MetricError
from losslearn.models.predictor import PredictorState
from losslearn.models.rows import Drawn, Rows
from losslearn.models.solution import Setting, Solution
from losslearn.tasks.strata import strata_rows
from losslearn.tasks.task import Task
from losslearn.training.loop import Run, Trainer, Watcher
from losslearn.training.tuning import Tried, clearly_better

_MOST_VALUES = 2**22
"""Of a table that is solved on; of a larger one rows are drawn."""


def has_solution(trainer: Trainer) -> bool:
    """Whether a model is to be solved: none is where a learning rate is given.

    Nor is one where sets are whole units of rows, or not weighed back to the data's
    shares: the usual loss of all rows is another than that of the sets then.
    """
    return _of_a_row(trainer) is not None


def solving_share(trainer: Trainer) -> float:
    """Return the share of a fit's time that solutions may take; 0 if there are none."""
    solution = _of_a_row(trainer)
    return 0.0 if solution is None else solution.share


def grows(trainer: Trainer) -> bool:
    """Whether a model is nothing before its solution, as trees are."""
    solution = _of_a_row(trainer)
    return solution is not None and solution.needs_gain


def _of_a_row(trainer: Trainer) -> Solution | None:
    device = trainer.predictor.rows.x.device
    return _solution(trainer, Drawn(torch.zeros(1, dtype=torch.long, device=device)))


def _solution(trainer: Trainer, drawn: Drawn) -> Solution | None:
    rows, recipe = trainer.predictor.rows, trainer.recipe
    groups = None if rows.groups is None else rows.own(rows.groups)
    is_by_rows = recipe.weigh_back and trainer.task.units(groups) is None
    if recipe.model_lr is not None or not is_by_rows:
        return None
    return trainer.predictor.solution(trainer.usual[1], drawn, trainer.valid)


def solve(
    trainer: Trainer,
    run: Run,
    results: list[Tried],
    *,
    watch: Watcher | None,
    deadline: float = math.inf,
) -> Setting:
    """Train a model by its solutions, in place of the iterations of a warm-up.

    One look at the validation rows follows each, and adds its loss to the results; the
    model, and the recipe's penalty, end as those of the lowest one, or of a later one
    only where it is clearly lower (`Solution.needs_gain`). What ends `Trainer.train`
    early ends this. Returns what the model stands with.
    """
    recipe, begin = trainer.recipe, time.perf_counter() - run.seconds
    solution, path = _to_solve(trainer)
    best: _Standing | None = None
    try:
        for place, asked in enumerate(path, 1):
            setting = solution.solve(asked, deadline=deadline)
            run.n_iter = max(recipe.warm_up_iter * place // len(path), 1)
            before = replace(run, bests={**run.bests})
            seen = _looked(trainer, run, begin, watch)
            results.append(seen)
            if best is None or best.gives_way(trainer, run, seen, solution):
                best = _Standing(setting, seen, trainer.predictor.state())
            else:
                run.put_back(before)
            if time.perf_counter() >= deadline:
                break
    except (KeyboardInterrupt, MetricError) as stop:
        run.stop(stop)
        if not run.best_state:
            raise
    if not run.is_stopped:
        run.n_iter = recipe.warm_up_iter
    found = path[0]
    trainer.predictor.load_weights(run.best_state)
    if best is not None:  # else it was stopped in its first look
        found = best.setting
        trainer.predictor.restore(best.state)
    rate, penalty = solution.lr or recipe.rate, found.penalty
    trainer.recipe = replace(recipe, model_lr=rate, penalty=penalty)
    return found


def _to_solve(trainer: Trainer) -> tuple[Solution, list[Setting]]:
    """Return what solves a model on its rows, and with which settings."""
    rows, recipe = trainer.predictor.rows, trainer.recipe
    drawn = drawn_rows(rows, trainer.task, generator=trainer.generator)
    solution = _solution(trainer, drawn)
    assert solution is not None, "asked for where there is one"
    if recipe.penalty is not None:
        return solution, [Setting(penalty=recipe.penalty)]
    n_looks = min(max(round(recipe.n_evals * recipe.warm_up), 1), recipe.warm_up_iter)
    return solution, solution.path(n_looks)


class _Standing(NamedTuple):
    """The best solution so far."""

    setting: Setting
    tried: Tried
    state: PredictorState

    def gives_way(
        self, trainer: Trainer, run: Run, seen: Tried, solution: Solution
    ) -> bool:
        """Whether the one that a run has just looked at takes its place."""
        if run.best_iter < run.n_iter:
            return False
        return not solution.needs_gain or clearly_better(trainer, seen, self.tried)


def _looked(trainer: Trainer, run: Run, begin: float, watch: Watcher | None) -> Tried:
    """Take a look; return what it came to, with the scores."""
    seen: list[Tensor] = []
    observe = trainer.observe

    def see(n_iter: int, score: Tensor) -> None:
        seen.append(score)
        if observe is not None:
            observe(n_iter, score)

    trainer.observe = see
    try:
        trainer.look(run, begin, watch)
    finally:
        trainer.observe = observe
    return Tried(run.last_loss, score=seen[-1])


def drawn_rows(rows: Rows, task: Task, *, generator: torch.Generator) -> Drawn:
    """Return the rows to solve on: all of a table that is not too large.

    Of a larger one as many of each stratum, weighed back to what they stand for, and
    all of a rare one.
    """
    most = max(_MOST_VALUES // max(rows.x.shape[1], 1), 1)
    numbers = rows.numbers
    if rows.n_rows <= most:
        every = torch.arange(rows.n_rows, device=rows.x.device)
        return Drawn(every if numbers is None else numbers.long())
    strata = strata_rows(task.strata(rows.own(rows.target)), numbers=numbers)
    taken, weights = [], []
    for place, some in enumerate(sorted(strata, key=len)):
        n = min(len(some), max(most // (len(strata) - place), 1))
        most -= n
        # one of each of n equal parts: in the order of a disk, and none twice
        edges = torch.arange(n + 1, device=some.device) * len(some) // n
        within = torch.rand(n, generator=generator, device=some.device)
        taken.append(some[edges[:-1] + (within * edges.diff()).long()])
        weights.append(torch.full((n,), len(some) / n, device=some.device))
    return Drawn(torch.cat(taken).long(), torch.cat(weights))
