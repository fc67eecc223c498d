"""The Lovász extension of the Jaccard loss, over hinge or sigmoid errors."""

import torch

from losslearn_bench.baselines.hand_made import HandMade, Rows, Values, ratio


class LovaszHinge(HandMade):
    r"""Lovász extension of the Jaccard loss at the hinge errors of the rows.

    With the errors :math:`m_i = \max(0, 1 - (2 y_i - 1) \hat y_i)` in descending order,
    and :math:`J_k` the Jaccard loss of the set with its first k rows misclassified:

    .. math:: \sum_{k=1}^{n} m_{(k)} \, (J_k - J_{k-1})

    Yu and Blaschko, "Learning Submodular Losses with the Lovász Hinge", 2015; errors
    cut at 0 as in Berman et al., "The Lovász-Softmax Loss", 2018. Convex in the scores
    and never below the Jaccard loss at threshold 0.

    Example:
        >>> import torch
        >>> LovaszHinge()(torch.tensor([0, 1, 1]), torch.tensor([-2.0, 0.5, -1.0]))
        tensor(1.2500)
    """

    def value(self, y_score: Rows, positive: Rows, negative: Rows) -> Values:
        """Return one value per set, at least 0; of one class, see `_lovasz_jaccard`."""
        errors = (1 - _own_side(y_score, positive)).relu()
        return _lovasz_jaccard(errors, positive, negative)


class LovaszSoftmax(HandMade):
    r"""Lovász extension of the Jaccard loss at the sigmoid errors of the rows.

    As `LovaszHinge`, with errors in [0, 1], one minus the probability of the row's own
    class (Berman et al., "The Lovász-Softmax Loss", 2018, for the foreground class of
    two):

    .. math:: m_i = 1 - \sigma\big((2 y_i - 1) \hat y_i\big)

    Example:
        >>> import torch
        >>> LovaszSoftmax()(torch.tensor([0, 1, 1]), torch.tensor([-2.0, 0.5, -1.0]))
        tensor(0.5543)
    """

    def value(self, y_score: Rows, positive: Rows, negative: Rows) -> Values:
        """Return one value per set, in [0, 1]; of one class, see `_lovasz_jaccard`."""
        errors = (-_own_side(y_score, positive)).sigmoid()
        return _lovasz_jaccard(errors, positive, negative)


def _own_side(y_score: Rows, positive: Rows) -> Rows:
    """Return each score as one for the row's own class; a row of weight 0 has none."""
    return torch.where(positive > 0, y_score, -y_score)


def _lovasz_jaccard(error: Rows, positive: Rows, negative: Rows) -> Values:
    """Return the extension at `error` (Berman et al., Algorithm 1).

    A set without positives gives its largest error, a set without negatives the mean of
    its errors.
    """
    error, order = error.sort(dim=-1, descending=True)
    false_neg = positive.gather(-1, order).cumsum(-1)
    false_pos = negative.gather(-1, order).cumsum(-1)
    union = positive.sum(-1, keepdim=True) + false_pos
    loss = ratio(false_neg + false_pos, union)  # J_k, k = 1 to n
    rise = loss.diff(prepend=loss.new_zeros(()).expand_as(loss[..., :1]))
    return (error * rise).sum(-1)
