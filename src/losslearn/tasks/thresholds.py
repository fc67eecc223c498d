"""Choosing a threshold, and measuring a loss on rows that were held out."""

from contextlib import nullcontext
from functools import partial

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from losslearn.metrics import Sets, TrueLoss
from losslearn.metrics.columns import NO_COLUMNS, Columns, as_columns
from losslearn.metrics.interval import loss_interval
from losslearn.metrics.own.as_true_loss import untried
from losslearn.metrics.own.black_box import UndefinedError

_LARGEST = torch.finfo(torch.float32).max  # stands for an infinite score


def tune_threshold(
    y: ArrayLike,
    scores: ArrayLike,
    metric: object,
    *,
    metric_columns: object = None,
) -> float:
    """Return the threshold of the best value of a metric on these rows.

    Take rows that were not trained on, and report on others again.

    Args:
        y: Targets, 0 or 1, shape `[rows]` or `[rows, 1]`; an array or a tensor.
        scores: Raw scores, of either shape.
        metric: The metric's name, or anything that `as_true_loss` takes.
        metric_columns: Further numbers of each row that the metric needs: a mapping of
            names to values, or a DataFrame.

    Returns:
        A finite threshold: call a row positive where `score >= threshold`.

    Raises:
        ValueError: If shapes differ, targets are not 0 or 1, the rows are of one class,
            the metric has no threshold, or its columns are not those given.

    Example:
        >>> tune_threshold([0, 1, 0, 1], [0.0, 2.0, 1.0, 3.0], "f1")
        1.5
    """
    given = [
        values.detach().cpu()
        if isinstance(values, Tensor)
        else torch.from_numpy(np.array(values))  # a copy: of any layout, and writable
        for values in (y, scores)
    ]
    y_true, y_score = (
        rows.squeeze(-1) if rows.shape[1:] == (1,) else rows for rows in given
    )
    if y_true.ndim != 1 or y_true.shape != y_score.shape:
        raise ValueError(
            "`y` and `scores` must hold one number a row, [rows] or [rows, 1], got "
            f"{list(given[0].shape)} and {list(given[1].shape)}."
        )
    if not bool(((y_true == 0) | (y_true == 1)).all()):
        raise ValueError("`y` must hold nothing but 0 and 1.")
    if not y_score.is_floating_point():
        y_score = y_score.double()
    true_loss = untried(metric)  # these rows will show
    columns = as_columns(
        metric_columns,
        true_loss.columns,
        n_rows=len(y_true),
        metric=true_loss.name,
        text=true_loss.text,
    )
    threshold, _ = best_threshold(true_loss, y_true.long(), y_score, columns=columns)
    return threshold


def best_threshold(
    true_loss: TrueLoss,
    y_true: Tensor,
    y_score: Tensor,
    *,
    sample_weight: Tensor | None = None,
    columns: Columns | None = None,
) -> tuple[float, float]:
    """Return the threshold of the lowest loss on these rows, and that loss.

    All cut points are tried; for a user's function, up to 200 of them, spread over the
    rows so that either class counts as much. Of several runs of cut points with the
    same lowest loss the widest is taken, and of it the middle cut point; the threshold
    lies halfway between the lowest score it calls positive and the next lower one.

    Args:
        true_loss: A loss that needs a threshold.
        y_true: Targets, 0 or 1, one axis.
        y_score: Raw scores.
        sample_weight: Weight of each row.
        columns: What the loss needs to know of each row besides.

    Returns:
        A finite threshold that the type of the scores holds exactly, so that comparing
        in double changes nothing; and the loss at it.

    Raises:
        ValueError: If the loss has no threshold, or no cut point has a value, as when
            the rows are of one class.

    Example:
        >>> from losslearn.metrics import get_true_loss
        >>> f1 = get_true_loss("f1")
        >>> best_threshold(f1, torch.tensor([0, 1, 0, 1]), torch.tensor([0.0, 2, 1, 3]))
        (1.5, 0.0)
    """
    if true_loss.at_threshold is None:
        raise ValueError(
            f"`{true_loss.name}` has no threshold: it judges the scores themselves."
        )
    if not 0 < int(y_true.sum()) < y_true.numel():
        raise ValueError(
            "A threshold needs rows of both classes, got "
            f"{int(y_true.sum())} positive rows of {y_true.numel()}."
        )
    score = y_score.detach()
    if not bool(torch.stack(torch.aminmax(score)).isfinite().all()):
        largest = min(torch.finfo(score.dtype).max, _LARGEST)
        score = score.nan_to_num(torch.nan, largest, -largest)
    by_row = true_loss.further(columns)
    if sample_weight is not None:
        by_row["sample_weight"] = sample_weight
    if true_loss.at_cut_points is not None:
        distinct, losses = true_loss.at_cut_points(y_true, score, **by_row)
        cuts = None  # all of them
    else:
        distinct, counts = torch.unique(score, return_counts=True)
        distinct, counts = distinct.flip(-1), counts.flip(-1)
        cuts = _spread_cuts(y_true, score, counts, true_loss.max_calls)
        # as one of many sets: a threshold at which it is undefined is left out
        at = partial(true_loss.at_threshold, y_true[None], score[None], **by_row)
        own = true_loss.own
        with nullcontext() if own is None else own.choosing():
            losses = torch.cat(
                [at(threshold=float(distinct[cut - 1])) for cut in cuts.tolist()]
            )
        if not bool(losses.isnan().all()):
            losses = losses.nan_to_num(torch.inf)
    if bool(losses.isnan().any()):
        why = None if true_loss.own is None else true_loss.own.undefined
        raise UndefinedError(
            f"`{true_loss.name}` has no value on these rows: "
            f"{why or 'a score is not a number.'}"
        )
    lowest = torch.nonzero(losses <= losses.min() + 1e-12).squeeze(-1)
    lower, upper = _borders(distinct, lowest if cuts is None else cuts[lowest])
    best = _middle_of_widest_run(lowest, upper - lower)
    threshold = _between(lower[best], upper[best], y_score.dtype)
    return threshold, float(losses.min())


def evaluate(
    true_loss: TrueLoss,
    y_true: Tensor,
    y_score: Tensor,
    *,
    threshold: float | None = None,
    sample_weight: Tensor | None = None,
    columns: Columns | None = None,
) -> float:
    """Return the loss of held-out rows, never at a threshold chosen on them.

    Args:
        true_loss: What to measure.
        y_true: Targets, 0 or 1, one axis.
        y_score: Raw scores.
        threshold: Where a row is called positive, chosen on other rows; a loss without
            a threshold does not look at it.
        sample_weight: Weight of each row.
        columns: What the loss needs to know of each row besides.

    Returns:
        The loss; NaN if the rows are of one class.

    Raises:
        ValueError: If the loss needs a threshold and none is given, or it takes no
            weights and some are given.

    Example:
        >>> from losslearn.metrics import get_true_loss
        >>> f1, y_true = get_true_loss("f1"), torch.tensor([0, 1, 0, 1])
        >>> evaluate(f1, y_true, torch.tensor([0.0, 2, 1, 3]), threshold=2.5)
        0.333...
    """
    loss = _at(true_loss, threshold)
    return float(loss(Sets(y_true, y_score, sample_weight, columns or NO_COLUMNS)))


def bootstrap_interval(
    true_loss: TrueLoss,
    y_true: Tensor,
    y_score: Tensor,
    *,
    generator: torch.Generator,
    threshold: float | None = None,
    columns: Columns | None = None,
    level: float = 0.95,
    n_resamples: int = 200,
) -> tuple[float, float]:
    """Return a percentile interval of what `evaluate` returns (see `loss_interval`).

    Args:
        true_loss: As for `evaluate`, and so `y_true`, `y_score`, `threshold`,
            `columns`.
        y_true: One axis.
        y_score: Of these rows.
        generator: Draws the rows.
        threshold: Chosen on other rows.
        columns: Of these rows.
        level: Share of the resamples inside the interval, in (0, 1).
        n_resamples: How many times the rows are drawn, with replacement.

    Returns:
        Lower and upper end; NaN if the rows are of one class.

    Raises:
        ValueError: If the loss needs a threshold and none is given, or `level` or
            `n_resamples` is out of range.

    Example:
        >>> from losslearn.metrics import get_true_loss
        >>> y_true, generator = torch.tensor([0, 0, 1, 1]), torch.Generator()
        >>> y_score, auc = torch.tensor([0.1, 0.2, 0.3, 0.4]), get_true_loss("auc")
        >>> bootstrap_interval(auc, y_true, y_score, generator=generator)
        (0.0, 0.0)
    """
    sets = Sets(y_true, y_score, None, columns or NO_COLUMNS)
    loss = _at(true_loss, threshold)
    return loss_interval(
        loss, sets, generator=generator, level=level, n_resamples=n_resamples
    )


def _at(true_loss: TrueLoss, threshold: float | None) -> TrueLoss:
    """Return the loss as held-out rows are measured."""
    if not true_loss.needs_threshold:
        return true_loss
    if threshold is None:
        raise ValueError(
            f"`{true_loss.name}` needs a `threshold`. Choose one on other rows with "
            "`tune_threshold`."
        )
    return true_loss.with_threshold(threshold)


def _borders(distinct: Tensor, cuts: Tensor) -> tuple[Tensor, Tensor]:
    """Return the scores between which the thresholds of cut points lie, in double.

    Cut i of 0 to m calls the rows of the i highest of m distinct scores positive: its
    thresholds are those above the first score returned and up to the second. The
    outermost borders, which no score gives, are a mean gap away.

    Args:
        distinct: All distinct scores, highest first.
        cuts: Some cut points.
    """
    highest, lowest = distinct[0].double(), distinct[-1].double()
    gap = (highest - lowest) / max(len(distinct) - 1, 1)
    gap = torch.where(gap > 0, gap, 1.0)
    last = len(distinct) - 1
    below, above = distinct[cuts.clamp(max=last)], distinct[(cuts - 1).clamp(min=0)]
    return (
        torch.where(cuts > last, lowest - gap, below.double()),
        torch.where(cuts < 1, highest + gap, above.double()),
    )


def _spread_cuts(
    y_true: Tensor, score: Tensor, counts: Tensor, max_calls: int
) -> Tensor:
    """Return at most `max_calls` cut points, "nobody" left out.

    Between two of them lies the same share of the positive rows and of the negative
    ones in sum, so that rare positives do not fall between two cuts.

    Args:
        y_true: Targets, 0 or 1, one axis.
        score: Scores.
        counts: Rows of each distinct score, highest first.
        max_calls: How many at most.
    """
    if len(counts) <= max_calls:
        return torch.arange(1, len(counts) + 1, device=counts.device)
    n_above = counts.cumsum(-1)
    n_positive_above = y_true[score.argsort(descending=True)].long().cumsum(-1)
    n_positive_above = n_positive_above[n_above - 1]
    n_positive = n_positive_above[-1]
    n_negative = n_above[-1] - n_positive
    n_negative_above = n_above - n_positive_above
    mass = n_positive_above * n_negative + n_negative_above * n_positive
    places = torch.linspace(
        float(mass[0]),
        float(mass[-1]),
        max_calls,
        dtype=torch.float64,
        device=mass.device,
    )
    return torch.searchsorted(mass, places.long()).unique() + 1


def _middle_of_widest_run(cuts: Tensor, widths: Tensor) -> int:
    """Return the place of the middle cut of the widest run of neighbouring cuts."""
    run = (cuts.diff(prepend=cuts[:1]) > 1).cumsum(-1)
    run_width = widths.new_zeros(len(cuts)).index_add_(0, run, widths)
    widest = torch.nonzero(run == run_width.argmax()).squeeze(-1)
    return int(widest[(len(widest) - 1) // 2])


def _between(lower: Tensor, upper: Tensor, dtype: torch.dtype) -> float:
    """Return the middle of two scores, rounded so that it still parts them."""
    middle = float((lower / 2 + upper / 2).to(dtype))
    return middle if middle > float(lower) else float(upper)
