"""The confusion matrix at one or at every cut point, and the formulas on it.

P = TP + FN and N = FP + TN, the weights of the two classes, are never zero where a
value counts: a set of one class has none.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from losslearn.metrics.cut_points import (
    Confusion,
    count_dtype,
    distinct_cut_points,
    finished,
    over_cut_points,
    split_weight,
    undefined_sets,
)


def confusion_at(
    y_true: Integer[Tensor, "*sets n"],
    y_score: Float[Tensor, "*sets n"],
    *,
    threshold: float | int,
    sample_weight: Float[Tensor, "*#sets n"] | None = None,
) -> Confusion:
    """Return the confusion matrix at one threshold."""
    is_called = y_score >= threshold
    if sample_weight is None:  # counted a byte a row, since rows may be many
        is_pos = y_true == 1
        counts = (is_pos & is_called, is_called, is_pos)
        tp, called, n_pos = (count.sum(-1).to(count_dtype(y_score)) for count in counts)
        fp, n_neg = called - tp, y_true.shape[-1] - n_pos
    else:
        weight = split_weight(y_true, y_score, sample_weight)  # (2, *sets, n)
        n_pos, n_neg = weight.sum(-1).unbind(0)
        tp, fp = (weight * is_called).sum(-1).unbind(0)
    undefined = undefined_sets(n_pos, n_neg, y_score.amax(-1))
    return Confusion(tp, fp, n_pos, n_neg, undefined)


def losses_at_cut_points(
    formula: Callable[[Confusion], Tensor],
    y_true: Integer[Tensor, " n"],
    y_score: Float[Tensor, " n"],
    *,
    sample_weight: Float[Tensor, " n"] | None = None,
) -> tuple[Float[Tensor, " distinct"], Float[Tensor, " cuts"]]:
    """Return the distinct scores of one set and the formula at all its cut points.

    Args:
        formula: One of the formulas below.
        y_true: Targets, 0 or 1.
        y_score: Scores on any scale.
        sample_weight: Weight of each row, none negative; all 1 if left out.

    Returns:
        The m distinct scores, highest first; and m + 1 losses, of which entry i is the
        loss when the rows of the i highest are called positive; NaN for a set that
        holds one class only.
    """
    distinct = y_score.new_empty(len(y_score) + 1)
    losses = distinct.new_empty(len(distinct), dtype=count_dtype(y_score))
    end = 0
    for score, cuts in distinct_cut_points(
        y_true, y_score, sample_weight=sample_weight
    ):
        begin, end = end, end + len(score)
        distinct[begin:end] = score
        losses[begin:end] = formula(cuts) + cuts.undefined
    return distinct[1:end], losses[:end].clamp_(0, 1)


def loss_of(
    formula: Callable[[Confusion], Tensor],
    y_true: Tensor,
    y_score: Tensor,
    threshold: float | int | None,
    sample_weight: Tensor | None,
) -> Tensor:
    """Return the formula at the threshold, or its lowest value over the cut points."""
    if threshold is None:
        value, cuts = over_cut_points(
            lambda cuts: formula(cuts).amin(-1),
            torch.minimum,
            y_true,
            y_score,
            sample_weight=sample_weight,
        )
    else:
        cuts = confusion_at(
            y_true, y_score, threshold=threshold, sample_weight=sample_weight
        )
        value = formula(cuts)
    return finished(value, cuts.undefined, y_score)


def error_rate(c: Confusion) -> Tensor:
    """Return the share of wrong rows."""
    return (c.fp + c.fn) / (c.n_pos + c.n_neg)


def f1(c: Confusion) -> Tensor:
    """Return 1 - F1."""
    wrong = c.fp + c.fn
    return wrong / (2 * c.tp + wrong)


def fbeta(c: Confusion, beta: float | int = 2.0) -> Tensor:
    """Return 1 - F-beta."""
    wrong = beta**2 * c.fn + c.fp
    return wrong / ((1 + beta**2) * c.tp + wrong)


def jaccard(c: Confusion) -> Tensor:
    """Return 1 - TP / (TP + FP + FN)."""
    return (c.fp + c.fn) / (c.n_pos + c.fp)


def mcc(c: Confusion) -> Tensor:
    """Return (1 - mcc) / 2."""
    called_pos, called_neg = c.tp + c.fp, c.fn + c.tn
    # A side is empty up to rounding: 0/0, which counts as no correlation.
    empty = (c.n_pos + c.n_neg) * torch.finfo(c.tp.dtype).eps ** 0.75
    one_sided = torch.minimum(called_pos, called_neg) <= empty
    covariance = c.tp * c.tn - c.fp * c.fn
    variance = called_pos * called_neg * (c.n_pos * c.n_neg)
    mcc = covariance / variance.masked_fill(one_sided, torch.inf).sqrt()
    return (1 - mcc) / 2


def balanced_error(c: Confusion) -> Tensor:
    """Return the mean of the error rates of both classes."""
    return (c.fn / c.n_pos + c.fp / c.n_neg) / 2


def gmean(c: Confusion) -> Tensor:
    """Return 1 - sqrt(TPR TNR)."""
    return 1 - ((c.tp / c.n_pos) * (c.tn / c.n_neg)).clamp(min=0).sqrt()


def kappa(c: Confusion) -> Tensor:
    """Return (1 - kappa) / 2."""
    called_pos, called_neg = c.tp + c.fp, c.fn + c.tn
    # (1 - kappa) / 2 is half the observed over the expected share of errors.
    n_rows = c.n_pos + c.n_neg
    return (c.fp + c.fn) * n_rows / (called_pos * c.n_neg + called_neg * c.n_pos) / 2
