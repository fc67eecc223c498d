"""Losses of the confusion matrix, at the best or at a fixed threshold.

Each has two forms. With `threshold=None` (how a model is trained) its value is the
lowest over all cut points of the set, "nobody" and "everybody" positive included: one
sort, exact, unchanged by shift and positive scale of the scores. With a threshold, a
row is called positive where `y_score >= threshold`.

In the formulas TP, FP, FN and TN are weights of rows: true and false positives and
negatives. P = TP + FN and N = FP + TN are the weights of the two classes, and they are
never zero: a set of one class has no value.
"""

from functools import partial

from jaxtyping import Float, Integer
from torch import Tensor

from losslearn.metrics import cells


def error_rate(
    y_true: Integer[Tensor, "*sets n"],
    y_score: Float[Tensor, "*sets n"],
    *,
    threshold: float | int | None = None,
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
        >>> import torch
        >>> y_true, y_score = (
        ...     torch.tensor([0, 0, 1, 1]),
        ...     torch.tensor([0.1, 0.6, 0.5, 0.9]),
        ... )
        >>> error_rate(y_true, y_score), error_rate(y_true, y_score, threshold=0.0)
        (tensor(0.2500), tensor(0.5000))
    """
    return cells.loss_of(cells.error_rate, y_true, y_score, threshold, sample_weight)


def f1_loss(
    y_true: Integer[Tensor, "*sets n"],
    y_score: Float[Tensor, "*sets n"],
    *,
    threshold: float | int | None = None,
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
        >>> import torch
        >>> y_true, y_score = (
        ...     torch.tensor([0, 0, 1, 1]),
        ...     torch.tensor([0.1, 0.6, 0.5, 0.9]),
        ... )
        >>> f1_loss(y_true, y_score), f1_loss(y_true, y_score, threshold=0.7)
        (tensor(0.2000), tensor(0.3333))
    """
    return cells.loss_of(cells.f1, y_true, y_score, threshold, sample_weight)


def fbeta_loss(
    y_true: Integer[Tensor, "*sets n"],
    y_score: Float[Tensor, "*sets n"],
    *,
    beta: float | int = 2.0,
    threshold: float | int | None = None,
    sample_weight: Float[Tensor, "*#sets n"] | None = None,
) -> Float[Tensor, "*sets"]:
    r"""Return one minus F-beta, with recall `beta` times as important as precision.

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
        >>> import torch
        >>> y_true, y_score = (
        ...     torch.tensor([0, 0, 1, 1]),
        ...     torch.tensor([0.1, 0.6, 0.5, 0.9]),
        ... )
        >>> fbeta_loss(y_true, y_score, beta=2.0), fbeta_loss(y_true, y_score, beta=0.5)
        (tensor(0.0909), tensor(0.1667))
    """
    if not 0 < beta < float("inf"):
        raise ValueError(f"`beta` must be a positive number, got {beta}.")
    formula = partial(cells.fbeta, beta=beta)
    return cells.loss_of(formula, y_true, y_score, threshold, sample_weight)


def jaccard_loss(
    y_true: Integer[Tensor, "*sets n"],
    y_score: Float[Tensor, "*sets n"],
    *,
    threshold: float | int | None = None,
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
        >>> import torch
        >>> y_true, y_score = (
        ...     torch.tensor([0, 0, 1, 1]),
        ...     torch.tensor([0.1, 0.6, 0.5, 0.9]),
        ... )
        >>> jaccard_loss(y_true, y_score), jaccard_loss(y_true, y_score, threshold=0.7)
        (tensor(0.3333), tensor(0.5000))
    """
    return cells.loss_of(cells.jaccard, y_true, y_score, threshold, sample_weight)


def mcc_loss(
    y_true: Integer[Tensor, "*sets n"],
    y_score: Float[Tensor, "*sets n"],
    *,
    threshold: float | int | None = None,
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
        >>> import torch
        >>> y_true, y_score = (
        ...     torch.tensor([0, 0, 1, 1]),
        ...     torch.tensor([0.1, 0.6, 0.5, 0.9]),
        ... )
        >>> mcc_loss(y_true, y_score), mcc_loss(y_true, y_score, threshold=0.0)
        (tensor(0.2113), tensor(0.5000))
    """
    return cells.loss_of(cells.mcc, y_true, y_score, threshold, sample_weight)


def balanced_error(
    y_true: Integer[Tensor, "*sets n"],
    y_score: Float[Tensor, "*sets n"],
    *,
    threshold: float | int | None = None,
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
        >>> import torch
        >>> y_true, y_score = (
        ...     torch.tensor([0, 0, 0, 1]),
        ...     torch.tensor([0.1, 0.6, 0.2, 0.5]),
        ... )
        >>> (
        ...     balanced_error(y_true, y_score),
        ...     balanced_error(y_true, y_score, threshold=0.6),
        ... )
        (tensor(0.1667), tensor(0.6667))
    """
    return cells.loss_of(
        cells.balanced_error, y_true, y_score, threshold, sample_weight
    )


def gmean_loss(
    y_true: Integer[Tensor, "*sets n"],
    y_score: Float[Tensor, "*sets n"],
    *,
    threshold: float | int | None = None,
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
        >>> import torch
        >>> y_true, y_score = (
        ...     torch.tensor([0, 0, 1, 1]),
        ...     torch.tensor([0.1, 0.6, 0.5, 0.9]),
        ... )
        >>> gmean_loss(y_true, y_score), gmean_loss(y_true, y_score, threshold=0.6)
        (tensor(0.2929), tensor(0.5000))
    """
    return cells.loss_of(cells.gmean, y_true, y_score, threshold, sample_weight)


def kappa_loss(
    y_true: Integer[Tensor, "*sets n"],
    y_score: Float[Tensor, "*sets n"],
    *,
    threshold: float | int | None = None,
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
        >>> import torch
        >>> y_true, y_score = (
        ...     torch.tensor([0, 0, 1, 1]),
        ...     torch.tensor([0.1, 0.6, 0.5, 0.9]),
        ... )
        >>> kappa_loss(y_true, y_score), kappa_loss(y_true, y_score, threshold=0.0)
        (tensor(0.2500), tensor(0.5000))
    """
    return cells.loss_of(cells.kappa, y_true, y_score, threshold, sample_weight)
