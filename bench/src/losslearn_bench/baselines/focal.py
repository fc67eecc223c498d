"""The focal loss, a sum over single rows as cross-entropy is."""

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


class Focal(nn.Module):
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

    def forward(
        self, y_true: Targets, y_score: Rows, *, sample_weight: Weights | None = None
    ) -> Values:
        """Return one value per set, at least 0; a set of one class is no exception."""
        margin = torch.where(y_true == 1, y_score, -y_score)
        # by logarithms: a power of 1 - p has no finite gradient at 0 for gamma < 1
        losses = softplus(-margin) * torch.exp(-self.gamma * softplus(margin))
        if self.alpha is not None:
            losses = torch.where(
                y_true == 1, self.alpha * losses, (1 - self.alpha) * losses
            )
        return weighted_mean(losses, sample_weight)
