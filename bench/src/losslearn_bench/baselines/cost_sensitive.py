"""Cross-entropy with a cost on the positives, a sum over single rows."""

import torch
from torch import nn
from torch.nn.functional import softplus

from losslearn_bench.baselines.hand_made import (
    Rows,
    Targets,
    Values,
    Weights,
    weighted_mean,
)
from losslearn_bench.checks import check_positive


class CostSensitive(nn.Module):
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

    def forward(
        self, y_true: Targets, y_score: Rows, *, sample_weight: Weights | None = None
    ) -> Values:
        """Return one value per set, at least 0; a set of one class is no exception."""
        losses = softplus(torch.where(y_true == 1, -y_score, y_score))
        losses = torch.where(y_true == 1, self.pos_weight * losses, losses)
        return weighted_mean(losses, sample_weight)
