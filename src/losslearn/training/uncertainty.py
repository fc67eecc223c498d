"""Whether a difference of two models on the same rows is more than chance."""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

import torch
from jaxtyping import Integer
from torch import Tensor

from losslearn.metrics import Sets, TrueLoss
from losslearn.metrics.columns import take_rows
from losslearn.tasks.strata import draw_stratified, strata_rows

_N_RESAMPLES = 100
"""The standard error is then known to 7 %."""
_MAX_ROWS = 2**18
"""Rows of the resamples that are valued in one call."""
_ENOUGH_ROWS = 2**18
"""Rows of a resample, where there are more to draw."""
_LEAST_ROWS = 1_000
"""Rows of the rarest stratum, if there are so many, that a smaller resample holds."""


class Difference(NamedTuple):
    """Loss of one model minus that of another, on the same rows."""

    value: float
    """Below 0 where the first is better."""
    standard_error: float
    """Of `value` on the rows as they are, over their choice; 0 for equal models."""
    share_lower: float | None = None
    """Share of the resamples in which the first is better, for a loss with constraints:
    a bound that is just met is missed by far in some, and the standard error is that of
    those few. None for any other loss."""

    def is_clear_gain(self, margin: float = 1.0) -> bool:
        """Whether the first is better by more than a margin, in standard errors.

        By the share of resamples, if that is known: as many as lie on one side of the
        margin where differences are normal.
        """
        if self.share_lower is not None:
            sure = NormalDist().cdf(margin)
            return self.value < 0 and self.share_lower > sure
        return self.value < -margin * self.standard_error


def loss_difference(
    true_loss: TrueLoss,
    sets: Sequence[Sets],
    *,
    strata: Integer[Tensor, " n"],
    seed: int,
) -> Difference:
    """Return the difference of two models' losses, with its bootstrap standard error.

    Rows are resampled with replacement within each stratum, the same for both models
    (paired; Efron and Tibshirani, 1993). Of very many rows fewer are drawn, and the
    error is scaled (the m out of n bootstrap; Bickel, Götze and van Zwet, 1997).

    Args:
        true_loss: A loss of scores, or of decisions.
        sets: The same rows twice, with the scores or decisions of either model.
        strata: Of each row.
        seed: Of the resamples.
    """
    loss = true_loss.of_decisions()
    if torch.equal(sets[0].score, sets[1].score):
        return Difference(0.0, 0.0)
    first, second = (float(loss(own)) for own in sets)
    n = len(strata)
    generator = torch.Generator(strata.device).manual_seed(seed)
    by_stratum = strata_rows(strata)
    rarer = max(min(map(len, by_stratum)), 1)
    share = min(max(_ENOUGH_ROWS / n, _LEAST_ROWS / rarer), 1.0)
    sizes = [round(share * len(rows)) for rows in by_stratum]
    at_once = max(_MAX_ROWS // max(sum(sizes), 1), 1)
    # in one tensor: small ones kept among large ones that go would hold their memory
    n_resamples = min(_N_RESAMPLES, true_loss.max_calls)
    found = torch.empty(n_resamples, dtype=torch.float64, device=strata.device)
    for some in found.split(at_once):
        rows = draw_stratified(by_stratum, len(some), sizes, generator=generator)
        ours, theirs = (
            loss(
                Sets(
                    y[rows],
                    score[rows],
                    None if weight is None else weight[rows],
                    take_rows(columns, rows),
                )
            )
            for y, score, weight, columns in sets
        )
        some.copy_(ours - theirs)
    found = found[found.isfinite()]
    error = float(found.std()) if len(found) > 1 else math.nan
    share_lower = None
    if true_loss.constraints:
        n_lower = (found < 0).sum() + (found == 0).sum() / 2
        share_lower = float(n_lower) / max(len(found), 1)
    scaled = error * math.sqrt(sum(sizes) / n)
    return Difference(first - second, scaled, share_lower)
