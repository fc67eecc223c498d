"""A threshold for each group of rows, where the metric compares groups."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import torch
from torch import Tensor

from losslearn.metrics import Loss, Sets, TrueLoss
from losslearn.metrics.columns import NO_COLUMNS, Columns
from losslearn.tasks.rules.simple import ThresholdRule, judged_by

MAX_VALUES = 10
"""Different values, at most, of a column whose values are groups."""
_MAX_GROUPS = 20
_LEAST_ROWS = 10
"""Rows of each class, at least, for a threshold of a group's own."""
_PASSES = 2
"""Times that the groups are gone through."""


@dataclass(frozen=True)
class GroupThresholds:
    """Calls a row positive where its score reaches its group's threshold."""

    columns: tuple[str, ...]
    """Those whose values are a row's group."""
    groups: tuple[tuple[float, ...], ...]
    """Values of these columns, of each group."""
    thresholds: tuple[float, ...]
    """Of each group."""
    threshold: float
    """Of rows of no such group."""

    def judged(self, true_loss: TrueLoss) -> Loss:
        """Return the loss at the thresholds."""
        return judged_by(self, true_loss) if true_loss.needs_rule else true_loss

    def decide(self, score: Tensor, columns: Columns = NO_COLUMNS) -> Tensor:
        """Return 1 for the rows called positive, else 0."""
        border = torch.full_like(score, self.threshold)
        for values, threshold in zip(self.groups, self.thresholds, strict=True):
            is_in = torch.ones_like(score, dtype=torch.bool)
            for name, value in zip(self.columns, values, strict=True):
                is_in &= columns[name] == value
            border = torch.where(is_in, threshold, border)
        return (score >= border).long()

    def to_dict(self) -> dict[str, Any]:
        """Return columns, groups and thresholds."""
        return {
            "kind": "threshold by group",
            "columns": list(self.columns),
            "groups": [list(values) for values in self.groups],
            "thresholds": list(self.thresholds),
            "threshold": self.threshold,
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> "GroupThresholds":
        """Undo `to_dict`."""
        return cls(
            tuple(map(str, state["columns"])),
            tuple(tuple(map(float, values)) for values in state["groups"]),
            tuple(map(float, state["thresholds"])),
            float(state["threshold"]),
        )


def group_columns(sets: Sets, known: Sequence[str]) -> tuple[str, ...]:
    """Return the columns of few values, of those known when deciding."""
    few = [name for name in known if len(sets.columns[name].unique()) <= MAX_VALUES]
    n_groups = np.prod([len(sets.columns[name].unique()) for name in few], initial=1)
    return tuple(few) if 1 < n_groups <= _MAX_GROUPS else ()


def fit_group_thresholds(
    true_loss: TrueLoss,
    sets: Sets,
    columns: tuple[str, ...],
    start: ThresholdRule,
    *,
    max_calls: int,
) -> GroupThresholds:
    """Return thresholds of the lowest loss.

    All groups get one threshold, or the same share of their rows, their positive or
    their negative rows called positive (as equal selection, opportunity or error rates
    ask for); from the best of these each group's is moved in turn.

    Args:
        true_loss: A loss of decisions.
        sets: One set of rows.
        columns: Whose values are the groups.
        start: Decides on rows of other groups, or of groups of few rows.
        max_calls: Of a user's function.
    """
    found = list(_groups(sets, columns))
    values = tuple(values for values, _ in found)
    trial = _Trial(true_loss.of_decisions(), sets, [is_in for _, is_in in found], start)
    if found:
        n_cuts = max(max_calls // 8, 4)
        for shared in _shared_cuts(sets, trial.groups, n_cuts):
            trial.keep_best(shared)
        n_moves = max(max_calls // (2 * _PASSES * len(found)), 3)
        for place in list(range(len(found))) * _PASSES:
            moved = trial.best.repeat(n_moves, 1)
            moved[:, place] = _cuts(sets.score[trial.groups[place]], n_moves)
            trial.keep_best(moved)
    thresholds = tuple(trial.best.tolist())
    return GroupThresholds(columns, values, thresholds, start.threshold)


def _groups(
    sets: Sets, columns: tuple[str, ...]
) -> Iterator[tuple[tuple[float, ...], Tensor]]:
    """Yield the groups with enough rows of each class: values, and which rows."""
    for values in product(*(sets.columns[name].unique().tolist() for name in columns)):
        is_in = torch.ones_like(sets.score, dtype=torch.bool)
        for name, value in zip(columns, values, strict=True):
            is_in &= sets.columns[name] == value
        n_pos = int(sets.target[is_in].sum())
        if min(n_pos, int(is_in.sum()) - n_pos) >= _LEAST_ROWS:
            yield values, is_in


class _Trial:
    """The best thresholds so far, shape `[groups]`."""

    def __init__(
        self, judge: TrueLoss, sets: Sets, groups: list[Tensor], start: ThresholdRule
    ) -> None:
        self.judge, self.sets, self.groups = judge, sets, groups
        self.best = sets.score.new_full((len(groups),), start.threshold)
        self._others = start.decide(sets.score)
        self._loss = torch.inf
        self.keep_best(self.best[None])

    def keep_best(self, thresholds: Tensor) -> None:
        """Try thresholds, `[trials, groups]`."""
        decided = self._others.repeat(len(thresholds), 1)
        for place, is_in in enumerate(self.groups):
            own = self.sets.score[is_in] >= thresholds[:, place, None]
            decided[:, is_in] = own.long()
        sets = self.sets
        score = decided.to(sets.score.dtype)
        target = sets.target.expand(decided.shape)
        losses = self.judge.tried(
            Sets(target, score, sets.weight, sets.columns), is_trial=True
        )
        losses = losses.nan_to_num(torch.inf)
        lowest = int(losses.argmin())
        if float(losses[lowest]) < self._loss:
            self._loss, self.best = float(losses[lowest]), thresholds[lowest]


def _shared_cuts(sets: Sets, groups: list[Tensor], n_cuts: int) -> Iterator[Tensor]:
    """Yield thresholds by one rule for all groups, each `[trials, groups]`."""
    every = torch.stack(groups).any(dim=0)
    yield _cuts(sets.score[every], n_cuts)[:, None].repeat(1, len(groups))
    for which in (sets.target >= 0, sets.target == 1, sets.target == 0):
        each = [_cuts(sets.score[is_in & which], n_cuts) for is_in in groups]
        yield torch.stack(each, dim=-1)


def _cuts(score: Tensor, n_cuts: int) -> Tensor:
    """Return thresholds with equal shares of the scores between, none and all too."""
    ordered = score.sort().values
    places = torch.linspace(0, len(ordered), n_cuts).round().long()
    gap = (ordered[-1] - ordered[0]).clamp_min(1.0) / len(ordered)
    ends = torch.cat([ordered[:1] - gap, ordered, ordered[-1:] + gap])
    return (ends[places] + ends[places + 1]) / 2
