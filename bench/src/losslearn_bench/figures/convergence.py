"""Figure 3: how SL-S and SL-R converge, each with its learned loss alone."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import nn

from losslearn.metrics import TrueLoss, get_true_loss
from losslearn.models.networks import build_model, score_sets
from losslearn.report.figures import new_figure, tidy
from losslearn.report.palette import BLUE, VERMILION
from losslearn.surrogate.network import SetSurrogate
from losslearn.tasks.binary import Binary
from losslearn.training.loop import Record, Run, make_sampler
from losslearn.training.recipe import Recipe
from losslearn_bench.figures.outcomes import legend_below
from losslearn_bench.grid.jsonl import finite
from losslearn_bench.harness.neural import seeded
from losslearn_bench.harness.ours import first_surrogate, make_algorithm
from losslearn_bench.harness.rows import HeldOut, TrainingData, held_out_loss

Row = Mapping[str, Any]

Start = Literal["scratch", "refined"]
"""SL-S or SL-R: a surrogate learned from scratch, or a universal one refined."""

_MEASURED_SETS = 16
_STARTS = {
    "scratch": ("SL-S, from scratch", VERMILION, "dashed"),
    "refined": ("SL-R, refined", BLUE, "solid"),
}
_QUANTITIES = {
    "surrogate_error": "surrogate error\n(training, mean |gap|)",
    "surrogate_loss": "surrogate loss\n(training)",
    "test_loss": "true loss\n(test)",
}


def convergence(
    data: TrainingData,
    test: HeldOut,
    *,
    metric: str,
    config: Recipe,
    seed: int,
    starts: Sequence[Start] = get_args(Start),
    model: str = "mlp",
) -> list[dict[str, Any]]:
    """Return the data of Figure 3: a row for each look of a training from each start.

    The warm-up, cross-entropy and the surrogate's catch-up are left out, whatever the
    settings say, so that the curves show Algorithm 1 alone. Both starts have the same
    model, initial weights and first batches.

    Returns:
        Dictionaries that JSON can hold: `metric`, `start`, `seed`, `iteration`,
        `surrogate_loss` and `train_loss` (learned and true loss of the same training
        sets, at scores as the model steps see them), `surrogate_error` (Eq. 5, what the
        last turn's surrogate steps saw, noise on the scores included) and `test_loss`
        at a threshold from the validation rows; None for a value that is not a number.
    """
    task = _Task(data, test, get_true_loss(metric), seed)
    return [
        row
        for start in starts
        for row in _train(task, replace(config, mode=start, catch_up=0), model)
    ]


class _Task(NamedTuple):
    """What both starts have in common."""

    data: TrainingData
    test: HeldOut
    true_loss: TrueLoss
    seed: int


def _train(task: _Task, config: Recipe, model_name: str) -> list[dict[str, Any]]:
    """Train once, and look at the present model as often as the settings say."""
    data, test, true_loss, seed = task
    rows: list[dict[str, Any]] = []
    with seeded(seed, data.x.device):
        surrogate = first_surrogate(true_loss, config, data, seed=seed)
        torch.manual_seed(seed)
        model = build_model(model_name, data.x)
        algorithm = make_algorithm(model, surrogate, data, true_loss, config, seed=seed)

        def watch(record: Record) -> None:
            row = {"metric": true_loss.name, "start": config.mode, "seed": seed}
            row |= {"iteration": record.iteration}
            row |= _learned_and_true(task, config, model, surrogate)
            row |= {"surrogate_error": record.surrogate_error}
            row |= {"test_loss": held_out_loss(model, data, test, true_loss)}
            rows.append(finite(row))

        algorithm.trainer.train(
            Run("surrogate"),
            algorithm.learned,
            config.max_iter,
            learner=algorithm.learner,
            watch=watch,
        )
    return rows


@torch.no_grad()
def _learned_and_true(
    task: _Task, config: Recipe, model: nn.Module, surrogate: SetSurrogate
) -> dict[str, float]:
    """Return both losses of the same training sets, each time and for each start."""
    data, _, true_loss, _ = task
    generator = torch.Generator(data.x.device).manual_seed(0)
    sampler = make_sampler(data.train, true_loss, Binary(), config, generator=generator)
    drawn = sampler.draw(_MEASURED_SETS)
    # a copy, because a pass in training mode moves running statistics
    copy = deepcopy(model).train()
    with seeded(0, data.x.device):
        sets = data.train.sets(drawn, score_sets(copy, data.x[drawn.rows]))
    true = true_loss(sets if true_loss.takes_weight else sets.present()).mean()
    learned = surrogate(sets).mean()
    return {"surrogate_loss": float(learned), "train_loss": float(true)}


def draw_convergence(rows: Sequence[Row], *, title: str | None = None) -> Figure:
    """Draw the surrogate's error, its value and the true test loss over iterations.

    A column of panels for each metric of the rows of `convergence`, a line for each
    quantity. A curve is the mean over the seeds, the band around it goes from the
    lowest to the highest of them.
    """
    metrics = list(dict.fromkeys(row["metric"] for row in rows))
    figure = new_figure(max(2.9 * len(metrics) + 0.6, 4.5), 6.6)
    axes = figure.subplots(len(_QUANTITIES), len(metrics), squeeze=False, sharex="col")
    for column, metric in enumerate(metrics):
        own = [row for row in rows if row["metric"] == metric]
        for ax, quantity in zip(axes[:, column], _QUANTITIES, strict=True):
            _draw_quantity(ax, own, quantity)
        axes[0, column].set_title(metric, fontsize=10)
        axes[-1, column].set_xlabel("iteration")
    for ax, label in zip(axes[:, 0], _QUANTITIES.values(), strict=True):
        ax.set_ylabel(label)
    n_seeds = len({row["seed"] for row in rows})
    several = f"mean of {n_seeds} seeds, lowest to highest"
    if title is not None:
        figure.suptitle(title, fontsize=11)
    handles, _ = axes[-1, 0].get_legend_handles_labels()
    legend_below(figure, handles, several if n_seeds > 1 else "one seed")
    return figure


def _draw_quantity(ax: Axes, rows: Sequence[Row], quantity: str) -> None:
    for start, (label, colour, style) in _STARTS.items():
        iterations, values = _curves(rows, start, quantity)
        if len(iterations) == 0:
            continue
        low, mean, high = values.min(axis=0), values.mean(axis=0), values.max(axis=0)
        ax.fill_between(iterations, low, high, color=colour, alpha=0.18, linewidth=0)
        look: dict[str, Any] = {"color": colour, "linestyle": style, "linewidth": 1.6}
        ax.plot(iterations, mean, label=label, **look)
    ax.margins(y=0.08)
    ax.tick_params(labelsize=8)
    tidy(ax)


def _curves(
    rows: Sequence[Row], start: str, quantity: str
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the iterations that all seeds have, and `[seeds, iterations]`."""
    by_seed: dict[int, dict[int, float]] = {}
    for row in rows:
        if row["start"] == start and row[quantity] is not None:
            by_seed.setdefault(row["seed"], {})[row["iteration"]] = row[quantity]
    shared = sorted(set.intersection(*map(set, by_seed.values()))) if by_seed else []
    values = [[curve[iteration] for iteration in shared] for curve in by_seed.values()]
    return np.array(shared, dtype=np.int64), np.array(values, dtype=np.float64)
