"""Sums over single rows: cross-entropy with a cost on the positives, focal loss."""

from abc import ABC, abstractmethod

import torch
from torch import nn
from torch.nn.functional import softplus

from losslearn_bench.baselines.hand_made import Rows, Targets, Values, Weights
from losslearn_bench.checks import check_positive


class RowLoss(nn.Module, ABC):
    """Weighted mean of a loss of each row."""

    def forward(
        self, y_true: Targets, y_score: Rows, *, sample_weight: Weights | None = None
    ) -> Values:
        """Return one value per set, at least 0; a set of one class is no exception."""
        losses = self.losses(y_true, torch.where(y_true == 1, y_score, -y_score))
        if sample_weight is None:
            return losses.mean(-1)
        weight = sample_weight.to(losses.dtype)
        return (losses * weight).sum(-1) / weight.sum(-1)

    @abstractmethod
    def losses(self, y_true: Targets, margin: Rows) -> Rows:
        """Return each row's loss at its score for its own class."""


class CostSensitive(RowLoss):
    r"""Weighted mean logistic loss of each set, a positive's times a cost.

    .. math::
        \frac{1}{\sum_i w_i} \sum_i w_i \, c^{y_i}
        \log\big(1 + e^{-(2 y_i - 1) \hat y_i}\big)

    Example:
        >>> import torch
        >>> CostSensitive(2.0)(torch.tensor([0, 1]), torch.tensor([0.0, 0.0]))
        tensor(1.0397)
    """

    def __init__(self, pos_weight: float = 1.0) -> None:
        """Set the cost c of a positive; with 1 this is cross-entropy."""
        super().__init__()
        check_positive("pos_weight", pos_weight, "1 leaves the classes as they are.")
        self.pos_weight = pos_weight

    def losses(self, y_true: Targets, margin: Rows) -> Rows:
        """Return the logistic losses."""
        losses = softplus(-margin)
        return torch.where(y_true == 1, self.pos_weight * losses, losses)


class Focal(RowLoss):
    r"""Cross-entropy that turns away from the rows already well classified.

    Lin et al., "Focal Loss for Dense Object Detection", 2017, Eq. 5, with
    :math:`p_i = \sigma((2 y_i - 1) \hat y_i)` the probability of the row's own class:

    .. math::
        -\frac{1}{\sum_i w_i} \sum_i w_i a_i (1 - p_i)^{\gamma} \log p_i

    where :math:`a_i` is `alpha` for a positive and 1 - `alpha` for a negative.

    Example:
        >>> import torch
        >>> Focal()(torch.tensor([0, 1]), torch.tensor([0.0, 0.0]))
        tensor(0.1733)
    """

    def __init__(self, *, gamma: float = 2.0, alpha: float | None = None) -> None:
        """Set the focus and the balance.

        Args:
            gamma: At 0 the loss is cross-entropy; the larger, the less easy rows count.
            alpha: Share of the positives' weight; None weighs both classes 1.
        """
        super().__init__()
        if not 0 <= gamma < float("inf"):
            raise ValueError(
                f"`gamma` must be a number of at least 0, got {gamma}. "
                "At 0 the loss is cross-entropy."
            )
        if alpha is not None and not 0 <= alpha <= 1:
            raise ValueError(
                f"`alpha` must be in [0, 1] or None, got {alpha}. "
                "It is the weight of the positives; the negatives get the rest."
            )
        self.gamma, self.alpha = gamma, alpha

    def losses(self, y_true: Targets, margin: Rows) -> Rows:
        """Return the focal losses."""
        # by logarithms: a power of 1 - p has no finite gradient at 0 for gamma < 1
        losses = softplus(-margin) * torch.exp(-self.gamma * softplus(margin))
        if self.alpha is None:
            return losses
        return torch.where(y_true == 1, self.alpha * losses, (1 - self.alpha) * losses)
