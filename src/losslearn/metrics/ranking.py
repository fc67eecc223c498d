"""Losses of the ranking: no threshold, only the order of the scores matters.

Each is a sum or an interpolation over the cut points of a set (see `cut_points`), in
which tied rows move together, as in scikit-learn. TP and FP are the weights of the
positive and of the negative rows above a cut point, P and N those of the whole classes.

Each takes targets 0 or 1, scores on any scale, of which only the order matters, both
`[*sets, n]`, and weights that are not negative, all 1 if left out. The values lie in
[0, 1], 0 is best; a set that holds one class only has NaN.
"""

import torch
from torch import Tensor

from losslearn._fast import fastest
from losslearn.metrics.builtin import builtin
from losslearn.metrics.cut_points import Confusion, is_large, over_cut_points
from losslearn.metrics.sets import Labels, PerSet, Scores, Sets, Weights, value_dtype


@builtin(
    "1 - area under the ROC curve",
    aliases="auc roc_auc auroc roc_auc_score auc_loss gini",
)
def roc_auc_loss(
    y_true: Labels, y_score: Scores, *, sample_weight: Weights = None
) -> PerSet:
    r"""Return one minus the area under the ROC curve.

    The share of (positive, negative) pairs ranked the wrong way; a tie counts half:

    .. math::
        \ell = \frac{1}{P N} \sum_{i: y_i = 1} \sum_{j: y_j = 0}
            w_i w_j \big([\hat y_i < \hat y_j] + \tfrac12 [\hat y_i = \hat y_j]\big)

    Example:
        >>> roc_auc_loss(torch.tensor([0, 1, 1, 0]), torch.tensor([0.1, 0.9, 0.4, 0.4]))
        tensor(0.1250)
    """
    sets = Sets(y_true, y_score, sample_weight)
    # for training without cut points; many rows of one set are taken in parts
    share = misranked_share if is_large(sets) else fastest(misranked_share)
    return share(sets).to(value_dtype(y_score))


def misranked_share(sets: Sets) -> PerSet:
    """Return the share of (positive, negative) pairs ranked the wrong way."""
    return over_cut_points(
        lambda c: torch.trapezoid(c.fn, c.fp),
        torch.add,
        sets,
        per=lambda c: (c.n_pos * c.n_neg)[..., 0],
    )


@builtin(
    "1 - area under the ROC curve up to a false positive rate (McClish)",
    aliases="partial_auc pauc pauc_loss partial_roc_auc",
)
def partial_auc_loss(
    y_true: Labels,
    y_score: Scores,
    *,
    max_fpr: float | int = 0.1,
    sample_weight: Weights = None,
) -> PerSet:
    r"""Return one minus the area under the ROC curve up to a false positive rate.

    The area A over false positive rates from 0 to m, which is `max_fpr`, in McClish's
    standard form, in which random scores have 1/2:

    .. math::
        \ell = 1 - \frac12 \Big(1 + \frac{A - m^2 / 2}{m - m^2 / 2}\Big)
             = \frac{m - A}{2 m - m^2}

    Raises:
        ValueError: If `max_fpr` is not in (0, 1].

    Example:
        >>> y, score = torch.tensor([0, 0, 1, 1]), torch.tensor([0.1, 0.6, 0.5, 0.9])
        >>> partial_auc_loss(y, score, max_fpr=0.5)
        tensor(0.3333)
    """
    if not 0 < max_fpr <= 1:
        raise ValueError(f"`max_fpr` must be in (0, 1], got {max_fpr}.")

    def area(c: Confusion) -> Tensor:
        fpr, miss = c.fp / c.n_neg, 1 - c.tp / c.n_pos
        width = fpr.clamp(max=max_fpr).diff()  # of each segment's part left of max_fpr
        share = _ratio(width, fpr.diff())
        return (width * (miss[..., :-1] + miss.diff() * share / 2)).sum(-1)

    sets = Sets(y_true, y_score, sample_weight)
    most = 2 * max_fpr - max_fpr**2
    return over_cut_points(area, torch.add, sets, per=lambda _: most)


@builtin(
    "1 - average precision",
    aliases="ap average_precision average_precision_score pr_auc auprc ap_loss",
)
def average_precision_loss(
    y_true: Labels, y_score: Scores, *, sample_weight: Weights = None
) -> PerSet:
    r"""Return one minus the average precision.

    The mean over the positive rows of one minus the precision at their cut point k:

    .. math::
        \ell = \sum_k \frac{TP_k - TP_{k-1}}{P} \cdot \frac{FP_k}{TP_k + FP_k}

    Example:
        >>> y, score = torch.tensor([0, 0, 1, 1]), torch.tensor([0.1, 0.6, 0.5, 0.9])
        >>> average_precision_loss(y, score)
        tensor(0.1667)
    """

    def lost(c: Confusion) -> Tensor:
        fp = c.fp[..., 1:]
        return (c.tp.diff() * _ratio(fp, c.tp[..., 1:] + fp)).sum(-1)

    sets = Sets(y_true, y_score, sample_weight)
    return over_cut_points(lost, torch.add, sets, per=lambda c: c.n_pos[..., 0])


@builtin(
    "error rate where false positive and false negative rate are equal", aliases="eer"
)
def equal_error_rate(
    y_true: Labels, y_score: Scores, *, sample_weight: Weights = None
) -> PerSet:
    r"""Return the equal error rate (EER).

    Where the false positive rate equals the false negative rate, on the ROC curve with
    straight lines between the cut points:

    .. math::
        \ell = \frac{FP}{N} \quad \text{where} \quad \frac{FP}{N} = \frac{P - TP}{P}

    Example:
        >>> y, score = torch.tensor([0, 0, 1, 1]), torch.tensor([0.1, 0.6, 0.5, 0.9])
        >>> equal_error_rate(y, score)
        tensor(0.5000)
    """

    def crossing(c: Confusion) -> Tensor:
        fpr = c.fp / c.n_neg
        gap = fpr + c.tp / c.n_pos - 1  # FPR - FNR, rises from -1 to 1
        crosses = (gap[..., :-1] < 0) & (gap[..., 1:] >= 0)  # on one segment of all
        share = _ratio(-gap[..., :-1], gap.diff())
        return (fpr[..., :-1] + share * fpr.diff()).where(crosses, 0.0).sum(-1)

    return over_cut_points(crossing, torch.add, Sets(y_true, y_score, sample_weight))


@builtin(
    "1 - best recall at no less than a precision",
    aliases="recall_at_precision_loss r_at_p",
)
def recall_at_precision(
    y_true: Labels,
    y_score: Scores,
    *,
    precision: float | int = 0.8,
    sample_weight: Weights = None,
) -> PerSet:
    r"""Return one minus the best recall among the cut points precise enough.

    .. math::
        \ell = 1 - \max_k \Big\{\frac{TP_k}{P} :
            \frac{TP_k}{TP_k + FP_k} \ge \text{precision}\Big\}

    It is 1 where no cut point is precise enough. The comparison allows for rounding, so
    that the weights may be on any scale.

    Raises:
        ValueError: If `precision` is not in (0, 1].

    Example:
        >>> y, score = torch.tensor([0, 0, 1, 1]), torch.tensor([0.1, 0.6, 0.5, 0.9])
        >>> recall_at_precision(y, score, precision=0.9)
        tensor(0.5000)
    """
    if not 0 < precision <= 1:
        raise ValueError(f"`precision` must be in (0, 1], got {precision}.")

    def lost(c: Confusion) -> Tensor:
        least = precision * (1 - torch.finfo(c.tp.dtype).eps ** 0.75)
        allowed = c.tp >= least * (c.tp + c.fp)
        return 1 - (c.tp * allowed).amax(-1) / c.n_pos[..., 0]

    return over_cut_points(lost, torch.minimum, Sets(y_true, y_score, sample_weight))


@builtin(
    "1 - precision among the k rows (or share k of the rows) ranked highest",
    aliases="precision_at_k_loss p_at_k top_k_precision lift",
)
def precision_at_k(
    y_true: Labels,
    y_score: Scores,
    *,
    k: float | int = 0.05,
    sample_weight: Weights = None,
) -> PerSet:
    r"""Return one minus the precision among the k rows of the highest scores.

    .. math:: \ell = \frac{FP_{(k)}}{k}

    Rows tied at the border share the places left to them equally: the expected value
    over the orders of the tied rows. A place may be a part of a row, and where the
    places are fewer than the first row it is that row that counts. An integer k counts
    rows (their weight, if weighted; all rows, if there are fewer), a float in (0, 1] is
    a share of the weight of all rows.

    Raises:
        ValueError: If `k` is neither a positive integer nor a float in (0, 1].

    Example:
        >>> y, score = torch.tensor([0, 0, 1, 1]), torch.tensor([0.1, 0.6, 0.5, 0.9])
        >>> precision_at_k(y, score, k=2)
        tensor(0.5000)
    """
    if k <= 0 or (not isinstance(k, int) and not k <= 1):
        raise ValueError(
            f"`k` must be a positive integer or a float in (0, 1], got {k!r}."
        )

    def places(c: Confusion) -> Tensor:
        total = c.n_pos + c.n_neg
        return total.clamp(max=k) if isinstance(k, int) else total * k

    def wrong(c: Confusion) -> Tensor:
        called = c.tp + c.fp
        share = _ratio(called.clamp(max=places(c)).diff(), called.diff())
        return (c.fp.diff() * share).sum(-1)

    sets = Sets(y_true, y_score, sample_weight)
    return over_cut_points(wrong, torch.add, sets, per=lambda c: places(c)[..., 0])


def _ratio(numerator: Tensor, denominator: Tensor) -> Tensor:
    """Return the ratio of two tensors, 0 for 0/0."""
    tiny = torch.finfo(denominator.dtype).tiny
    return numerator / denominator.clamp(min=tiny)
