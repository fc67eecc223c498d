"""Losses of the ranking: no threshold, only the order of the scores matters.

Each is a sum or an interpolation over the cut points of a set (see `cut_points`), in
which tied rows move together, as in scikit-learn. TP and FP are the weights of the
positive and of the negative rows above a cut point, P and N those of the whole classes.

Each takes targets 0 or 1, scores on any scale, of which only the order matters, both
`[*sets, n]`, and weights that are not negative, all 1 if left out.
"""

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from losslearn._fast import fastest
from losslearn.metrics.builtin import builtin
from losslearn.metrics.cut_points import (
    Confusion,
    count_dtype,
    finished,
    is_large,
    over_cut_points,
)
from losslearn.metrics.sets import Sets, value_dtype


@builtin(
    "1 - area under the ROC curve", aliases="auc roc_auc auroc roc_auc_score auc_loss"
)
def roc_auc_loss(
    y_true: Integer[Tensor, "*sets n"],
    y_score: Float[Tensor, "*sets n"],
    *,
    sample_weight: Float[Tensor, "*#sets n"] | None = None,
) -> Float[Tensor, "*sets"]:
    r"""Return one minus the area under the ROC curve.

    The share of (positive, negative) pairs ranked the wrong way; a tie counts half:

    .. math::
        \ell = \frac{1}{P N} \sum_{i: y_i = 1} \sum_{j: y_j = 0}
            w_i w_j \big([\hat y_i < \hat y_j] + \tfrac12 [\hat y_i = \hat y_j]\big)

    Returns:
        Values in [0, 1], 0 is best; NaN for a set that holds one class only.

    Example:
        >>> roc_auc_loss(torch.tensor([0, 1, 1, 0]), torch.tensor([0.1, 0.9, 0.4, 0.4]))
        tensor(0.1250)
    """
    sets = Sets(y_true, y_score, sample_weight)
    # for training without cut points; many rows of one set are taken in parts
    share = misranked_share if is_large(sets) else fastest(misranked_share)
    return share(sets).to(value_dtype(y_score))


def misranked_share(sets: Sets) -> Float[Tensor, "*sets"]:
    """Return the share of (positive, negative) pairs ranked the wrong way."""
    whole, cuts = over_cut_points(
        lambda cuts: torch.trapezoid(cuts.fn, cuts.fp), torch.add, sets
    )
    share = whole / (cuts.n_pos * cuts.n_neg)[..., 0]
    return (share + cuts.undefined).clamp(0, 1)


@builtin(
    "1 - area under the ROC curve up to a false positive rate (McClish)",
    aliases="partial_auc pauc pauc_loss partial_roc_auc",
    parameter="max_fpr",
)
def partial_auc_loss(
    y_true: Integer[Tensor, "*sets n"],
    y_score: Float[Tensor, "*sets n"],
    *,
    max_fpr: float | int = 0.1,
    sample_weight: Float[Tensor, "*#sets n"] | None = None,
) -> Float[Tensor, "*sets"]:
    r"""Return one minus the area under the ROC curve up to a false positive rate.

    The area A over false positive rates from 0 to m, in McClish's standard form, in
    which random scores have 1/2:

    .. math::
        \ell = 1 - \frac12 \Big(1 + \frac{A - m^2 / 2}{m - m^2 / 2}\Big)
             = \frac{m - A}{2 m - m^2}

    Args:
        y_true: Targets, 0 or 1.
        y_score: Scores on any scale; only their order matters.
        max_fpr: m, the highest false positive rate that counts, in (0, 1].
        sample_weight: Weight of each row, none negative; all 1 if left out.

    Returns:
        Values in [0, 1], 0 is best; NaN for a set that holds one class only.

    Raises:
        ValueError: If `max_fpr` is not in (0, 1].

    Example:
        >>> y_true = torch.tensor([0, 0, 1, 1])
        >>> y_score = torch.tensor([0.1, 0.6, 0.5, 0.9])
        >>> partial_auc_loss(y_true, y_score, max_fpr=0.5)
        tensor(0.3333)
    """
    if not 0 < max_fpr <= 1:
        raise ValueError(f"`max_fpr` must be in (0, 1], got {max_fpr}.")

    def area(cuts: Confusion) -> Tensor:
        fpr, miss = cuts.fp / cuts.n_neg, 1 - cuts.tp / cuts.n_pos
        width = fpr.clamp(max=max_fpr).diff()  # of each segment's part left of max_fpr
        share = _ratio(width, fpr.diff())
        return (width * (miss[..., :-1] + miss.diff() * share / 2)).sum(-1)

    whole, cuts = over_cut_points(area, torch.add, Sets(y_true, y_score, sample_weight))
    loss = whole / (2 * max_fpr - max_fpr**2)
    return finished(loss, cuts.undefined, y_score)


@builtin(
    "1 - average precision",
    aliases="ap average_precision average_precision_score pr_auc auprc ap_loss",
)
def average_precision_loss(
    y_true: Integer[Tensor, "*sets n"],
    y_score: Float[Tensor, "*sets n"],
    *,
    sample_weight: Float[Tensor, "*#sets n"] | None = None,
) -> Float[Tensor, "*sets"]:
    r"""Return one minus the average precision.

    The mean over the positive rows of one minus the precision at their cut point k:

    .. math::
        \ell = \sum_k \frac{TP_k - TP_{k-1}}{P} \cdot \frac{FP_k}{TP_k + FP_k}

    Returns:
        Values in [0, 1), 0 is best; NaN for a set that holds one class only.

    Example:
        >>> y_true = torch.tensor([0, 0, 1, 1])
        >>> y_score = torch.tensor([0.1, 0.6, 0.5, 0.9])
        >>> average_precision_loss(y_true, y_score)
        tensor(0.1667)
    """

    def lost(cuts: Confusion) -> Tensor:
        fp = cuts.fp[..., 1:]
        return (cuts.tp.diff() * _ratio(fp, cuts.tp[..., 1:] + fp)).sum(-1)

    whole, cuts = over_cut_points(lost, torch.add, Sets(y_true, y_score, sample_weight))
    loss = whole / cuts.n_pos[..., 0]
    return finished(loss, cuts.undefined, y_score)


@builtin(
    "error rate where false positive and false negative rate are equal", aliases="eer"
)
def equal_error_rate(
    y_true: Integer[Tensor, "*sets n"],
    y_score: Float[Tensor, "*sets n"],
    *,
    sample_weight: Float[Tensor, "*#sets n"] | None = None,
) -> Float[Tensor, "*sets"]:
    r"""Return the equal error rate (EER).

    Where the false positive rate equals the false negative rate, on the ROC curve with
    straight lines between the cut points:

    .. math::
        \ell = \frac{FP}{N} \quad \text{where} \quad \frac{FP}{N} = \frac{P - TP}{P}

    Returns:
        Values in [0, 1], 0 is best; NaN for a set that holds one class only.

    Example:
        >>> y_true = torch.tensor([0, 0, 1, 1])
        >>> y_score = torch.tensor([0.1, 0.6, 0.5, 0.9])
        >>> equal_error_rate(y_true, y_score)
        tensor(0.5000)
    """

    def crossing(cuts: Confusion) -> Tensor:
        fpr = cuts.fp / cuts.n_neg
        gap = fpr + cuts.tp / cuts.n_pos - 1  # FPR - FNR, rises from -1 to 1
        crosses = (gap[..., :-1] < 0) & (gap[..., 1:] >= 0)  # on one segment of all
        share = _ratio(-gap[..., :-1], gap.diff())
        return (fpr[..., :-1] + share * fpr.diff()).where(crosses, 0.0).sum(-1)

    loss, cuts = over_cut_points(
        crossing, torch.add, Sets(y_true, y_score, sample_weight)
    )
    return finished(loss, cuts.undefined, y_score)


@builtin(
    "1 - best recall at no less than a precision",
    aliases="recall_at_precision_loss r_at_p",
    parameter="precision",
)
def recall_at_precision(
    y_true: Integer[Tensor, "*sets n"],
    y_score: Float[Tensor, "*sets n"],
    *,
    precision: float | int = 0.8,
    sample_weight: Float[Tensor, "*#sets n"] | None = None,
) -> Float[Tensor, "*sets"]:
    r"""Return one minus the best recall among the cut points precise enough.

    .. math::
        \ell = 1 - \max_k \Big\{\frac{TP_k}{P} :
            \frac{TP_k}{TP_k + FP_k} \ge \text{precision}\Big\}

    The comparison allows for rounding, so that the weights may be on any scale.

    Args:
        y_true: Targets, 0 or 1.
        y_score: Scores on any scale; only their order matters.
        precision: The least precision asked for, in (0, 1].
        sample_weight: Weight of each row, none negative; all 1 if left out.

    Returns:
        Values in [0, 1], 0 is best, 1 where no cut point is precise enough; NaN for a
        set that holds one class only.

    Raises:
        ValueError: If `precision` is not in (0, 1].

    Example:
        >>> y_true = torch.tensor([0, 0, 1, 1])
        >>> y_score = torch.tensor([0.1, 0.6, 0.5, 0.9])
        >>> recall_at_precision(y_true, y_score, precision=0.9)
        tensor(0.5000)
    """
    if not 0 < precision <= 1:
        raise ValueError(f"`precision` must be in (0, 1], got {precision}.")
    least = precision * (1 - torch.finfo(count_dtype(y_score)).eps ** 0.75)

    def most_found(cuts: Confusion) -> Tensor:
        allowed = cuts.tp >= least * (cuts.tp + cuts.fp)
        return (cuts.tp * allowed).amax(-1)

    found, cuts = over_cut_points(
        most_found, torch.maximum, Sets(y_true, y_score, sample_weight)
    )
    recall = found / cuts.n_pos[..., 0]
    return finished(1 - recall, cuts.undefined, y_score)


@builtin(
    "1 - precision among the k rows (or share k of the rows) ranked highest",
    aliases="precision_at_k_loss p_at_k top_k_precision",
    parameter="k",
)
def precision_at_k(
    y_true: Integer[Tensor, "*sets n"],
    y_score: Float[Tensor, "*sets n"],
    *,
    k: float | int = 0.05,
    sample_weight: Float[Tensor, "*#sets n"] | None = None,
) -> Float[Tensor, "*sets"]:
    r"""Return one minus the precision among the k rows of the highest scores.

    .. math:: \ell = \frac{FP_{(k)}}{k}

    Rows tied at the border share the places left to them equally: the expected value
    over the orders of the tied rows. A place may be a part of a row, and where the
    places are fewer than the first row it is that row that counts.

    Args:
        y_true: Targets, 0 or 1.
        y_score: Scores on any scale; only their order matters.
        k: How many rows are looked at. An integer counts rows (their weight, if
            weighted; all rows, if there are fewer), a float in (0, 1] is a share of the
            weight of all rows.
        sample_weight: Weight of each row, none negative; all 1 if left out.

    Returns:
        Values in [0, 1], lower is better, 0 where only positive rows are among the k;
        NaN for a set that holds one class only.

    Raises:
        ValueError: If `k` is neither a positive integer nor a float in (0, 1].

    Example:
        >>> y_true = torch.tensor([0, 0, 1, 1])
        >>> y_score = torch.tensor([0.1, 0.6, 0.5, 0.9])
        >>> precision_at_k(y_true, y_score, k=2)
        tensor(0.5000)
    """
    if k <= 0 or (not isinstance(k, int) and not k <= 1):
        raise ValueError(
            f"`k` must be a positive integer or a float in (0, 1], got {k!r}."
        )

    def places(cuts: Confusion) -> Tensor:
        total = cuts.n_pos + cuts.n_neg
        return total.clamp(max=k) if isinstance(k, int) else total * k

    def wrong(cuts: Confusion) -> Tensor:
        called = cuts.tp + cuts.fp
        share = _ratio(called.clamp(max=places(cuts)).diff(), called.diff())
        return (cuts.fp.diff() * share).sum(-1)

    whole, cuts = over_cut_points(
        wrong, torch.add, Sets(y_true, y_score, sample_weight)
    )
    loss = whole / places(cuts)[..., 0]
    return finished(loss, cuts.undefined, y_score)


def _ratio(numerator: Tensor, denominator: Tensor) -> Tensor:
    """Return the ratio of two tensors, 0 for 0/0."""
    tiny = torch.finfo(denominator.dtype).tiny
    return numerator / denominator.clamp(min=tiny)
