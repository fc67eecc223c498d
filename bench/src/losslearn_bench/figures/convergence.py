"""Figure 3: surrogate and test loss over the iterations, SL-S beside SL-R."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from losslearn.report.figures import new_figure, tidy
from losslearn.report.palette import BLUE, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Row = Mapping[str, Any]
Floats = NDArray[np.float64]

_STARTS = {
    "scratch": ("SL-S, from scratch", VERMILION, "dashed"),
    "refined": ("SL-R, refined", BLUE, "solid"),
}
_QUANTITIES = {
    "surrogate_error": "surrogate error\n(training, mean |gap|)",
    "surrogate_loss": "surrogate loss\n(training)",
    "test_loss": "true loss\n(test)",
}


def draw_convergence(rows: Sequence[Row], *, title: str | None = None) -> "Figure":
    """Draw the surrogate's error, its value and the true test loss over iterations.

    A line is the mean over the seeds, the band around it goes from the lowest to the
    highest of them.

    Args:
        rows: Each with `metric`, `start` ("scratch" or "refined"), `seed`, `iteration`,
            and under the names `surrogate_error`, `surrogate_loss` and `test_loss` a
            number, or None where there is none.
        title: Stands above the figure: on what it was trained.

    Returns:
        A column for each metric, a line of panels for each quantity.

    Raises:
        ValueError: If there are no rows.
        ImportError: If matplotlib is not installed.
    """
    if not rows:
        raise ValueError(
            "`rows` must hold at least one look at a training, got none. "
            "Run the trainings first."
        )
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
    handles, labels = axes[-1, 0].get_legend_handles_labels()
    of_seeds = (
        f"mean of {n_seeds} seeds, lowest to highest" if n_seeds > 1 else "one seed"
    )
    if title is not None:
        figure.suptitle(title, fontsize=11)
    figure.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=len(labels),
        frameon=False,
        title=of_seeds,
        title_fontsize=9,
    )
    return figure


def _draw_quantity(ax: "Axes", rows: Sequence[Row], quantity: str) -> None:
    for start, (label, colour, style) in _STARTS.items():
        iterations, values = _curves(rows, start, quantity)
        if len(iterations) == 0:
            continue
        low, high = values.min(axis=0), values.max(axis=0)
        ax.fill_between(iterations, low, high, color=colour, alpha=0.18, linewidth=0)
        ax.plot(
            iterations,
            values.mean(axis=0),
            color=colour,
            linestyle=style,
            linewidth=1.6,
            label=label,
        )
    ax.margins(y=0.08)
    ax.tick_params(labelsize=8)
    tidy(ax)


def _curves(
    rows: Sequence[Row], start: str, quantity: str
) -> tuple[NDArray[np.int64], Floats]:
    """Return the iterations that all seeds have, and `[seeds, iterations]`."""
    by_seed: dict[int, dict[int, float]] = {}
    for row in rows:
        if row["start"] == start and row[quantity] is not None:
            by_seed.setdefault(row["seed"], {})[row["iteration"]] = row[quantity]
    shared = sorted(set.intersection(*map(set, by_seed.values()))) if by_seed else []
    values = [[curve[iteration] for iteration in shared] for curve in by_seed.values()]
    return np.array(shared, dtype=np.int64), np.array(values, dtype=np.float64)
