"""Figure 2: one parameter on its way down a surrogate that is learned on the way."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from losslearn.report.figures import new_figure, tidy
from losslearn.report.palette import BLUE, GREEN, GREY, INK, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.floating]
Moment = tuple[int, float, Floats]
"""Iterations done, the present alpha, the surrogate loss at each alpha."""

_CLASSES = (GREY, GREEN)
_LEGEND = {"loc": "upper right", "edgecolor": "none", "fontsize": 8}


def draw_single_parameter(
    x: Floats,
    y_true: NDArray[np.integer],
    alphas: Floats,
    true_loss: Floats,
    moments: Sequence[Moment],
) -> "Figure":
    """Draw the data, and both losses over alpha at some moments of the training.

    Args:
        x: The one feature, shape `[rows]`.
        y_true: Targets, 0 or 1.
        alphas: Values of the parameter, increasing, shape `[alphas]`.
        true_loss: True loss at each of them.
        moments: What to show, in order of time; a panel each.

    Returns:
        One row of panels: the data, then the moments.

    Raises:
        ValueError: If there is no moment to show.
        ImportError: If matplotlib is not installed.
    """
    _check(moments)
    n_panels = 1 + len(moments)
    figure = new_figure(3.2 * n_panels, 3.3)
    axes = figure.subplots(1, n_panels, squeeze=False)[0]
    _draw_data(axes[0], x, y_true, moments)
    limits = _limits(true_loss)
    for ax, moment in zip(axes[1:], moments, strict=True):
        _draw_moment(ax, alphas, true_loss, moment, limits)
    axes[1].legend(**_LEGEND)
    axes[1].set_ylabel("loss of all rows")
    return figure


def animate_single_parameter(
    alphas: Floats,
    true_loss: Floats,
    moments: Sequence[Moment],
    *,
    frames_per_second: int = 6,
) -> bytes:
    """Return the moments as an endless animation, a GIF.

    Args:
        alphas: Values of the parameter, increasing, shape `[alphas]`.
        true_loss: True loss at each of them.
        moments: What to show, in order of time; a frame each, the last for longer.
        frames_per_second: Speed.

    Raises:
        ValueError: If there is no moment to show.
        ImportError: If matplotlib is not installed.
    """
    from matplotlib.animation import PillowWriter

    _check(moments)
    figure = new_figure(5.2, 3.8)
    ax = figure.subplots()
    limits = _limits(true_loss)
    writer = PillowWriter(fps=frames_per_second)
    with tempfile.TemporaryDirectory() as folder:  # the writer takes no buffer
        path = Path(folder) / "animation.gif"
        with writer.saving(figure, path, dpi=100):
            pause = [moments[-1]] * (2 * frames_per_second)
            for moment in [*moments, *pause]:
                ax.clear()
                _draw_moment(ax, alphas, true_loss, moment, limits)
                ax.set_ylabel("loss of all rows")
                ax.legend(**_LEGEND)
                writer.grab_frame()
        return path.read_bytes()


def _draw_data(
    ax: "Axes", x: Floats, y_true: NDArray[np.integer], moments: Sequence[Moment]
) -> None:
    """Draw both classes, and where the first and the last alpha cut them."""
    edges = np.linspace(x.min(), x.max(), 31).tolist()
    for label, name in enumerate(("target 0", "target 1")):
        ax.hist(
            x[y_true == label],
            bins=edges,
            color=_CLASSES[label],
            alpha=0.6,
            label=name,
        )
    for (iteration, alpha, _), style in zip(
        (moments[0], moments[-1]), ("dotted", "dashed"), strict=True
    ):
        ax.axvline(
            1 / alpha,
            color=INK,
            linestyle=style,
            ymax=0.64,  # below the legend
            label=f"cut after {iteration} iterations",
        )
    ax.set_title("data, cut where $\\alpha x = 1$", fontsize=10)
    ax.set_xlabel("x")
    ax.set_ylabel("rows")
    ax.margins(y=0.55)
    ax.set_ylim(bottom=0)
    ax.legend(**_LEGEND)
    tidy(ax)


def _draw_moment(
    ax: "Axes",
    alphas: Floats,
    true_loss: Floats,
    moment: Moment,
    limits: tuple[float, float],
) -> None:
    iteration, alpha, surrogate_loss = moment
    ax.plot(alphas, true_loss, color=BLUE, linewidth=1.6, label="true loss")
    ax.plot(
        alphas,
        surrogate_loss,
        color=VERMILION,
        linewidth=1.6,
        linestyle=(0, (5, 1.5)),
        label="surrogate",
    )
    ax.axvline(alpha, color=INK, linestyle="dashed", linewidth=1)
    ax.plot(
        alpha, np.interp(alpha, alphas, true_loss), marker="o", markersize=6, color=INK
    )
    ax.set_xlim(float(alphas[0]), float(alphas[-1]))
    ax.set_ylim(limits)
    ax.set_title(f"{iteration} iterations: $\\alpha = {alpha:.3f}$", fontsize=10)
    ax.set_xlabel("$\\alpha$")
    tidy(ax)


def _limits(true_loss: Floats) -> tuple[float, float]:
    """Return limits the same at every moment; a surrogate's excursions are cut off."""
    low, high = float(true_loss.min()), float(true_loss.max())
    margin = (high - low) or 1.0
    return low - 0.2 * margin, high + 0.45 * margin


def _check(moments: Sequence[Moment]) -> None:
    if not moments:
        raise ValueError(
            "`moments` must hold at least one moment, got none. "
            "Record one after 0 iterations."
        )
