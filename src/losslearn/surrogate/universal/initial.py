"""Where the learning of a surrogate starts from: SL-U, SL-S or SL-R."""

from dataclasses import replace

import torch

from losslearn.metrics import TrueLoss
from losslearn.surrogate.network import SetSurrogate
from losslearn.surrogate.universal.fit import (
    TOP_HEAVY,
    WITH_COLUMNS,
    FitProgress,
    Problem,
    fit_problem,
    new_surrogate,
)
from losslearn.surrogate.universal.store import get_universal
from losslearn.tasks.task import TargetRows, Task

_N_SETS, _N_CALLS = 256, 64
"""Sets for the units of a surrogate from scratch; fewer for one call a set."""


def initial_surrogate(
    true_loss: TrueLoss,
    task: Task,
    *,
    mode: str,
    form: str = "wide",
    standardize: bool | None = None,
    seed: int,
    rows: TargetRows | None = None,
    progress: FitProgress | None = None,
) -> SetSurrogate:
    """Return beta's start: random for SL-S, universal for SL-R and SL-U (section 4.2).

    Draws from torch's global generator, even where shipped weights replace what it
    drew; callers whose own draws must not depend on it fork it.

    Args:
        true_loss: What to train for.
        task: Generates sets, and says what g sees of them.
        mode: "scratch", "universal" or "refined".
        form: Of the generated sets, "wide", or "gaussian" for all as in the paper.
        standardize: As of `fit_universal`.
        seed: Of the random start.
        rows: Training rows, for a loss that needs their columns: its universal
            surrogate is fitted on generated scores beside these columns, for these
            rows alone, and is not cached.
        progress: Called while a universal surrogate is fitted, which happens at the
            first use of a loss that none is shipped for.

    Raises:
        ValueError: If the loss needs columns and there are none, or it fails.
    """
    if form == "gaussian":
        true_loss = replace(true_loss, is_top_heavy=False)
    if true_loss.columns:
        true_loss.further(None if rows is None else rows.columns)
    elif mode != "scratch":
        return get_universal(
            true_loss, task=task, form=form, standardize=standardize, progress=progress
        ).surrogate
    problem = Problem.of(true_loss, task, form=form, standardize=standardize, rows=rows)
    if mode == "scratch":
        n_sets = _N_SETS if true_loss.is_builtin else _N_CALLS
        generator = torch.Generator().manual_seed(seed)
        _, values = problem.draw(n_sets, 256, generator)
        return new_surrogate(problem.view, values, seed=seed)
    # of these rows, so not for the cache
    sizes = (TOP_HEAVY if true_loss.is_top_heavy else WITH_COLUMNS).set_sizes
    config = replace(WITH_COLUMNS, set_sizes=sizes)
    return fit_problem(problem, config, progress=progress).surrogate
