"""Row weights by class, and sums over them that stay finite in a set of one class."""

import torch
from jaxtyping import Float, Integer
from torch import Tensor


def class_weights(
    y_true: Integer[Tensor, "*#sets n"],
    y_score: Float[Tensor, "*sets n"],
    sample_weight: Float[Tensor, "*#sets n"] | None,
) -> tuple[Float[Tensor, "*sets n"], Float[Tensor, "*sets n"]]:
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
    """Return `part / whole`, 0 with a gradient of 0 where the whole is 0.

    Args:
        part: At most `whole` in size where the whole is 0.
        whole: At least 0.

    Example:
        >>> import torch
        >>> ratio(torch.tensor([1.0, 0.0]), torch.tensor([2.0, 0.0]))
        tensor([0.5000, 0.0000])
    """
    # a whole below `tiny` would make the gradient overflow
    known = whole > torch.finfo(whole.dtype).tiny
    return torch.where(known, part, 0) / torch.where(known, whole, 1)
