r"""Losses of the confusion matrix, at the best or at a fixed threshold.

Each is written as a formula of TP, FP, FN and TN, the weights of the true and false
positives and negatives; P = TP + FN and N = FP + TN, the weights of the two classes,
are never zero where a value counts. `of_labels` makes of it the loss that is called,

    loss(y_true, y_score, *, threshold=None, sample_weight=None)

with targets 0 or 1, scores on any scale, both `[*sets, n]`, and weights that are not
negative, all 1 if left out. With `threshold=None` (how a model is trained) the value of
a set is the lowest over all its cut points, "nobody" and "everybody" positive included:
one sort, exact, unchanged by shift and positive scale of the scores. With a threshold,
a row is called positive where `y_score >= threshold`. The values lie in [0, 1], 0 is
best; a set that holds one class only has NaN. Where no row is called positive, F1,
F-beta and Jaccard lose 1; where all rows are called alike, the geometric mean loses 1,
and MCC, kappa and the balanced error 0.5, so never more at the best cut point.
"""

from collections.abc import Callable
from functools import partial
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from losslearn.metrics.builtin import builtin
from losslearn.metrics.cut_points import (
    Confusion,
    count_dtype,
    distinct_cut_points,
    finished,
    over_cut_points,
    split_weight,
    undefined_sets,
)
from losslearn.metrics.sets import Labels, PerSet, Scores, Sets, Weights

Formula = Callable[[Confusion], Tensor]


@runtime_checkable
class LossOfLabels(Protocol):
    """What the losses below are called as."""

    def __call__(
        self,
        y_true: Tensor,
        y_score: Tensor,
        *,
        threshold: float | int | None = None,
        sample_weight: Tensor | None = None,
    ) -> Tensor:
        """Return the loss of each set."""


FORMULAS: dict[str, Callable[..., Tensor]] = {}
"""The formulas by the names of their losses."""


def of_labels(description: str, *, aliases: str) -> Callable[[Formula], LossOfLabels]:
    """Return a decorator that makes a loss of a formula, and makes it known."""

    def loss_of(formula: Formula) -> LossOfLabels:
        def loss(
            y_true: Labels,
            y_score: Scores,
            *,
            threshold: float | int | None = None,
            sample_weight: Weights = None,
        ) -> PerSet:
            return _value(formula, threshold, Sets(y_true, y_score, sample_weight))

        loss.__name__, loss.__qualname__ = formula.__name__, formula.__qualname__
        loss.__doc__ = formula.__doc__
        FORMULAS[formula.__name__] = formula
        return builtin(description, aliases=aliases)(loss)

    return loss_of


@of_labels(
    "share of misclassified rows (MCR), 1 - accuracy",
    aliases="error mcr misclassification_rate accuracy acc accuracy_score "
    "zero_one_loss",
)
def error_rate(c: Confusion) -> Tensor:
    r"""Return the share of misclassified rows (MCR), one minus the accuracy.

    .. math:: \ell = \frac{FP + FN}{P + N}

    Example:
        >>> y, score = torch.tensor([0, 0, 1, 1]), torch.tensor([0.1, 0.6, 0.5, 0.9])
        >>> error_rate(y, score), error_rate(y, score, threshold=0.0)
        (tensor(0.2500), tensor(0.5000))
    """
    return (c.fp + c.fn) / (c.n_pos + c.n_neg)


@of_labels("1 - F1", aliases="f1 f1_score dice")
def f1_loss(c: Confusion) -> Tensor:
    r"""Return one minus F1, the harmonic mean of precision and recall.

    .. math:: \ell = 1 - \frac{2\,TP}{2\,TP + FP + FN}

    Example:
        >>> y, score = torch.tensor([0, 0, 1, 1]), torch.tensor([0.1, 0.6, 0.5, 0.9])
        >>> f1_loss(y, score), f1_loss(y, score, threshold=0.7)
        (tensor(0.2000), tensor(0.3333))
    """
    wrong = c.fp + c.fn
    return wrong / (2 * c.tp + wrong)


@builtin(
    "1 - F-beta, recall weighs beta times as much as precision",
    aliases="fbeta fbeta_score f_beta",
)
def fbeta_loss(
    y_true: Labels,
    y_score: Scores,
    *,
    beta: float | int = 2.0,
    threshold: float | int | None = None,
    sample_weight: Weights = None,
) -> PerSet:
    r"""Return one minus F-beta: recall is `beta` (b) times as important as precision.

    .. math::
        \ell = 1 - \frac{(1 + b^2)\,TP}{(1 + b^2)\,TP + b^2\,FN + FP}

    Raises:
        ValueError: If `beta` is not a positive number.

    Example:
        >>> y, score = torch.tensor([0, 0, 1, 1]), torch.tensor([0.1, 0.6, 0.5, 0.9])
        >>> fbeta_loss(y, score, beta=2.0), fbeta_loss(y, score, beta=0.5)
        (tensor(0.0909), tensor(0.1667))
    """
    if not 0 < beta < float("inf"):
        raise ValueError(f"`beta` must be a positive number, got {beta}.")
    formula = partial(_fbeta, beta=beta)
    return _value(formula, threshold, Sets(y_true, y_score, sample_weight))


def _fbeta(c: Confusion, *, beta: float | int = 2.0) -> Tensor:
    wrong = beta**2 * c.fn + c.fp
    return wrong / ((1 + beta**2) * c.tp + wrong)


FORMULAS["fbeta_loss"] = _fbeta


@of_labels(
    "1 - Jaccard index of the positives, 1 - TP/(TP+FP+FN)",
    aliases="jaccard jaccard_score jac iou",
)
def jaccard_loss(c: Confusion) -> Tensor:
    r"""Return one minus the Jaccard index (intersection over union) of the positives.

    .. math:: \ell = 1 - \frac{TP}{TP + FP + FN}

    Example:
        >>> y, score = torch.tensor([0, 0, 1, 1]), torch.tensor([0.1, 0.6, 0.5, 0.9])
        >>> jaccard_loss(y, score), jaccard_loss(y, score, threshold=0.7)
        (tensor(0.3333), tensor(0.5000))
    """
    return (c.fp + c.fn) / (c.n_pos + c.fp)


@of_labels(
    "(1 - Matthews' correlation coefficient) / 2",
    aliases="mcc matthews_corrcoef matthews phi",
)
def mcc_loss(c: Confusion) -> Tensor:
    r"""Return half of one minus Matthews' correlation coefficient, (1 - mcc) / 2.

    .. math::
        \ell = \frac12 - \frac{TP \cdot TN - FP \cdot FN}
            {2 \sqrt{(TP + FP)\,(FN + TN)\,P\,N}}

    Example:
        >>> y, score = torch.tensor([0, 0, 1, 1]), torch.tensor([0.1, 0.6, 0.5, 0.9])
        >>> mcc_loss(y, score), mcc_loss(y, score, threshold=0.0)
        (tensor(0.2113), tensor(0.5000))
    """
    called_pos, called_neg = c.tp + c.fp, c.fn + c.tn
    # A side is empty up to rounding: 0/0, which counts as no correlation.
    empty = (c.n_pos + c.n_neg) * torch.finfo(c.tp.dtype).eps ** 0.75
    one_sided = torch.minimum(called_pos, called_neg) <= empty
    covariance = c.tp * c.tn - c.fp * c.fn
    variance = called_pos * called_neg * (c.n_pos * c.n_neg)
    mcc = covariance / variance.masked_fill(one_sided, torch.inf).sqrt()
    return (1 - mcc) / 2


@of_labels(
    "mean error rate of the two classes, 1 - balanced accuracy",
    aliases="ber balanced_error_rate balanced_accuracy balanced_accuracy_score ks",
)
def balanced_error(c: Confusion) -> Tensor:
    r"""Return the mean of the error rates within each class, 1 - balanced accuracy.

    .. math:: \ell = \frac12 \Big(\frac{FN}{P} + \frac{FP}{N}\Big)

    Example:
        >>> y, score = torch.tensor([0, 0, 0, 1]), torch.tensor([0.1, 0.6, 0.2, 0.5])
        >>> balanced_error(y, score), balanced_error(y, score, threshold=0.6)
        (tensor(0.1667), tensor(0.6667))
    """
    return (c.fn / c.n_pos + c.fp / c.n_neg) / 2


@of_labels(
    "1 - geometric mean of the true positive and true negative rate",
    aliases="gmean g_mean geometric_mean geometric_mean_score",
)
def gmean_loss(c: Confusion) -> Tensor:
    r"""Return one minus the geometric mean of the true positive and negative rates.

    .. math:: \ell = 1 - \sqrt{\frac{TP}{P} \cdot \frac{TN}{N}}

    Example:
        >>> y, score = torch.tensor([0, 0, 1, 1]), torch.tensor([0.1, 0.6, 0.5, 0.9])
        >>> gmean_loss(y, score), gmean_loss(y, score, threshold=0.6)
        (tensor(0.2929), tensor(0.5000))
    """
    return 1 - ((c.tp / c.n_pos) * (c.tn / c.n_neg)).clamp(min=0).sqrt()


@of_labels("(1 - Cohen's kappa) / 2", aliases="kappa cohen_kappa cohen_kappa_score")
def kappa_loss(c: Confusion) -> Tensor:
    r"""Return half of one minus Cohen's kappa, (1 - kappa) / 2.

    .. math::
        \ell = \frac{1 - \kappa}{2} = \frac{(P + N)\,(FP + FN)}
            {2 \big((TP + FP)\,N + (FN + TN)\,P\big)}

    Example:
        >>> y, score = torch.tensor([0, 0, 1, 1]), torch.tensor([0.1, 0.6, 0.5, 0.9])
        >>> kappa_loss(y, score), kappa_loss(y, score, threshold=0.0)
        (tensor(0.2500), tensor(0.5000))
    """
    called_pos, called_neg = c.tp + c.fp, c.fn + c.tn
    # (1 - kappa) / 2 is half the observed over the expected share of errors.
    n_rows = c.n_pos + c.n_neg
    return (c.fp + c.fn) * n_rows / (called_pos * c.n_neg + called_neg * c.n_pos) / 2


def losses_at_cut_points(
    name: str,
    parameter: dict[str, float | int],
    y_true: Integer[Tensor, " n"],
    y_score: Float[Tensor, " n"],
    *,
    sample_weight: Float[Tensor, " n"] | None = None,
) -> tuple[Float[Tensor, " distinct"], Float[Tensor, " cuts"]]:
    """Return the distinct scores of one set and a loss at all its cut points.

    The loss is one of the above, by name and parameter; see `TrueLoss.at_cut_points`.
    """
    formula = partial(FORMULAS[name], **parameter)
    distinct = y_score.new_empty(len(y_score) + 1)
    losses = distinct.new_empty(len(distinct), dtype=count_dtype(y_score))
    end = 0
    for score, cuts in distinct_cut_points(Sets(y_true, y_score, sample_weight)):
        begin, end = end, end + len(score)
        distinct[begin:end] = score
        losses[begin:end] = formula(cuts) + cuts.undefined
    return distinct[1:end], losses[:end].clamp_(0, 1)


def _value(formula: Formula, threshold: float | int | None, sets: Sets) -> Tensor:
    """Return the formula at the threshold, or its lowest value over the cut points."""
    if threshold is None:
        return over_cut_points(lambda c: formula(c).amin(-1), torch.minimum, sets)
    cuts = at_threshold(threshold, sets)
    return finished(formula(cuts), cuts, sets.score)


def at_threshold(threshold: float | int, sets: Sets) -> Confusion:
    """Return the confusion matrix of each set, without an axis of cut points."""
    is_called = sets.score >= threshold
    if sets.weight is None:  # counted a byte a row, since rows may be many
        is_pos = sets.target == 1
        counts = (is_pos & is_called, is_called, is_pos)
        dtype = count_dtype(sets.score)
        tp, called, n_pos = (count.sum(-1).to(dtype) for count in counts)
        fp, n_neg = called - tp, sets.target.shape[-1] - n_pos
    else:
        weight = split_weight(sets)  # (2, *sets, n)
        n_pos, n_neg = weight.sum(-1).unbind(0)
        tp, fp = (weight * is_called).sum(-1).unbind(0)
    undefined = undefined_sets(n_pos, n_neg, sets.score.amax(-1))
    return Confusion(tp, fp, n_pos, n_neg, undefined)
