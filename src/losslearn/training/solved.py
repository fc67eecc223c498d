"""The warm-up of what solves the usual loss itself, as a linear model, by penalties."""

import math
import time
from dataclasses import replace

import torch

from losslearn.metrics import MetricError
from losslearn.models.rows import Drawn, Rows
from losslearn.models.solution import Solution
from losslearn.tasks.strata import strata_rows
from losslearn.tasks.task import Task
from losslearn.training.loop import Run, Trainer, Watcher
from losslearn.training.tuning import Tried

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
) -> None:
    """Train a model by its solutions, in place of the iterations of a warm-up.

    One look at the validation rows follows each, and adds its loss to the results; the
    model, and the recipe's penalty, end as those of the lowest one. What ends
    `Trainer.train` early ends this.
    """
    recipe, begin = trainer.recipe, time.perf_counter() - run.seconds
    rows = trainer.predictor.rows
    drawn = drawn_rows(rows, trainer.task, generator=trainer.generator)
    solution = _solution(trainer, drawn)
    assert solution is not None, "asked for where there is one"
    n_looks = min(max(round(recipe.n_evals * recipe.warm_up), 1), recipe.warm_up_iter)
    path = solution.path(n_looks)
    if recipe.penalty is not None:
        path = [recipe.penalty]
    best = path[0]
    try:
        for place, penalty in enumerate(path, 1):
            solution.solve(penalty, deadline=deadline)
            run.n_iter = max(recipe.warm_up_iter * place // len(path), 1)
            trainer.look(run, begin, watch)
            results.append(Tried(run.last_loss))
            if run.best_iter == run.n_iter:
                best = penalty
            if time.perf_counter() >= deadline:
                break
    except (KeyboardInterrupt, MetricError) as stop:
        run.stop(stop)
        if not run.best_state:
            raise
    if not run.is_stopped:
        run.n_iter = recipe.warm_up_iter
    trainer.predictor.load_weights(run.best_state)
    rate = solution.lr or recipe.rate
    trainer.recipe = replace(recipe, model_lr=rate, penalty=best)


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
