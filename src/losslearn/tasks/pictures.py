"""Pictures of a fit of two classes: its scores, and how the threshold was chosen."""

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from losslearn.metrics import Sets, TrueLoss, get_true_loss
from losslearn.metrics.as_written import as_written
from losslearn.metrics.columns import NO_COLUMNS, Columns
from losslearn.tasks.task import Rule
from losslearn.tasks.thresholds import evaluate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]

_CLASS_COLOURS = ("#8C8C8C", "#009E73")
_INK = "#222222"
_MOST_POINTS = 1_000
_MOST_CALLS = 60
"""Thresholds shown where each takes a call of a user's function."""


def draw_scores(
    ax: "Axes", y: NDArray[np.int64], y_score: Floats, *, threshold: float | None
) -> None:
    """Draw the scores of both classes, each as a distribution of its own.

    Args:
        ax: Where to draw.
        y: Targets, 0 or 1.
        y_score: Raw scores.
        threshold: Where a row is called positive; None for a rule without one.
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
    if threshold is not None:
        said = f"threshold {threshold:.3g}"
        ax.axvline(threshold, color=_INK, linewidth=1.4, label=said)
    ax.set_xlim(low, high)
    ax.set_title("Scores of the validation rows")
    ax.set_ylabel("share of the class per bin")
    ax.set_xlabel("score")
    ax.legend(edgecolor="none", framealpha=0.9)


def draw_thresholds(
    ax: "Axes",
    true_loss: TrueLoss,
    sets: Sets,
    rule: Rule,
    *,
    threshold: float | None,
) -> None:
    """Draw the metric against the threshold, and its value by the rule that stands.

    Args:
        ax: Where to draw.
        true_loss: A loss without a threshold is replaced by the error rate, for which
            the threshold is chosen then.
        sets: One set of rows.
        rule: Decides on them.
        threshold: Its threshold; None for a rule without one.
    """
    shown = true_loss if true_loss.needs_rule else get_true_loss("error_rate")
    y, y_score = (values.cpu().numpy() for values in (sets.target, sets.score))
    thresholds, losses = loss_by_threshold(
        shown, y.astype(np.int64), y_score, columns=sets.columns
    )
    written = as_written(shown).judged
    chosen = written.value(float(rule.judged(shown)(sets._replace(weight=None))))
    values = written.shift + written.factor * losses
    low, high = _range(y_score, threshold)
    ax.plot(thresholds, values, color=_INK, linewidth=1.4, drawstyle="steps-pre")
    place, is_left = (low + high) / 2, False
    if threshold is None:
        said = f"{rule.to_dict()['kind']}: {chosen:.4g}"
        ax.axhline(chosen, color=_INK, linewidth=1.4, linestyle="--")
    else:
        said = f"{chosen:.4g} at {threshold:.3g}"
        ax.axvline(threshold, color=_INK, linewidth=1.4)
        ax.plot(threshold, chosen, marker="o", markersize=7, color=_INK)
        # where there is more room beside the line
        is_left = threshold > place
        place = threshold + (-0.015 if is_left else 0.015) * (high - low)
    ax.text(
        place,
        0.96,
        said,
        transform=ax.get_xaxis_transform(),
        ha="right" if is_left else "left",
        va="top",
    )
    ax.set_xlim(low, high)
    ax.margins(y=0.1)
    needs_none = f"\n({as_written(true_loss).name} needs none)"
    needs_none = "" if shown is true_loss else needs_none
    ax.set_title(f"{written.name} of the validation rows by threshold{needs_none}")
    ax.set_ylabel(f"{written.name}, {written.better}")
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
    calls = min(_MOST_CALLS, true_loss.max_calls)
    most = calls if true_loss.at_cut_points is None else _MOST_POINTS
    places = np.linspace(0, len(y_score) - 1, min(most, len(y_score))).round()
    thresholds = np.unique(np.sort(y_score)[places.astype(int)])
    targets, scores = torch.from_numpy(y), torch.from_numpy(y_score)
    if true_loss.at_cut_points is not None:
        distinct, by_cut = true_loss.at_cut_points(
            targets, scores, **true_loss.further(columns)
        )
        n_above = len(distinct) - np.searchsorted(distinct.flip(-1).numpy(), thresholds)
        return thresholds, by_cut[torch.from_numpy(n_above)].double().numpy()
    losses = [
        # as one of many sets: where it is undefined is a gap
        evaluate(
            true_loss, targets[None], scores[None], threshold=threshold, columns=columns
        )
        for threshold in thresholds.tolist()
    ]
    return thresholds, np.array(losses)


def _range(y_score: Floats, threshold: float | None) -> tuple[float, float]:
    """Return the range of nearly all scores, the threshold in it."""
    low, high = np.quantile(y_score, [0.001, 0.999])
    if threshold is not None:
        low, high = min(low, threshold), max(high, threshold)
    margin = 0.03 * (high - low) or 1.0
    return float(low - margin), float(high + margin)
