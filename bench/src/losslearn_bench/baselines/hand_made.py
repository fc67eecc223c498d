"""What hand-made objectives share: rows weighed by class, sums that stay finite."""

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from jaxtyping import Float, Integer
from torch import Tensor, nn

from losslearn.metrics import Sets

Rows = Float[Tensor, "*sets n"]
Values = Float[Tensor, "*sets"]
Targets = Integer[Tensor, "*#sets n"]
Weights = Float[Tensor, "*#sets n"]


RowObjective = Callable[..., Tensor]
"""Takes targets and scores, and weights as `sample_weight`; one value per set."""


class OverSets:
    """A hand-made objective as a loss of sets, which is what training loops take."""

    def __init__(self, hand_made: RowObjective) -> None:
        """Keep the objective."""
        self.hand_made = hand_made

    def __call__(self, sets: Sets) -> Tensor:
        """Return one differentiable value per set."""
        return self.hand_made(sets.target, sets.score, sample_weight=sets.weight)


class HandMade(nn.Module, ABC):
    """An objective of sets that somebody wrote down; lower is better."""

    def forward(
        self, y_true: Targets, y_score: Rows, *, sample_weight: Weights | None = None
    ) -> Values:
        """Return one differentiable value per set of targets 0 or 1 and raw scores."""
        return self.value(y_score, *class_weights(y_true, y_score, sample_weight))

    @abstractmethod
    def value(self, y_score: Rows, positive: Rows, negative: Rows) -> Values:
        """Return one value per set; for the weights see `class_weights`."""


def class_weights(
    y_true: Targets, y_score: Rows, sample_weight: Weights | None
) -> tuple[Rows, Rows]:
    """Return each row's weight as a positive and as a negative, one of them 0.

    Both have the shape and the type of `y_score`.

    Example:
        >>> import torch
        >>> class_weights(torch.tensor([0, 1]), torch.tensor([0.5, 0.5]), None)
        (tensor([0., 1.]), tensor([1., 0.]))
    """
    positive = (y_true == 1).to(y_score.dtype).expand_as(y_score)
    negative = 1 - positive
    if sample_weight is None:
        return positive, negative
    weight = sample_weight.to(y_score.dtype)
    return positive * weight, negative * weight


def ratio(
    part: Float[Tensor, "*#values"], whole: Float[Tensor, "*#values"]
) -> Float[Tensor, "*values"]:
    """Return `part / whole`, 0 with a gradient of 0 where the whole, at least 0, is 0.

    Example:
        >>> import torch
        >>> ratio(torch.tensor([1.0, 0.0]), torch.tensor([2.0, 0.0]))
        tensor([0.5000, 0.0000])
    """
    # a whole below `tiny` would make the gradient overflow
    known = whole > torch.finfo(whole.dtype).tiny
    return torch.where(known, part, 0) / torch.where(known, whole, 1)
