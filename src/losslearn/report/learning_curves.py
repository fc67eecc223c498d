"""The figure of a fit: learning curves, and whatever pictures its task has."""

from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from losslearn.metrics.as_written import AsWritten
from losslearn.report.figures import new_figure, render, tidy
from losslearn.report.palette import BLUE, INK, SHADE, VERMILION
from losslearn.report.verdict import method_name
from losslearn.training.branches import LEARNED

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    Picture = Callable[[Axes], None]

History = Sequence[Mapping[str, Any]]

_LOOKS: dict[bool, dict[str, str]] = {
    True: {"color": BLUE, "marker": "o", "linestyle": "solid"},
    False: {"color": VERMILION, "marker": "s", "linestyle": "dashed"},
}
"""How a method is drawn, by whether its loss was learned."""
_LINE: dict[str, Any] = {"linewidth": 1.8, "markersize": 8}

_SETTLED = 0.15
"""Share of the iterations after which a value sets the range of its axis; the first
looks, often far worse, are cut off."""


def draw_fit(
    history: History,
    *,
    written: AsWritten,
    chosen: str,
    pictures: "Sequence[Picture]" = (),
    title: str | None = None,
) -> bytes:
    """Return the learning curves of a fit, and its task's pictures, as a PNG.

    The history is `history_` of the estimator, whose losses are shown as the metric is
    written. Up to two pictures are drawn, each on an axis of its own.

    Raises:
        ImportError: If matplotlib is not installed.
    """
    figure = new_figure(11, 7.2)
    if title is not None:
        figure.suptitle(title, fontweight="bold")
    axes = figure.subplots(2, 2, sharex="col", height_ratios=(3, 2))
    draw_values(axes[0, 0], history, written=written.judged, chosen=chosen)
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


def draw_values(
    ax: "Axes", history: History, *, written: AsWritten, chosen: str
) -> None:
    """Draw both methods' values over the iterations, the warm-up shaded.

    Of folds there is a line each; the numbers are means of their best looks.
    """
    folds = _by_fold(history)
    warm_up = _shade_warm_up(ax, folds[0])
    settled: list[float] = []
    for method in (LEARNED, _usual(history)):
        curves = [_curve(fold, method, "validation_loss") for fold in folds]
        curves = [(at, losses) for at, losses in curves if len(at) > 0]
        if not curves:
            continue
        least = float(np.mean([losses.min() for _, losses in curves]))
        used = ", used" if method == chosen else ""
        label = f"{method_name(method)} (best {written.value(least):.4g}{used})"
        how = {**_LINE, **_LOOKS[method == LEARNED]}
        for at, losses in curves:
            best, is_own = int(np.argmin(losses)), at >= warm_up
            values = _values(losses, written)
            # a mark for the best look alone, and in the legend
            ax.plot(at[is_own], values[is_own], markevery=[], label=label, **how)
            ax.plot(at[best], values[best], markeredgecolor="white", zorder=5, **how)
            settled += values[at >= _SETTLED * at[-1]].tolist()
            label = "_"  # one entry in the legend
    for fold in folds:
        at, losses = _curve(fold, _usual(fold), "validation_loss")
        values = _values(losses, written)
        ax.plot(at[at <= warm_up], values[at <= warm_up], color=INK, **_LINE)
    if settled:
        low, high = min(settled), max(settled)
        span = high - low or 0.1
        ax.set_ylim(low - 0.08 * span, high + 0.35 * span)  # room for the legend
    name, of = written.name, f", {len(folds)} folds" if len(folds) > 1 else ""
    title = f"{name} of the validation rows{of}"
    ax.set(title=title, ylabel=f"{name}, {written.better}")
    ax.set(xlabel="iteration", xlim=(0, None))
    ax.legend(loc="upper right", edgecolor="none", framealpha=0.9)


def _values(losses: NDArray[np.float64], written: AsWritten) -> NDArray[np.float64]:
    return written.shift + written.factor * losses


def _shade_warm_up(ax: "Axes", history: History) -> int:
    end = warm_up_end(history)
    if end > 0:
        ax.axvspan(0, end, color=SHADE, linewidth=0, label="warm-up, shared by both")
    return end


def draw_surrogate_error(ax: "Axes", history: History) -> None:
    """Draw the surrogate's gap to the true loss, and the gradients' cosine if read."""
    ax.set_title("The surrogate: its gap to the true loss, and its gradient")
    ax.set(xlabel="iteration", ylabel="surrogate error (mean |gap|)")
    folds = _by_fold(history)
    cosines = [_curve(fold, LEARNED, "cosine") for fold in folds]
    if any(len(at) for at, _ in cosines):
        right = ax.twinx()
        for at, values in cosines:
            right.plot(at, values, color=INK, linewidth=1.4, linestyle=":")
        low = min(float(values.min()) for at, values in cosines if len(at))
        right.set(ylim=(min(0.0, low), 1), ylabel="cosine of the gradients (dotted)")
        right.spines["top"].set_visible(False)
    _shade_warm_up(ax, folds[0])
    errors = [_curve(fold, LEARNED, "surrogate_error") for fold in folds]
    if any(len(at) for at, _ in errors):
        for at, values in errors:
            ax.plot(at, values, color=BLUE, linewidth=1.4)
        ax.set_ylim(bottom=0)
    else:
        how: dict[str, Any] = {"transform": ax.transAxes, "ha": "center", "color": INK}
        ax.text(0.5, 0.5, "not learned during this fit", **how)


def _by_fold(history: History) -> list[History]:
    """Return the looks of each fold; all together where there are none."""
    folds = dict.fromkeys(look.get("fold", 1) for look in history) or {1: None}
    return [[look for look in history if look.get("fold", 1) == one] for one in folds]


def warm_up_end(history: History) -> int:
    """Return the last iteration that both methods share, 0 if there is none."""
    keys = ("iteration", "seconds", "validation_loss")
    ours, control = (
        [[look[key] for key in keys] for look in history if look["method"] == method]
        for method in (LEARNED, _usual(history))
    )
    both = zip(ours, control, strict=False)
    shared = [own for own, _ in takewhile(lambda looks: looks[0] == looks[1], both)]
    return int(shared[-1][0]) if shared else 0


def _usual(history: History) -> str:
    """Return the method beside the learned one; nothing where there is none."""
    methods = (look["method"] for look in history)
    return next((str(method) for method in methods if method != LEARNED), "")


def _curve(
    history: History, method: str, quantity: str
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return iterations and values of one method, looks without a value left out."""
    looks = [look for look in history if look["method"] == method]
    iterations = np.array([look["iteration"] for look in looks], dtype=np.int64)
    values = np.array([look.get(quantity) for look in looks], dtype=np.float64)
    is_known = np.isfinite(values)
    return iterations[is_known], values[is_known]
