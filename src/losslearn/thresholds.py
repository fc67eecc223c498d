"""Choosing a threshold, and measuring a loss on rows that were held out."""

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from losslearn.metric_columns import Columns, as_columns, take_rows
from losslearn.metrics import TrueLoss, as_true_loss

_MAX_CALLS = 200  # thresholds tried where each takes a call of a user's function
_CHUNK = 2_000_000  # resampled rows held at a time
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
    true_loss = as_true_loss(metric)
    columns = as_columns(
        metric_columns, true_loss.columns, n_rows=len(y_true), metric=true_loss.name
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
    largest = min(torch.finfo(y_score.dtype).max, _LARGEST)
    score = y_score.detach().nan_to_num(torch.nan, largest, -largest)
    borders, n_above = _borders(score)
    by_row = true_loss.further(columns)
    if sample_weight is not None:
        by_row["sample_weight"] = sample_weight
    if true_loss.at_cut_points is not None:
        cuts, widths = None, borders[:-1] - borders[1:]
        losses = true_loss.at_cut_points(y_true, score, **by_row)[n_above]
    else:
        cuts = _spread_cuts(n_above, _positive_above(y_true, score, n_above))
        widths = borders[cuts] - borders[cuts + 1]
        losses = torch.stack(
            [
                true_loss.at_threshold(
                    y_true, score, threshold=float(borders[cut]), **by_row
                )
                for cut in cuts
            ]
        )
    if bool(losses.isnan().any()):
        raise ValueError(
            f"`{true_loss.name}` has no value on these rows: a score is not a number."
        )
    best = _middle_of_widest_run(losses, widths)
    if cuts is not None:
        best = int(cuts[best])
    threshold = _between(borders[best + 1], borders[best], y_score.dtype)
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
    return float(loss(y_true, y_score, sample_weight=sample_weight, columns=columns))


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
    """Return a percentile interval of the loss over resampled rows.

    It shows how much the loss depends on which rows were held out, and nothing of how
    it depends on the rows trained on. Resamples of one class are left out.

    Args:
        true_loss: What to measure.
        y_true: Targets, 0 or 1, one axis.
        y_score: Raw scores.
        generator: Draws the rows.
        threshold: Where a row is called positive; a loss without a threshold does not
            look at it.
        columns: What the loss needs to know of each row besides.
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
    if not 0 < level < 1:
        raise ValueError(f"`level` must be in (0, 1), got {level}.")
    if n_resamples < 1:
        raise ValueError(f"`n_resamples` must be at least 1, got {n_resamples}.")
    loss = _at(true_loss, threshold)
    n = y_true.shape[-1]
    values = []
    for sizes in torch.ones(n_resamples).split(max(_CHUNK // n, 1)):
        rows = torch.randint(
            n, (len(sizes), n), generator=generator, device=generator.device
        ).to(y_true.device)
        resampled = take_rows(columns or {}, rows)
        values.append(loss(y_true[rows], y_score[rows], columns=resampled).double())
    ends = torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=torch.float64)
    low, high = torch.cat(values).cpu().nanquantile(ends).tolist()
    return low, high


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


def _borders(score: Tensor) -> tuple[Tensor, Tensor]:
    """Return the m + 2 scores that border the cut points, and the rows above each cut.

    Cut i of 0 to m calls the i highest distinct scores positive: its thresholds are
    those above `borders[i + 1]` and up to `borders[i]`. The outermost borders, which no
    score gives, are a mean gap away.
    """
    distinct, counts = torch.unique(score, return_counts=True)
    distinct = distinct.double().flip(-1)  # (m,), highest first
    gap = (distinct[:1] - distinct[-1:]) / max(len(distinct) - 1, 1)
    gap = torch.where(gap > 0, gap, 1.0)
    borders = torch.cat([distinct[:1] + gap, distinct, distinct[-1:] - gap])
    n_above = torch.cat([counts.new_zeros(1), counts.flip(-1).cumsum(-1)])
    return borders, n_above


def _positive_above(y_true: Tensor, score: Tensor, n_above: Tensor) -> Tensor:
    """Return how many positive rows are among the highest `n_above`."""
    positive = y_true[score.argsort(descending=True)].long().cumsum(-1)
    return torch.cat([positive.new_zeros(1), positive])[n_above]


def _spread_cuts(n_above: Tensor, n_positive_above: Tensor) -> Tensor:
    """Return at most 200 cut points, "nobody" left out.

    Between two of them lies the same share of the positive rows and of the negative
    ones in sum, so that rare positives do not fall between two cuts.
    """
    n_cuts = len(n_above) - 1
    if n_cuts <= _MAX_CALLS:
        return torch.arange(1, n_cuts + 1, device=n_above.device)
    n_positive = n_positive_above[-1]
    n_negative = n_above[-1] - n_positive
    n_negative_above = n_above - n_positive_above
    mass = n_positive_above * n_negative + n_negative_above * n_positive
    places = torch.linspace(
        float(mass[1]),
        float(mass[-1]),
        _MAX_CALLS,
        dtype=torch.float64,
        device=mass.device,
    )
    return torch.searchsorted(mass, places.long()).unique()


def _middle_of_widest_run(losses: Tensor, widths: Tensor) -> int:
    """Return the middle of the widest run of neighbouring lowest losses."""
    lowest = torch.nonzero(losses <= losses.min() + 1e-12).squeeze(-1)
    run = (lowest.diff(prepend=lowest[:1]) > 1).cumsum(-1)
    run_width = widths.new_zeros(len(lowest)).index_add_(0, run, widths[lowest])
    widest = lowest[run == run_width.argmax()]
    return int(widest[(len(widest) - 1) // 2])


def _between(lower: Tensor, upper: Tensor, dtype: torch.dtype) -> float:
    """Return the middle of two scores, rounded so that it still parts them."""
    middle = float((lower / 2 + upper / 2).to(dtype))
    return middle if middle > float(lower) else float(upper)
