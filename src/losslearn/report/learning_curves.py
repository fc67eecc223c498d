"""Figures of a fit: learning curves, and how the threshold was chosen."""

import io
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from losslearn.estimators.classifier import SurrogateClassifier
from losslearn.metrics import TrueLoss, get_true_loss
from losslearn.metrics.columns import NO_COLUMNS, Columns
from losslearn.report.palette import (
    BLUE,
    GREEN,
    GREY,
    GRID,
    INK,
    SHADE,
    VERMILION,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]
History = Sequence[Mapping[str, Any]]

_COLOURS = {"surrogate": BLUE, "cross_entropy": VERMILION}
_STYLES = {"surrogate": "solid", "cross_entropy": "dashed"}
_MARKERS = {"surrogate": "o", "cross_entropy": "s"}
_NAMES = {"surrogate": "learned surrogate", "cross_entropy": "cross-entropy"}
_CLASS_COLOURS = (GREY, GREEN)
_LINE: dict[str, Any] = {"linewidth": 1.8, "markersize": 8}

_SETTLED = 0.15
"""Share of the iterations after which a loss sets the range of its axis; the first
looks, often far above, are cut off at the top."""
_MOST_POINTS = 1_000
_MOST_CALLS = 60
"""Thresholds shown where each takes a call of a user's function."""


def draw_fit(
    classifier: SurrogateClassifier,
    X: NDArray[np.float32],
    y: NDArray[np.int64],
    *,
    columns: Columns = NO_COLUMNS,
    title: str | None = None,
) -> bytes:
    """Return the learning curves and the chosen threshold of a fit as a PNG.

    Args:
        classifier: Fitted to 0 and 1.
        X: Validation rows.
        y: Their targets, 0 or 1.
        columns: What the metric needs to know of each of them besides.
        title: Stands above the figure.

    Raises:
        ImportError: If matplotlib is not installed.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    engine = ConstrainedLayoutEngine(hspace=0.06, wspace=0.06)
    figure = Figure(figsize=(11, 7.2), layout=engine)
    FigureCanvasAgg(figure)
    if title is not None:
        figure.suptitle(title, fontweight="bold")
    axes = figure.subplots(2, 2, sharex="col", height_ratios=(3, 2))
    y_score = classifier.decision_function(X)
    name = classifier.true_loss_.name
    chosen = classifier.report_["chosen"]
    draw_losses(axes[0, 0], classifier.history_, name=name, chosen=chosen)
    draw_surrogate_error(axes[1, 0], classifier.history_)
    draw_scores(axes[0, 1], y, y_score, threshold=classifier.threshold_)
    draw_thresholds(
        axes[1, 1],
        classifier.true_loss_,
        y,
        y_score,
        threshold=classifier.threshold_,
        columns=columns,
    )
    for ax in axes.flat:
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(axis="y", color=GRID, linewidth=0.6)
        ax.set_axisbelow(True)
    for ax in axes[0]:  # shared axes hide these
        ax.tick_params(labelbottom=True)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130)
    return buffer.getvalue()


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
    for method in ("surrogate", "cross_entropy"):
        iterations, losses = _curve(history, method, "validation_loss")
        if len(iterations) == 0:
            continue
        used = ", used" if method == chosen else ""
        label = f"{_NAMES[method]} (best {losses.min():.4g}{used})"
        how = {"color": _COLOURS[method], "marker": _MARKERS[method], **_LINE}
        best, is_own = int(np.argmin(losses)), iterations >= warm_up
        ax.plot(
            iterations[is_own],
            losses[is_own],
            linestyle=_STYLES[method],
            markevery=[],  # only in the legend
            label=label,
            **how,
        )
        ax.plot(
            iterations[best], losses[best], markeredgecolor="white", zorder=5, **how
        )
        settled += losses[iterations >= _SETTLED * iterations[-1]].tolist()
    shared, losses = _curve(history, "cross_entropy", "validation_loss")
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
    iterations, errors = _curve(history, "surrogate", "surrogate_error")
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
    ax.plot(iterations, errors, color=_COLOURS["surrogate"], linewidth=1.4)
    ax.set_ylim(bottom=0)


def _draw_cosine(ax: "Axes", history: History) -> None:
    iterations, cosines = _curve(history, "surrogate", "cosine")
    if len(iterations) == 0:
        return
    right = ax.twinx()
    right.plot(iterations, cosines, color=INK, linewidth=1.4, linestyle=":")
    right.set_ylim(min(0.0, float(cosines.min())), 1)
    right.set_ylabel("cosine of the gradients (dotted)")
    right.spines["top"].set_visible(False)


def draw_scores(
    ax: "Axes", y: NDArray[np.int64], y_score: Floats, *, threshold: float
) -> None:
    """Draw the scores of both classes, each as a distribution of its own.

    Args:
        ax: Where to draw.
        y: Targets, 0 or 1.
        y_score: Raw scores.
        threshold: Where a row is called positive.
    """
    low, high = _range(y_score, threshold)
    rarer = min(int(y.sum()), len(y) - int(y.sum()))
    n_bins = min(max(rarer // 4, 12), 60)
    edges = np.linspace(low, high, n_bins + 1).tolist()
    for label, name in enumerate(("negative", "positive")):
        scores = y_score[y == label].clip(low, high)
        share = np.full(len(scores), 1 / max(len(scores), 1))
        ax.hist(
            scores,
            bins=edges,
            weights=share,
            color=_CLASS_COLOURS[label],
            alpha=0.45,
            histtype="stepfilled",
            label=f"{name} ({len(scores):,} rows)",
        )
        ax.hist(
            scores,
            bins=edges,
            weights=share,
            color=_CLASS_COLOURS[label],
            histtype="step",
            linewidth=1.4,
        )
    ax.axvline(threshold, color=INK, linewidth=1.4, label=f"threshold {threshold:.3g}")
    ax.set_xlim(low, high)
    ax.set_title("Scores of the validation rows")
    ax.set_ylabel("share of the class per bin")
    ax.set_xlabel("score")
    ax.legend(edgecolor="none", framealpha=0.9)


def draw_thresholds(
    ax: "Axes",
    true_loss: TrueLoss,
    y: NDArray[np.int64],
    y_score: Floats,
    *,
    threshold: float,
    columns: Columns = NO_COLUMNS,
) -> None:
    """Draw the loss against the threshold, and the chosen one.

    Args:
        ax: Where to draw.
        true_loss: A loss without a threshold is replaced by the error rate, for which
            the threshold is chosen then.
        y: Targets, 0 or 1.
        y_score: Raw scores.
        threshold: The chosen one.
        columns: What the loss needs to know of each row besides.
    """
    shown = true_loss if true_loss.needs_threshold else get_true_loss("error_rate")
    thresholds, losses = loss_by_threshold(shown, y, y_score, columns=columns)
    at = shown.with_threshold(threshold)
    chosen = float(at(torch.from_numpy(y), torch.from_numpy(y_score), columns=columns))
    low, high = _range(y_score, threshold)
    ax.plot(thresholds, losses, color=INK, linewidth=1.4, drawstyle="steps-pre")
    ax.axvline(threshold, color=INK, linewidth=1.4)
    ax.plot(threshold, chosen, marker="o", markersize=7, color=INK)
    # where there is more room beside the line
    is_left = threshold > (low + high) / 2
    ax.text(
        threshold + (-0.015 if is_left else 0.015) * (high - low),
        0.96,
        f"{chosen:.4g} at {threshold:.3g}",
        transform=ax.get_xaxis_transform(),
        ha="right" if is_left else "left",
        va="top",
    )
    ax.set_xlim(low, high)
    ax.margins(y=0.1)
    needs_none = "" if shown is true_loss else f"\n({true_loss.name} needs none)"
    ax.set_title(f"Loss of the validation rows by threshold{needs_none}")
    ax.set_ylabel(f"{shown.name}, lower is better")
    ax.set_xlabel("threshold on the score")


def loss_by_threshold(
    true_loss: TrueLoss,
    y: NDArray[np.int64],
    y_score: Floats,
    *,
    columns: Columns = NO_COLUMNS,
) -> tuple[Floats, Floats]:
    """Return thresholds in increasing order and the loss at each.

    Args:
        true_loss: A loss that needs a threshold.
        y: Targets, 0 or 1.
        y_score: Raw scores.
        columns: What the loss needs to know of each row besides.
    """
    most = _MOST_CALLS if true_loss.at_cut_points is None else _MOST_POINTS
    places = np.linspace(0, len(y_score) - 1, min(most, len(y_score))).round()
    thresholds = np.unique(np.sort(y_score)[places.astype(int)])
    targets, scores = torch.from_numpy(y), torch.from_numpy(y_score)
    if true_loss.at_cut_points is not None:
        distinct, by_cut = true_loss.at_cut_points(targets, scores)
        n_above = len(distinct) - np.searchsorted(distinct.flip(-1).numpy(), thresholds)
        return thresholds, by_cut[torch.from_numpy(n_above)].double().numpy()
    losses = [
        float(
            true_loss.with_threshold(float(threshold))(targets, scores, columns=columns)
        )
        for threshold in thresholds
    ]
    return thresholds, np.array(losses)


def warm_up_end(history: History) -> int:
    """Return the last iteration that both methods share, 0 if there is none.

    Args:
        history: `history_` of the estimator.
    """
    keys = ("iteration", "seconds", "validation_loss")
    looks = {
        method: [
            [record[key] for key in keys]
            for record in history
            if record["method"] == method
        ]
        for method in _COLOURS
    }
    end = 0
    pairs = zip(looks["surrogate"], looks["cross_entropy"], strict=False)
    for ours, control in pairs:
        if ours != control:
            break
        end = ours[0]
    return end


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


def _range(y_score: Floats, threshold: float) -> tuple[float, float]:
    """Return the range of nearly all scores, the threshold in it."""
    low, high = np.quantile(y_score, [0.001, 0.999])
    low, high = min(low, threshold), max(high, threshold)
    margin = 0.03 * (high - low) or 1.0
    return float(low - margin), float(high + margin)
