"""The slope and the curvature along which a tree is grown."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from losslearn.metrics import Loss, Sets
from losslearn.models.boosted.library import Floats
from losslearn.models.rows import Drawn, Rows

_SET = 2_000
"""Rows of a set whose slope a tree follows."""


class Newton(NamedTuple):
    """What a library of boosted trees asks for of each row."""

    slope: Floats
    curvature: Floats


def slope_of_all(
    objective: Loss,
    rows: Rows,
    score: Tensor,
    *,
    generator: torch.Generator,
) -> Tensor:
    """Return an objective's slope in the score of each row, dealt into sets of 2,000.

    Args:
        objective: Values sets of rows.
        rows: On which it is valued.
        score: Theirs.
        generator: Deals them.
    """
    n, slope = len(score), torch.zeros_like(score)
    order = torch.randperm(n, generator=generator)
    for part in order.chunk(max(round(n / _SET), 1)):
        here = part if rows.numbers is None else rows.numbers[part].long()
        sets = rows.sets(Drawn(here[None]), score[part][None].float())
        slope[part] = _slope(objective, sets)[0].double() * len(part)
    return slope


def _slope(objective: Loss, sets: Sets) -> Tensor:
    known = getattr(objective, "value_and_slope", None)
    if known is not None:
        return known(sets)[1]
    score = sets.score.detach().requires_grad_()
    value = objective(sets._replace(score=score)).sum()
    return torch.autograd.grad(value, score)[0]


def newton(
    slope: Tensor,
    score: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    usual_share: float = 0.0,
) -> Newton | None:
    r"""Return a slope as steep as log-loss's, and a curvature above 0.

    .. math::
        g \leftarrow g \, \frac{\sigma(p - y)}{\sigma(g)} + \lambda (p - y), \qquad
        h = (1 + \lambda) \, \overline{p (1 - p)}

    with probabilities p of the scores: whatever the objective, as a learned one has no
    curvature to trust.

    Args:
        slope: Of each row.
        score: In log-odds.
        target: 0 or 1.
        weight: What each row counts for, in the slope already.
        usual_share: :math:`\lambda`, log-loss's part beside.

    Returns:
        Both; None where there is nowhere to go.
    """
    p = score.sigmoid()
    mean = float((p * (1 - p)).mean())
    # in place from here on: rows may be many
    gap, curvature = p.sub_(target), torch.full_like(score, (1 + usual_share) * mean)
    if weight is not None:
        gap, curvature = gap.mul_(weight), curvature.mul_(weight)
    spread, reach = float(slope.std()), float(gap.std())
    has_slope = math.isfinite(spread) and spread > 0
    if not (has_slope or usual_share):
        return None
    g = gap.mul_(usual_share)
    if has_slope:
        g.add_(slope, alpha=reach / spread)
    return Newton(g.numpy(), curvature.numpy())
