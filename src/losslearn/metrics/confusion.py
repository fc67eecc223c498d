"""Losses of the confusion matrix, at the best or at a fixed threshold.

Each has two forms. With `threshold=None` (how a model is trained) its value is the lowest
over all cut points of the set, "nobody positive" and "everybody positive" included: one
sort, exact, unchanged by shift and positive scale of the scores. With a threshold, a row
is called positive where `y_score >= threshold`.

In the formulas TP, FP, FN and TN are weights of rows: true and false positives and
negatives. P = TP + FN and N = FP + TN are the weights of the two classes, and they are
never zero: a set of one class has no value.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from losslearn.metrics.cut_points import (
    cut_points,
    split_weight,
    undefined_sets,
    value_dtype,
)


class Confusion(NamedTuple):
    """Weight of the rows in each cell of the confusion matrix."""

    tp: Tensor
    fp: Tensor
    fn: Tensor
    tn: Tensor
    n_pos: Tensor
    n_neg: Tensor


def confusion_at_cut_points(
    y_true: Integer[Tensor, "*sets n"],
    y_score: Float[Tensor, "*sets n"],
    *,
    sample_weight: Float[Tensor, "*#sets n"] | None = None,
) -> tuple[Confusion, Float[Tensor, "*sets"]]:
    """Return the cells at all n + 1 cut points, and NaN for sets without a value."""
    tp, fp, n_pos, n_neg, undefined = cut_points(
        y_true, y_score, sample_weight=sample_weight
    )
    return Confusion(tp, fp, n_pos - tp, n_neg - fp, n_pos, n_neg), undefined


def confusion_at(
    y_true: Integer[Tensor, "*sets n"],
    y_score: Float[Tensor, "*sets n"],
    *,
    threshold: float,
    sample_weight: Float[Tensor, "*#sets n"] | None = None,
) -> tuple[Confusion, Float[Tensor, "*sets"]]:
    """Return the cells at one threshold, and NaN for sets without a value."""
    weight = split_weight(y_true, y_score, sample_weight)  # (2, *sets, n)
    n_pos, n_neg = weight.sum(-1).unbind(0)
    tp, fp = (weight * (y_score >= threshold)).sum(-1).unbind(0)
    undefined = undefined_sets(n_pos, n_neg, y_score.amax(-1))
    return Confusion(tp, fp, n_pos - tp, n_neg - fp, n_pos, n_neg), undefined


def _loss(
    formula: Callable[[Confusion], Tensor],
    y_true: Tensor,
    y_score: Tensor,
    threshold: float | None,
    sample_weight: Tensor | None,
) -> Tensor:
    """Return the formula at the threshold, or its lowest value over the cut points."""
    if threshold is None:
        cells, undefined = confusion_at_cut_points(
            y_true, y_score, sample_weight=sample_weight
        )
        value = formula(cells).amin(-1)
    else:
        cells, undefined = confusion_at(
            y_true, y_score, threshold=threshold, sample_weight=sample_weight
        )
        value = formula(cells)
    return (value + undefined).to(value_dtype(y_score))


def _error_rate(c: Confusion) -> Tensor:
    return (c.fp + c.fn) / (c.n_pos + c.n_neg)


def _f1(c: Confusion) -> Tensor:
    wrong = c.fp + c.fn
    return wrong / (2 * c.tp + wrong)


def _jaccard(c: Confusion) -> Tensor:
    return (c.fp + c.fn) / (c.n_pos + c.fp)


def _mcc(c: Confusion) -> Tensor:
    called_pos, called_neg = c.tp + c.fp, c.fn + c.tn
    # A side is empty up to rounding: 0/0, which counts as no correlation.
    empty = (c.n_pos + c.n_neg) * torch.finfo(c.tp.dtype).eps ** 0.75
    one_sided = torch.minimum(called_pos, called_neg) <= empty
    covariance = c.tp * c.tn - c.fp * c.fn
    variance = called_pos * called_neg * (c.n_pos * c.n_neg)
    mcc = covariance / variance.masked_fill(one_sided, torch.inf).sqrt()
    return ((1 - mcc) / 2).clamp(0, 1)


def _balanced_error(c: Confusion) -> Tensor:
    return (c.fn / c.n_pos + c.fp / c.n_neg) / 2


def _gmean(c: Confusion) -> Tensor:
    return 1 - ((c.tp / c.n_pos) * (c.tn / c.n_neg)).clamp(min=0).sqrt()


def _kappa(c: Confusion) -> Tensor:
    called_pos, called_neg = c.tp + c.fp, c.fn + c.tn
    # (1 - kappa) / 2 is half the observed over the expected share of errors.
    n_rows = c.n_pos + c.n_neg
    return (c.fp + c.fn) * n_rows / (called_pos * c.n_neg + called_neg * c.n_pos) / 2


def error_rate(
    y_true: Integer[Tensor, "*sets n"],
    y_score: Float[Tensor, "*sets n"],
    *,
    threshold: float | None = None,
    sample_weight: Float[Tensor, "*#sets n"] | None = None,
) -> Float[Tensor, "*sets"]:
    r"""Return the share of misclassified rows (MCR), one minus the accuracy.

    .. math:: \ell = \frac{FP + FN}{P + N}

    Args:
        y_true: Targets, 0 or 1.
        y_score: Scores on any scale.
        threshold: Where a row is called positive; None takes the best cut point.
        sample_weight: Weight of each row, none negative; all 1 if left out.

    Returns:
        Values in [0, 1], 0 is best; NaN for a set that holds one class only.

    Example:
        >>> y_true, y_score = torch.tensor([0, 0, 1, 1]), torch.tensor([0.1, 0.6, 0.5, 0.9])
        >>> error_rate(y_true, y_score), error_rate(y_true, y_score, threshold=0.0)
        (tensor(0.2500), tensor(0.5000))
    """
    return _loss(_error_rate, y_true, y_score, threshold, sample_weight)


def f1_loss(
    y_true: Integer[Tensor, "*sets n"],
    y_score: Float[Tensor, "*sets n"],
    *,
    threshold: float | None = None,
    sample_weight: Float[Tensor, "*#sets n"] | None = None,
) -> Float[Tensor, "*sets"]:
    r"""Return one minus F1, the harmonic mean of precision and recall.

    .. math:: \ell = 1 - \frac{2\,TP}{2\,TP + FP + FN}

    Args:
        y_true: Targets, 0 or 1.
        y_score: Scores on any scale.
        threshold: Where a row is called positive; None takes the best cut point.
        sample_weight: Weight of each row, none negative; all 1 if left out.

    Returns:
        Values in [0, 1], 0 is best, 1 where no row is called positive; NaN for a set
        that holds one class only.

    Example:
        >>> y_true, y_score = torch.tensor([0, 0, 1, 1]), torch.tensor([0.1, 0.6, 0.5, 0.9])
        >>> f1_loss(y_true, y_score), f1_loss(y_true, y_score, threshold=0.7)
        (tensor(0.2000), tensor(0.3333))
    """
    return _loss(_f1, y_true, y_score, threshold, sample_weight)


def fbeta_loss(
    y_true: Integer[Tensor, "*sets n"],
    y_score: Float[Tensor, "*sets n"],
    *,
    beta: float = 2.0,
    threshold: float | None = None,
    sample_weight: Float[Tensor, "*#sets n"] | None = None,
) -> Float[Tensor, "*sets"]:
    r"""Return one minus F-beta, in which recall weighs `beta` times as much as precision.

    .. math::
        \ell = 1 - \frac{(1 + b^2)\,TP}{(1 + b^2)\,TP + b^2\,FN + FP}

    Args:
        y_true: Targets, 0 or 1.
        y_score: Scores on any scale.
        beta: b, weight of recall against precision.
        threshold: Where a row is called positive; None takes the best cut point.
        sample_weight: Weight of each row, none negative; all 1 if left out.

    Returns:
        Values in [0, 1], 0 is best, 1 where no row is called positive; NaN for a set
        that holds one class only.

    Raises:
        ValueError: If `beta` is not a positive number.

    Example:
        >>> y_true, y_score = torch.tensor([0, 0, 1, 1]), torch.tensor([0.1, 0.6, 0.5, 0.9])
        >>> fbeta_loss(y_true, y_score, beta=2.0), fbeta_loss(y_true, y_score, beta=0.5)
        (tensor(0.0909), tensor(0.1667))
    """
    if not 0 < beta < float("inf"):
        raise ValueError(f"`beta` must be a positive number, got {beta}.")

    def formula(c: Confusion) -> Tensor:
        wrong = beta**2 * c.fn + c.fp
        return wrong / ((1 + beta**2) * c.tp + wrong)

    return _loss(formula, y_true, y_score, threshold, sample_weight)


def jaccard_loss(
    y_true: Integer[Tensor, "*sets n"],
    y_score: Float[Tensor, "*sets n"],
    *,
    threshold: float | None = None,
    sample_weight: Float[Tensor, "*#sets n"] | None = None,
) -> Float[Tensor, "*sets"]:
    r"""Return one minus the Jaccard index (intersection over union) of the positives.

    .. math:: \ell = 1 - \frac{TP}{TP + FP + FN}

    Args:
        y_true: Targets, 0 or 1.
        y_score: Scores on any scale.
        threshold: Where a row is called positive; None takes the best cut point.
        sample_weight: Weight of each row, none negative; all 1 if left out.

    Returns:
        Values in [0, 1], 0 is best, 1 where no row is called positive; NaN for a set
        that holds one class only.

    Example:
        >>> y_true, y_score = torch.tensor([0, 0, 1, 1]), torch.tensor([0.1, 0.6, 0.5, 0.9])
        >>> jaccard_loss(y_true, y_score), jaccard_loss(y_true, y_score, threshold=0.7)
        (tensor(0.3333), tensor(0.5000))
    """
    return _loss(_jaccard, y_true, y_score, threshold, sample_weight)


def mcc_loss(
    y_true: Integer[Tensor, "*sets n"],
    y_score: Float[Tensor, "*sets n"],
    *,
    threshold: float | None = None,
    sample_weight: Float[Tensor, "*#sets n"] | None = None,
) -> Float[Tensor, "*sets"]:
    r"""Return half of one minus Matthews' correlation coefficient, (1 - mcc) / 2.

    .. math::
        \ell = \frac12 - \frac{TP \cdot TN - FP \cdot FN}
            {2 \sqrt{(TP + FP)\,(FN + TN)\,P\,N}}

    Args:
        y_true: Targets, 0 or 1.
        y_score: Scores on any scale.
        threshold: Where a row is called positive; None takes the best cut point.
        sample_weight: Weight of each row, none negative; all 1 if left out.

    Returns:
        Values in [0, 1], 0 is best, 0.5 where all rows are called alike (so never more
        at the best cut point); NaN for a set that holds one class only.

    Example:
        >>> y_true, y_score = torch.tensor([0, 0, 1, 1]), torch.tensor([0.1, 0.6, 0.5, 0.9])
        >>> mcc_loss(y_true, y_score), mcc_loss(y_true, y_score, threshold=0.0)
        (tensor(0.2113), tensor(0.5000))
    """
    return _loss(_mcc, y_true, y_score, threshold, sample_weight)


def balanced_error(
    y_true: Integer[Tensor, "*sets n"],
    y_score: Float[Tensor, "*sets n"],
    *,
    threshold: float | None = None,
    sample_weight: Float[Tensor, "*#sets n"] | None = None,
) -> Float[Tensor, "*sets"]:
    r"""Return the mean of the error rates within each class, 1 - balanced accuracy.

    .. math:: \ell = \frac12 \Big(\frac{FN}{P} + \frac{FP}{N}\Big)

    Args:
        y_true: Targets, 0 or 1.
        y_score: Scores on any scale.
        threshold: Where a row is called positive; None takes the best cut point.
        sample_weight: Weight of each row, none negative; all 1 if left out.

    Returns:
        Values in [0, 1], 0 is best, 0.5 where all rows are called alike (so never more
        at the best cut point); NaN for a set that holds one class only.

    Example:
        >>> y_true, y_score = torch.tensor([0, 0, 0, 1]), torch.tensor([0.1, 0.6, 0.2, 0.5])
        >>> balanced_error(y_true, y_score), balanced_error(y_true, y_score, threshold=0.6)
        (tensor(0.1667), tensor(0.6667))
    """
    return _loss(_balanced_error, y_true, y_score, threshold, sample_weight)


def gmean_loss(
    y_true: Integer[Tensor, "*sets n"],
    y_score: Float[Tensor, "*sets n"],
    *,
    threshold: float | None = None,
    sample_weight: Float[Tensor, "*#sets n"] | None = None,
) -> Float[Tensor, "*sets"]:
    r"""Return one minus the geometric mean of the true positive and negative rates.

    .. math:: \ell = 1 - \sqrt{\frac{TP}{P} \cdot \frac{TN}{N}}

    Args:
        y_true: Targets, 0 or 1.
        y_score: Scores on any scale.
        threshold: Where a row is called positive; None takes the best cut point.
        sample_weight: Weight of each row, none negative; all 1 if left out.

    Returns:
        Values in [0, 1], 0 is best, 1 where all rows are called alike; NaN for a set
        that holds one class only.

    Example:
        >>> y_true, y_score = torch.tensor([0, 0, 1, 1]), torch.tensor([0.1, 0.6, 0.5, 0.9])
        >>> gmean_loss(y_true, y_score), gmean_loss(y_true, y_score, threshold=0.6)
        (tensor(0.2929), tensor(0.5000))
    """
    return _loss(_gmean, y_true, y_score, threshold, sample_weight)


def kappa_loss(
    y_true: Integer[Tensor, "*sets n"],
    y_score: Float[Tensor, "*sets n"],
    *,
    threshold: float | None = None,
    sample_weight: Float[Tensor, "*#sets n"] | None = None,
) -> Float[Tensor, "*sets"]:
    r"""Return half of one minus Cohen's kappa, (1 - kappa) / 2.

    .. math::
        \ell = \frac{1 - \kappa}{2} = \frac{(P + N)\,(FP + FN)}
            {2 \big((TP + FP)\,N + (FN + TN)\,P\big)}

    Args:
        y_true: Targets, 0 or 1.
        y_score: Scores on any scale.
        threshold: Where a row is called positive; None takes the best cut point.
        sample_weight: Weight of each row, none negative; all 1 if left out.

    Returns:
        Values in [0, 1], 0 is best, 0.5 where all rows are called alike (so never more
        at the best cut point); NaN for a set that holds one class only.

    Example:
        >>> y_true, y_score = torch.tensor([0, 0, 1, 1]), torch.tensor([0.1, 0.6, 0.5, 0.9])
        >>> kappa_loss(y_true, y_score), kappa_loss(y_true, y_score, threshold=0.0)
        (tensor(0.2500), tensor(0.5000))
    """
    return _loss(_kappa, y_true, y_score, threshold, sample_weight)
