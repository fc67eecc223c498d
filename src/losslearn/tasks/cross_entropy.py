"""Cross-entropy, the usual loss of a binary task."""

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, softplus

from losslearn.metrics import Sets


class CrossEntropy:
    r"""Weighted mean logistic loss of each set, the control of every comparison.

    .. math::
        \frac{1}{\sum_i w_i} \sum_i w_i \log\big(1 + e^{-(2 y_i - 1) \hat y_i}\big)

    Example:
        >>> import torch
        >>> from losslearn.metrics import Sets
        >>> CrossEntropy()(Sets(torch.tensor([0, 1]), torch.tensor([0.0, 0.0])))
        tensor(0.6931)
    """

    def __call__(self, sets: Sets) -> Tensor:
        """Return one value per set, at least 0; a set of one class is no exception.

        Args:
            sets: Targets, 0 or 1, and logits.
        """
        losses = softplus(torch.where(sets.target == 1, -sets.score, sets.score))
        if sets.weight is None:
            return losses.mean(-1)
        weight = sets.weight.to(losses.dtype)
        return (losses * weight).sum(-1) / weight.sum(-1)

    def total(self, sets: Sets) -> Tensor:
        """Return the sum over all rows, without weights."""
        target = sets.target.to(sets.score.dtype)
        return binary_cross_entropy_with_logits(sets.score, target, reduction="sum")
