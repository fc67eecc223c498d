"""The figure of a fit: learning curves, and whatever pictures its task has."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from losslearn.report.figures import new_figure, render, tidy
from losslearn.report.methods import method_name
from losslearn.report.palette import BLUE, INK, SHADE, VERMILION
from losslearn.training.comparison import LEARNED

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    Picture = Callable[[Axes], None]

Floats = NDArray[np.float64]
History = Sequence[Mapping[str, Any]]

_LOOKS: dict[bool, dict[str, str]] = {
    True: {"color": BLUE, "marker": "o", "linestyle": "solid"},
    False: {"color": VERMILION, "marker": "s", "linestyle": "dashed"},
}
"""How a method is drawn, by whether its loss was learned."""
_LINE: dict[str, Any] = {"linewidth": 1.8, "markersize": 8}

_SETTLED = 0.15
"""Share of the iterations after which a loss sets the range of its axis; the first
looks, often far above, are cut off at the top."""


def draw_fit(
    history: History,
    *,
    name: str,
    chosen: str,
    pictures: "Sequence[Picture]" = (),
    title: str | None = None,
) -> bytes:
    """Return the learning curves of a fit, and its task's pictures, as a PNG.

    Args:
        history: `history_` of the estimator.
        name: What the loss is called.
        chosen: The method whose model is used.
        pictures: Up to two, each drawn on an axis of its own.
        title: Stands above the figure.

    Raises:
        ImportError: If matplotlib is not installed.
    """
    figure = new_figure(11, 7.2)
    if title is not None:
        figure.suptitle(title, fontweight="bold")
    axes = figure.subplots(2, 2, sharex="col", height_ratios=(3, 2))
    draw_losses(axes[0, 0], history, name=name, chosen=chosen)
    draw_surrogate_error(axes[1, 0], history)
    for ax, draw in zip(axes[:, 1], pictures, strict=False):
        draw(ax)
    for ax in axes[len(pictures) :, 1]:
        ax.set_visible(False)
    for ax in axes.flat:
        tidy(ax)
    for ax in axes[0]:  # shared axes hide these
        ax.tick_params(labelbottom=True)
    return render(figure, "png")


def draw_losses(ax: "Axes", history: History, *, name: str, chosen: str) -> None:
    """Draw both methods' validation loss over the iterations, the warm-up shaded.

    Args:
        ax: Where to draw.
        history: `history_` of the estimator.
        name: What the loss is called.
        chosen: The method whose model is used.
    """
    warm_up = warm_up_end(history)
    _shade_warm_up(ax, warm_up)
    settled: list[float] = []
    for method in (LEARNED, _usual(history)):
        iterations, losses = _curve(history, method, "validation_loss")
        if len(iterations) == 0:
            continue
        used = ", used" if method == chosen else ""
        label = f"{method_name(method)} (best {losses.min():.4g}{used})"
        how = {**_LINE, **_LOOKS[method == LEARNED]}
        best, is_own = int(np.argmin(losses)), iterations >= warm_up
        ax.plot(
            iterations[is_own],
            losses[is_own],
            markevery=[],  # only in the legend
            label=label,
            **how,
        )
        ax.plot(
            iterations[best], losses[best], markeredgecolor="white", zorder=5, **how
        )
        settled += losses[iterations >= _SETTLED * iterations[-1]].tolist()
    shared, losses = _curve(history, _usual(history), "validation_loss")
    is_shared = shared <= warm_up
    ax.plot(shared[is_shared], losses[is_shared], color=INK, **_LINE)
    if settled:
        low, high = min(settled), max(settled)
        span = high - low or 0.1
        ax.set_ylim(low - 0.08 * span, high + 0.35 * span)  # room for the legend
    ax.set_title("Loss of the validation rows")
    ax.set_ylabel(f"{name}, lower is better")
    ax.set_xlabel("iteration")
    ax.set_xlim(left=0)
    ax.legend(loc="upper right", edgecolor="none", framealpha=0.9)


def _shade_warm_up(ax: "Axes", end: int) -> None:
    if end > 0:
        ax.axvspan(0, end, color=SHADE, linewidth=0, label="warm-up, shared by both")


def draw_surrogate_error(ax: "Axes", history: History) -> None:
    """Draw how far the surrogate was off the true loss on the sets it learned from.

    Beside it the cosine of both losses' gradients, where it was read.
    """
    iterations, errors = _curve(history, LEARNED, "surrogate_error")
    ax.set_title("The surrogate: its gap to the true loss, and its gradient")
    ax.set_ylabel("surrogate error (mean |gap|)")
    _draw_cosine(ax, history)
    ax.set_xlabel("iteration")
    _shade_warm_up(ax, warm_up_end(history))
    if len(iterations) == 0:
        ax.text(
            0.5,
            0.5,
            "not learned during this fit",
            transform=ax.transAxes,
            ha="center",
            color=INK,
        )
        return
    ax.plot(iterations, errors, color=BLUE, linewidth=1.4)
    ax.set_ylim(bottom=0)


def _draw_cosine(ax: "Axes", history: History) -> None:
    iterations, cosines = _curve(history, LEARNED, "cosine")
    if len(iterations) == 0:
        return
    right = ax.twinx()
    right.plot(iterations, cosines, color=INK, linewidth=1.4, linestyle=":")
    right.set_ylim(min(0.0, float(cosines.min())), 1)
    right.set_ylabel("cosine of the gradients (dotted)")
    right.spines["top"].set_visible(False)


def warm_up_end(history: History) -> int:
    """Return the last iteration that both methods share, 0 if there is none.

    Args:
        history: `history_` of the estimator.
    """
    keys = ("iteration", "seconds", "validation_loss")
    ours, control = (
        [[look[key] for key in keys] for look in history if look["method"] == method]
        for method in (LEARNED, _usual(history))
    )
    end = 0
    for own, other in zip(ours, control, strict=False):
        if own != other:
            break
        end = own[0]
    return end


def _usual(history: History) -> str:
    """Return the method beside the learned one; nothing where there is none."""
    methods = (look["method"] for look in history)
    return next((str(method) for method in methods if method != LEARNED), "")


def _curve(
    history: History, method: str, quantity: str
) -> tuple[NDArray[np.int64], Floats]:
    """Return iterations and values of one method, looks without a value left out."""
    points = [
        (record["iteration"], record[quantity])
        for record in history
        if record["method"] == method and record.get(quantity) is not None
    ]
    points = [point for point in points if math.isfinite(point[1])]
    iterations = np.array([iteration for iteration, _ in points], dtype=np.int64)
    return iterations, np.array([value for _, value in points], dtype=np.float64)
