"""The pairwise ranking loss, the classic surrogate of the area under the ROC curve."""

from typing import Literal, get_args

from torch.nn.functional import softplus

from losslearn_bench.baselines.hand_made import HandMade, Rows, Values, ratio
from losslearn_bench.checks import check_choice

PairLoss = Literal["logistic", "hinge"]


class PairwiseRanking(HandMade):
    r"""Mean loss over the pairs of a positive and a negative row.

    .. math::
        \frac{1}{\sum_{i \in P} \sum_{j \in N} w_i w_j}
        \sum_{i \in P} \sum_{j \in N} w_i w_j \, \phi(\hat y_i - \hat y_j)

    with :math:`\phi(d) = \log(1 + e^{-d})` (Burges et al., "Learning to Rank Using
    Gradient Descent", 2005) or :math:`\max(0, 1 - d)`, which is never below 1 - AUC.
    Gao and Zhou, "On the Consistency of AUC Pairwise Optimization", 2015, study both.

    Memory and time grow with the square of the set.

    Example:
        >>> import torch
        >>> y_true, y_score = torch.tensor([0, 1, 1]), torch.tensor([0.0, 0.0, 2.0])
        >>> PairwiseRanking()(y_true, y_score)
        tensor(0.4100)
        >>> PairwiseRanking(kind="hinge")(y_true, y_score)
        tensor(0.5000)
    """

    def __init__(self, *, kind: PairLoss = "logistic") -> None:
        """Choose the loss of a pair."""
        super().__init__()
        check_choice("kind", kind, get_args(PairLoss))
        self.kind = kind

    def value(self, y_score: Rows, positive: Rows, negative: Rows) -> Values:
        """Return one value per set, at least 0; 0 for a set of one class."""
        lead = y_score.unsqueeze(-1) - y_score.unsqueeze(-2)  # (*sets, i, j)
        losses = softplus(-lead) if self.kind == "logistic" else (1 - lead).relu()
        to_negatives = (losses @ negative.unsqueeze(-1)).squeeze(-1)  # (*sets, i)
        total = (positive * to_negatives).sum(-1)
        return ratio(total, positive.sum(-1) * negative.sum(-1))
