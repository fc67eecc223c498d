"""Which decision rule stands: the candidates compared on rows that they did not see."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from losslearn.metrics import Loss, Sets
from losslearn.metrics.columns import take_rows
from losslearn.tasks.strata import deal_into_folds, draw_stratified, strata_rows

N_FOLDS = 5
_LEAST_EACH = 2
"""Rows of each stratum in a fold, at least."""
_MAX_ROWS = 2**18
"""Rows of the resamples that are valued in one call."""

_FEW = 10
"""Rows, if they are less than a tenth of all, on which a bootstrap says little: where
all are right, so are all resamples."""

Fit = Callable[[NDArray[np.intp]], Any]
"""Fits a rule to some of the rows, by number."""


class Candidate(NamedTuple):
    """A rule that may stand."""

    name: str
    fit: Fit
    is_usual: bool = False
    """Whether it is what everybody uses: it takes the place of a simpler rule by any
    lower loss, others by a clear lead alone."""


class Choice(NamedTuple):
    """The rule that stands, and how it did on rows that it was not fitted to."""

    rule: Any
    """Fitted to all rows."""
    name: str
    """The candidate's."""
    decided: Sets
    """The rows with the decisions, by rules fitted to the other folds, as scores."""
    loss: float
    """Of these decisions."""
    tried: list[dict[str, Any]]
    """Each candidate: `rule` (its name), `loss`, of its difference to the rule that
    stood before it `difference` and `standard_error`, and which `is_usual`."""


def choose_rule(
    candidates: Sequence[Candidate],
    sets: Sets,
    judge: Loss,
    strata: Tensor,
    *,
    n_resamples: int,
    other_target: Tensor | None = None,
    groups: Tensor | None = None,
    seed: int = 0,
) -> Choice:
    """Return the best of some rules by cross-fitting; the simpler one where in doubt.

    Each candidate decides on each row as fitted to the other folds. One takes the place
    of a simpler one if its loss is lower by more than the standard error of the
    difference, by a paired bootstrap; the usual rule if it is lower at all. One that
    decides otherwise on a handful of rows alone must do without any one of them: its
    loss is lower, too, in the mean over these rows with another target each. Where
    there are too few rows for folds, there is nothing to compare by: up to the usual
    rule, the candidates are fitted to all rows.

    Args:
        candidates: The simplest first.
        sets: One set of rows.
        judge: The loss of sets whose scores are decisions.
        strata: Of each row; folds and resamples keep their shares.
        n_resamples: Of the bootstrap.
        other_target: A target that each row has not; None for what is not asked.
        groups: Rows that stay in one fold, by number.
        seed: Of folds and resamples.
    """
    fold = fold_of(strata, groups=groups, seed=seed)
    if int(fold.max()) == 0:
        usual = [place for place, one in enumerate(candidates) if one.is_usual]
        candidates = candidates[: usual[0] + 1] if usual else candidates
    decisions = [_out_of_fold(candidate, sets, fold) for candidate in candidates]
    values = _resampled(judge, sets, decisions, strata, n_resamples, seed=seed)
    best, tried = 0, []
    for place, candidate in enumerate(candidates):
        loss = float(values[place, 0])
        found: dict[str, Any] = {"rule": candidate.name, "loss": loss}
        if candidate.is_usual:
            found["is_usual"] = True
        stands = not np.isfinite(float(values[best, 0]))
        if place > 0:
            gap = values[place] - values[best]
            error = _deviation(gap[1:])
            found |= {"difference": float(gap[0]), "standard_error": error}
            leads = found["difference"] < -(0.0 if candidate.is_usual else error)
            both = decisions[place], decisions[best]
            stands = stands or (leads and _holds(judge, sets, *both, other_target))
        tried.append(found)
        best = place if stands else best
    rule = candidates[best].fit(np.arange(len(sets.target)))
    as_scores = sets._replace(score=decisions[best].to(sets.score.dtype))
    name, loss = candidates[best].name, tried[best]["loss"]
    return Choice(rule, name, as_scores, loss, tried)


def _holds(
    judge: Loss, sets: Sets, first: Tensor, second: Tensor, other_target: Tensor | None
) -> bool:
    """Whether decisions are better than others, too, without any one of a handful.

    Of rows that they differ on; where these are many, or have no other target, they
    are.
    """
    few = torch.nonzero(first != second).squeeze(-1)
    is_few = 0 < len(few) < min(_FEW, 0.1 * len(first))
    if other_target is None or not is_few:
        return True
    target = sets.target.repeat(len(few), 1)
    target[torch.arange(len(few)), few] = other_target[few]
    ours, theirs = (
        judge(sets._replace(target=target, score=score.expand(target.shape)))
        for score in (first.to(sets.score.dtype), second.to(sets.score.dtype))
    )
    return bool((ours - theirs).nanmean() < 0)


def _out_of_fold(candidate: Candidate, sets: Sets, fold: NDArray[np.intp]) -> Tensor:
    """Return the decision on each row as fitted to the other folds."""
    decided = torch.empty_like(sets.target)
    n_folds = int(fold.max()) + 1
    for one in range(n_folds):
        out = np.flatnonzero(fold == one)
        rest = np.flatnonzero(fold != one) if n_folds > 1 else out
        rule, some = candidate.fit(rest), torch.from_numpy(out)
        decided[some] = rule.decide(sets.score[some], take_rows(sets.columns, some))
    return decided


def fold_of(
    strata: Tensor, *, groups: Tensor | None = None, seed: int = 0
) -> NDArray[np.intp]:
    """Return a fold for each row; strata alike, groups whole.

    One, which is all, where a stratum has too few rows for two in each of five.
    """
    codes = strata.cpu().numpy()
    rarest = int(np.bincount(codes)[np.unique(codes)].min())
    n_folds = N_FOLDS if rarest >= _LEAST_EACH * N_FOLDS else 1
    if groups is not None:
        own = groups.cpu().numpy()
        n_groups = int(own.max()) + 1
        dealt = np.random.default_rng(seed).permutation(n_groups)
        return (dealt % min(N_FOLDS, n_groups))[own]
    return deal_into_folds(codes, n_folds, seed=seed)


def _resampled(
    judge: Loss,
    sets: Sets,
    decisions: Sequence[Tensor],
    strata: Tensor,
    n_resamples: int,
    *,
    seed: int,
) -> Tensor:
    """Return the loss of each decision, then those on resampled rows, the same for all.

    Shape `[decisions, 1 + n_resamples]`.
    """
    n, draws = len(strata), torch.Generator().manual_seed(seed)
    by_stratum = [rows for rows in strata_rows(strata) if len(rows)][::-1]
    sizes = [len(rows) for rows in by_stratum]
    scores = [decided.to(sets.score.dtype) for decided in decisions]
    values = torch.empty(len(decisions), 1 + n_resamples, dtype=torch.float64)
    for place, some in enumerate(values.split(max(_MAX_ROWS // n, 1), dim=1)):
        rows = draw_stratified(by_stratum, some.shape[1], sizes, generator=draws)
        if place == 0:
            rows[0] = torch.arange(n)
        target, columns = sets.target[rows], take_rows(sets.columns, rows)
        weight = None if sets.weight is None else sets.weight[rows]
        for own, score in zip(some, scores, strict=True):
            own.copy_(judge(Sets(target, score[rows], weight, columns)))
    return values


def _deviation(values: Tensor) -> float:
    known = values[values.isfinite()]
    return float(known.std()) if len(known) > 1 else 0.0
