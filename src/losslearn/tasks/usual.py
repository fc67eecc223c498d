"""The usual loss of a task: what its models are trained by where nobody asks."""

import torch
from jaxtyping import Float, Integer
from torch import Tensor, nn
from torch.nn.functional import softplus


class CrossEntropy(nn.Module):
    r"""Weighted mean logistic loss of each set, the control of every comparison.

    .. math::
        \frac{1}{\sum_i w_i} \sum_i w_i c_i \log\big(1 + e^{-(2 y_i - 1) \hat y_i}\big)

    with :math:`c_i` the weight of row i's class: `pos_weight` for a positive, 1 for a
    negative.

    Example:
        >>> import torch
        >>> y_true, y_score = torch.tensor([0, 1]), torch.tensor([0.0, 0.0])
        >>> (
        ...     CrossEntropy()(y_true, y_score),
        ...     CrossEntropy(pos_weight=3.0)(y_true, y_score),
        ... )
        (tensor(0.6931), tensor(1.3863))
    """

    def __init__(self, *, pos_weight: float | None = None) -> None:
        """Set the weight of the positives.

        Args:
            pos_weight: How much more than a negative a positive counts; None counts
                both alike. As in PyTorch, the mean is not divided by it.

        Raises:
            ValueError: If `pos_weight` is not a positive number.
        """
        super().__init__()
        if pos_weight is not None and not 0 < pos_weight < float("inf"):
            raise ValueError(
                f"`pos_weight` must be a positive number or None, got {pos_weight}. "
                "The ratio of negatives to positives makes both classes count alike."
            )
        self.pos_weight = pos_weight

    def forward(
        self,
        y_true: Integer[Tensor, "*#sets n"],
        y_score: Float[Tensor, "*sets n"],
        *,
        sample_weight: Float[Tensor, "*#sets n"] | None = None,
    ) -> Float[Tensor, "*sets"]:
        """Return one value per set, at least 0; a set of one class is no exception.

        Args:
            y_true: Targets, 0 or 1.
            y_score: Logits.
            sample_weight: Weight of each row; None weighs all alike.
        """
        losses = softplus(torch.where(y_true == 1, -y_score, y_score))
        if self.pos_weight is not None:
            losses = torch.where(y_true == 1, self.pos_weight * losses, losses)
        return weighted_mean(losses, sample_weight)


def weighted_mean(
    losses: Float[Tensor, "*sets n"],
    sample_weight: Float[Tensor, "*#sets n"] | None,
) -> Float[Tensor, "*sets"]:
    """Return the weighted mean over the rows of each set.

    Example:
        >>> import torch
        >>> weighted_mean(torch.tensor([1.0, 4.0]), torch.tensor([2.0, 1.0]))
        tensor(2.)
    """
    if sample_weight is None:
        return losses.mean(-1)
    weight = sample_weight.to(losses.dtype)
    return (losses * weight).sum(-1) / weight.sum(-1)
