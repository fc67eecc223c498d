"""Metrics of the confusion matrix with soft counts in place of the hard ones."""

from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from losslearn_bench.baselines.hand_made import HandMade, Rows, Values, ratio
from losslearn_bench.checks import check_choice, check_positive


class SoftF1(HandMade):
    r"""One minus F1 with sigmoid counts (sigmoidF1).

    Bénédict et al., "sigmoidF1: A Smooth F1 Score Surrogate Loss for Multilabel
    Classification", 2022, with :math:`p_i = \sigma(b (\hat y_i - c))`,
    b the slope and c the offset (theirs with the other sign):

    .. math::
        1 - \frac{2\,TP}{2\,TP + FP + FN}, \quad
        TP = \sum_i w_i y_i p_i, \quad FP = \sum_i w_i (1 - y_i) p_i, \quad
        FN = \sum_i w_i y_i (1 - p_i)

    Example:
        >>> import torch
        >>> SoftF1()(torch.tensor([0, 1, 1]), torch.tensor([0.0, 0.0, 0.0]))
        tensor(0.4286)
    """

    def __init__(self, *, slope: float = 1.0, offset: float = 0.0) -> None:
        """Set the sigmoid: steeper is closer to F1, and flatter far from the offset."""
        super().__init__()
        advice = "A higher score always means more probably positive."
        check_positive("slope", slope, advice)
        self.slope, self.offset = slope, offset

    def value(self, y_score: Rows, positive: Rows, negative: Rows) -> Values:
        """Return one value per set, in [0, 1]; 1 for a set without positives."""
        called = (self.slope * (y_score - self.offset)).sigmoid()
        true_pos = (positive * called).sum(-1)
        false_pos = (negative * called).sum(-1)
        # 2 TP + FP + FN, with TP + FN = P
        return 1 - ratio(2 * true_pos, true_pos + false_pos + positive.sum(-1))


class SoftJaccard(HandMade):
    r"""One minus the soft intersection over the soft union of the positives.

    Rahman and Wang, "Optimizing Intersection-Over-Union in Deep Neural Networks for
    Image Segmentation", 2016, with :math:`p_i = \sigma(\hat y_i)`:

    .. math::
        1 - \frac{\sum_i w_i y_i p_i}{\sum_i w_i (y_i + p_i - y_i p_i)}

    Example:
        >>> import torch
        >>> SoftJaccard()(torch.tensor([0, 1, 1]), torch.tensor([0.0, 0.0, 0.0]))
        tensor(0.6000)
    """

    def value(self, y_score: Rows, positive: Rows, negative: Rows) -> Values:
        """Return one value per set, in [0, 1]; 1 for a set without positives."""
        called = y_score.sigmoid()
        intersection = (positive * called).sum(-1)
        union = positive.sum(-1) + (negative * called).sum(-1)
        return 1 - ratio(intersection, union)


AnyLossMetric = Literal["f1", "accuracy", "gmean", "balanced_accuracy"]


class AnyLoss(HandMade):
    r"""One minus a metric of the counts of amplified probabilities.

    Han et al., "AnyLoss: Transforming Classification Metrics into Loss Functions",
    2024. An amplifier sends :math:`p_i = \sigma(\hat y_i)` close to 0 or 1, and row i
    counts as called positive by

    .. math:: A(p_i) = \frac{1}{1 + e^{-L (p_i - 1/2)}}

    The counts are as in `SoftF1`, and the metric is F1, (TP + TN) / n, the geometric
    mean of the two classes' recalls, or their arithmetic mean.

    Example:
        >>> import torch
        >>> AnyLoss("accuracy")(torch.tensor([0, 1, 1]), torch.tensor([3.0, 0.0, 3.0]))
        tensor(0.5000)
    """

    def __init__(self, metric: AnyLossMetric, *, amplification: float = 73.0) -> None:
        """Choose the metric, and L; the authors' value is the default."""
        super().__init__()
        check_choice("metric", metric, get_args(AnyLossMetric))
        check_positive("amplification", amplification, "The authors use 73.")
        self.metric, self.amplification = metric, amplification

    def value(self, y_score: Rows, positive: Rows, negative: Rows) -> Values:
        """Return one value per set, in [0, 1].

        The recall of a class that a set lacks counts as 0: such a set gives 1 for the
        geometric mean and at least 1/2 for balanced accuracy; without positives it
        gives 1 for F1.
        """
        amplified = self.amplification * (y_score.sigmoid() - 0.5)
        called = amplified.sigmoid()
        true_pos = (positive * called).sum(-1)
        # 1 - A would round a small A away, and with it the gradient
        true_neg = (negative * (-amplified).sigmoid()).sum(-1)
        n_pos, n_neg = positive.sum(-1), negative.sum(-1)
        if self.metric == "f1":  # 2 TP + FP + FN, with TP + FN = P
            false_pos = (negative * called).sum(-1)
            return 1 - ratio(2 * true_pos, true_pos + false_pos + n_pos)
        if self.metric == "accuracy":
            return 1 - ratio(true_pos + true_neg, n_pos + n_neg)
        recall, specificity = ratio(true_pos, n_pos), ratio(true_neg, n_neg)
        if self.metric == "balanced_accuracy":
            return 1 - (recall + specificity) / 2
        return 1 - _root(recall * specificity)


def _root(values: Float[Tensor, "*values"]) -> Float[Tensor, "*values"]:
    """Return the square root, with a gradient of 0 instead of infinity at 0."""
    known = values > torch.finfo(values.dtype).tiny
    return torch.where(known, torch.where(known, values, 1).sqrt(), 0)
