"""Global Objectives: areas under curves as constrained problems with multipliers."""

import math
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import softplus

from losslearn_bench.baselines.hand_made import HandMade, Rows, Values, ratio
from losslearn_bench.checks import check_at_least, check_choice

Target = Literal["auc_pr", "auc_roc"]
RowLoss = Literal["logistic", "hinge"]


class GlobalObjective(HandMade):
    r"""Lagrangian of the area under the PR or ROC curve, one threshold per anchor.

    Eban et al., "Scalable Learning of Non-Decomposable Objectives", 2017. The area
    under the precision-recall curve is the mean, over anchors :math:`a_t`, of the best
    recall at precision :math:`a_t`. With the counts of false
    negatives and positives at threshold :math:`b_t` replaced by the sums of row losses
    :math:`L^+` and :math:`L^-`, and a multiplier :math:`\lambda_t \ge 0` for each
    constraint on precision, the value is

    .. math::
        \frac{1}{T |Y^+|} \sum_{t=1}^{T} (1 + \lambda_t) L^+(\hat y, b_t)
        + \lambda_t \frac{a_t}{1 - a_t} L^-(\hat y, b_t) - \lambda_t |Y^+|

    For the ROC curve the anchors are false positive rates, and the same construction
    gives

    .. math::
        \frac{1}{T} \sum_{t=1}^{T} \frac{L^+(\hat y, b_t)}{|Y^+|} + \lambda_t
        \Big(\frac{L^-(\hat y, b_t)}{|Y^-|} - a_t\Big)

    The anchors are :math:`a_t = t / (T + 1)`. A row's loss is the hinge or the logistic
    loss to base 2, either at least 1 for a wrong row; so for any multipliers the value
    is at least the one of the true counts.

    **The thresholds and multipliers are parameters and have to be trained along with
    the model's**: give `objective.parameters()` to the model's optimiser. The value
    falls in the thresholds and has to rise in the multipliers. Their gradient is
    therefore handed out with its sign reversed, so that one optimiser that descends
    serves all. :math:`\lambda_t` is the size of its parameter, :math:`|u_t|`, which
    keeps it at least 0 wherever a step leads. Parameters follow the scores' type and
    device, but should be moved to the device once with `.to(device)`.

    Attributes:
        thresholds: b, starts at 0, shape `[T]`.
        multipliers: u with lambda = |u|, starts at 1, shape `[T]`.

    Example:
        >>> import torch
        >>> objective = GlobalObjective("auc_roc", n_anchors=3)
        >>> objective(torch.tensor([0, 1]), torch.tensor([0.0, 0.0]))
        tensor(1.5000, grad_fn=<MeanBackward1>)
        >>> model = torch.nn.Linear(5, 1)
        >>> optimizer = torch.optim.Adam([*model.parameters(), *objective.parameters()])
    """

    def __init__(
        self, target: Target, *, n_anchors: int = 20, surrogate: RowLoss = "logistic"
    ) -> None:
        """Make the thresholds and multipliers of T anchors, points of the curve."""
        super().__init__()
        check_choice("target", target, get_args(Target))
        check_choice("surrogate", surrogate, get_args(RowLoss))
        advice = "The more anchors, the closer to the area under the curve."
        check_at_least(1, "n_anchors", n_anchors, advice)
        self.target, self.surrogate, self.n_anchors = target, surrogate, n_anchors
        self.thresholds = nn.Parameter(torch.zeros(n_anchors))
        self.multipliers = nn.Parameter(torch.ones(n_anchors))

    def value(self, y_score: Rows, positive: Rows, negative: Rows) -> Values:
        """Return one value per set, of either sign; 0 for a set of one class."""
        n_pos = positive.sum(-1, keepdim=True)
        n_neg = negative.sum(-1, keepdim=True)
        margin = y_score.unsqueeze(-2) - self.thresholds.to(y_score).unsqueeze(-1)
        missed = ratio(self._total(margin, positive), n_pos)  # L+ / |Y+| (*sets, T)
        false_alarms = self._total(-margin, negative)  # L-
        n = self.n_anchors
        place = torch.arange(1, n + 1, dtype=y_score.dtype, device=y_score.device)
        anchors = place / (n + 1)
        if self.target == "auc_pr":
            odds = anchors / (1 - anchors)
            excess = missed + odds * ratio(false_alarms, n_pos) - 1
        else:
            excess = ratio(false_alarms, n_neg) - anchors
        raw = self.multipliers.to(y_score)
        multipliers = torch.where(raw < 0, -raw, raw)  # `abs` has no slope at 0
        # the value of the multipliers, minus their gradient
        rising = 2 * multipliers.detach() - multipliers
        both = (n_pos > 0) & (n_neg > 0)
        return torch.where(both, missed + rising * excess, 0).mean(-1)

    def _total(
        self, margin: Float[Tensor, "*sets anchors n"], weight: Rows
    ) -> Float[Tensor, "*sets anchors"]:
        """Return the weighted sum of the row losses, at least that of the errors."""
        if self.surrogate == "hinge":
            losses = (1 - margin).relu()
        else:
            losses = softplus(-margin) / math.log(2)
        return (losses @ weight.unsqueeze(-1)).squeeze(-1)
