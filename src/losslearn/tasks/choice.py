"""Which decision rule stands: the candidates compared on rows that they did not see."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from losslearn.metrics import Loss, Sets
from losslearn.metrics.columns import take_rows

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
    best: tuple[Candidate, Tensor, float, Tensor] | None = None
    tried = []
    for candidate in candidates:
        decided = _out_of_fold(candidate, sets, fold)
        values = _resampled(judge, sets, decided, strata, n_resamples, seed=seed)
        loss, resampled = float(values[0]), values[1:]
        found: dict[str, Any] = {"rule": candidate.name, "loss": loss}
        if candidate.is_usual:
            found["is_usual"] = True
        stands = best is None or not np.isfinite(best[2])
        if best is not None:
            error = _deviation(resampled - best[3])
            found |= {"difference": loss - best[2], "standard_error": error}
            lead = 0.0 if candidate.is_usual else error
            leads = found["difference"] < -lead
            few = _few_moved(decided, best[1])
            if leads and few is not None and other_target is not None:
                others = sets.target.repeat(len(few), 1)
                others[torch.arange(len(few)), few] = other_target[few]
                moved, before = (
                    _values(judge, sets._replace(target=others), one.expand_as(others))
                    for one in (decided, best[1])
                )
                leads = bool((moved - before).nanmean() < 0)
            stands = stands or leads
        tried.append(found)
        if stands:
            best = candidate, decided, loss, resampled
    assert best is not None, "there is a candidate"
    rule = best[0].fit(np.arange(len(sets.target)))
    as_scores = sets._replace(score=best[1].to(sets.score.dtype))
    return Choice(rule, best[0].name, as_scores, best[2], tried)


def _few_moved(first: Tensor, second: Tensor) -> Tensor | None:
    """Return the rows that two rules decide differently on; None if they are many."""
    moved = torch.nonzero(first != second).squeeze(-1)
    return moved if 0 < len(moved) < min(_FEW, 0.1 * len(first)) else None


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
    draw = np.random.default_rng(seed)
    if groups is not None:
        own = groups.cpu().numpy()
        n_groups = int(own.max()) + 1
        n_folds = min(N_FOLDS, n_groups)
        return (draw.permutation(n_groups) % n_folds)[own]
    fold = np.zeros(len(codes), np.intp)
    if n_folds < 2:
        return fold
    for code in np.unique(codes):
        rows = draw.permutation(np.flatnonzero(codes == code))
        fold[rows] = np.arange(len(rows)) % n_folds
    return fold


def _values(judge: Loss, sets: Sets, decided: Tensor) -> Tensor:
    score = decided.to(sets.score.dtype)
    target = sets.target.expand(decided.shape)
    return judge(Sets(target, score, sets.weight, sets.columns))


def _resampled(
    judge: Loss,
    sets: Sets,
    decided: Tensor,
    strata: Tensor,
    n_resamples: int,
    *,
    seed: int,
) -> Tensor:
    """Return the loss of decisions, then that on resampled rows, of the same seed."""
    draws = torch.Generator().manual_seed(seed)
    of_stratum = [torch.nonzero(strata == code).squeeze(-1) for code in strata.unique()]
    values = torch.empty(1 + n_resamples, dtype=torch.float64)
    for place, some in enumerate(values.split(max(_MAX_ROWS // len(decided), 1))):
        rows = torch.cat(
            [
                own[torch.randint(len(own), (len(some), len(own)), generator=draws)]
                for own in of_stratum
            ],
            dim=-1,
        )
        if place == 0:
            rows[0] = torch.arange(len(decided))
        weight = None if sets.weight is None else sets.weight[rows]
        score, columns = decided.to(sets.score.dtype), take_rows(sets.columns, rows)
        some.copy_(judge(Sets(sets.target[rows], score[rows], weight, columns)))
    return values


def _deviation(values: Tensor) -> float:
    known = values[values.isfinite()]
    return float(known.std()) if len(known) > 1 else 0.0
