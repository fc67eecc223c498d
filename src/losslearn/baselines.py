"""Hand-made objectives, with the signature of a learned one."""

import torch
from jaxtyping import Float, Integer
from torch import Tensor, nn
from torch.nn.functional import softplus


class CrossEntropy(nn.Module):
    r"""Weighted mean logistic loss of each set, the control of every comparison.

    .. math::
        \frac{1}{\sum_i w_i} \sum_i w_i \log\big(1 + e^{-(2 y_i - 1) \hat y_i}\big)

    Example:
        >>> import torch
        >>> CrossEntropy()(torch.tensor([0, 1]), torch.tensor([0.0, 0.0]))
        tensor(0.6931)
    """

    def forward(
        self,
        y_true: Integer[Tensor, "*#sets n"],
        y_score: Float[Tensor, "*sets n"],
        *,
        sample_weight: Float[Tensor, "*#sets n"] | None = None,
    ) -> Float[Tensor, "*sets"]:
        """Return one value per set, at least 0.

        Args:
            y_true: Targets, 0 or 1.
            y_score: Logits.
            sample_weight: Weight of each row; None weighs all alike.
        """
        losses = softplus(torch.where(y_true == 1, -y_score, y_score))
        if sample_weight is None:
            return losses.mean(-1)
        return (losses * sample_weight).sum(-1) / sample_weight.sum(-1)
