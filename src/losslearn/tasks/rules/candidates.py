"""The rules of two classes that may stand for a loss, the simplest first."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from losslearn.metrics import Sets, TrueLoss
from losslearn.metrics.columns import take_rows
from losslearn.tasks.choice import Candidate
from losslearn.tasks.rules.by_group import (
    GroupThresholds,
    fit_group_thresholds,
    group_columns,
)
from losslearn.tasks.rules.flip import FlipFits, FlipRule
from losslearn.tasks.rules.simple import ConstantRule, ThresholdRule
from losslearn.tasks.rules.trial_flips import TrialFlips
from losslearn.tasks.thresholds import best_threshold

Rows = NDArray[np.intp]

_FOLD_CUTS, _FLIPS, _GROUPS, _TILT, _RESAMPLES = 0.2, 2.0, 0.5, 0.04, 0.1
"""Calls of a user's function, as shares of those for one threshold: for a threshold in
a fold, for all flips, for thresholds of groups, for one tilt's threshold, for the error
of a rule. All together no more than 1,500, where a threshold takes 200."""
_N_RESAMPLES = 100
_MOST_CALLS = 1_000
"""Decisions of all rows tried for thresholds by group, where they cost no call."""


def n_resamples(true_loss: TrueLoss) -> int:
    """Return on how many resamples the error of a rule is worked out."""
    if true_loss.is_exact:
        return _N_RESAMPLES
    return max(int(_RESAMPLES * true_loss.max_calls), 5)


class Candidates:
    """Fits rules to some of the rows of one set."""

    def __init__(self, true_loss: TrueLoss, sets: Sets, known: Sequence[str]) -> None:
        """Fit nothing yet.

        Args:
            true_loss: A loss of decisions.
            sets: One set of rows, of both classes.
            known: Its columns that are known when deciding.
        """
        self.true_loss, self.sets, self.known = true_loss, sets, tuple(known)
        self.groups = group_columns(sets, known)
        self._thresholds: dict[bytes, float] = {}

    def listed(self) -> list[Candidate]:
        """Return the candidates.

        A threshold needs no lead on "nobody" and "everybody", which are thresholds too.
        Groups get thresholds of their own where a decision counts for more than its own
        row; else the flips say all that there is to say of groups.
        """
        found = [Candidate("nobody", self.nobody), Candidate("everybody", self.every)]
        found.append(Candidate("threshold", self.threshold, is_usual=True))
        if not self.known:
            return found
        if self.groups and not self._is_sum:
            found.append(Candidate("threshold by group", self.by_group))
        if self._is_sum or self.known != self.groups:
            given = partial(self.flip, given_columns=True)
            found.append(Candidate("flip", self.flip))
            found.append(Candidate("flip, calibrated given the columns", given))
        if self._is_sum:
            found.append(Candidate("flip, tilted", self.tilted))
        return found

    @staticmethod
    def nobody(rows: Rows) -> ConstantRule:
        """Return the rule that calls no row positive."""
        del rows
        return ConstantRule("nobody")

    @staticmethod
    def every(rows: Rows) -> ConstantRule:
        """Return the rule that calls every row positive."""
        del rows
        return ConstantRule("everybody")

    def threshold(self, rows: Rows) -> ThresholdRule:
        """Return the best threshold of these rows."""
        key = rows.tobytes()
        if key not in self._thresholds:
            some, is_all = self._some(rows), len(rows) == len(self.sets.target)
            share = 1.0 if is_all else _FOLD_CUTS
            self._thresholds[key] = self._tuned(some, some.score, share)[0]
        return ThresholdRule(self._thresholds[key])

    def by_group(self, rows: Rows) -> GroupThresholds:
        """Return the best thresholds of the groups."""
        n_calls = int(_GROUPS * self.true_loss.max_calls)
        return fit_group_thresholds(
            self.true_loss,
            self._some(rows),
            self.groups,
            self.threshold(rows),
            max_calls=_MOST_CALLS if self.true_loss.is_exact else n_calls,
        )

    def flip(self, rows: Rows, *, given_columns: bool = False) -> FlipRule:
        """Return the flip rule, by the probability of the score, or of columns too."""
        return self._fits.fit(rows, given_columns=given_columns)

    def tilted(self, rows: Rows) -> FlipRule:
        """Return the flip rule with the best slope and offset."""
        some = self._some(rows)
        return self._fits.tilted(
            self.flip(rows), rows, lambda margin: self._tuned(some, margin, _TILT)
        )

    @cached_property
    def _start(self) -> Tensor:
        every = np.arange(len(self.sets.target))
        return self.threshold(every).decide(self.sets.score)

    @cached_property
    def _flips(self) -> TrialFlips:
        """The trial flips, of all rows at once."""
        return TrialFlips.on(self.true_loss, self.sets)

    @cached_property
    def _is_sum(self) -> bool:
        return self._flips.is_sum(self._start[self._flips.rows])

    @cached_property
    def _fits(self) -> FlipFits:
        calls = int(_FLIPS * self.true_loss.max_calls)
        return FlipFits(
            self._flips,
            self.sets,
            self.known,
            self._start,
            is_sum=self._is_sum,
            max_calls=calls,
        )

    def _tuned(self, some: Sets, score: Tensor, share: float) -> tuple[float, float]:
        """Return the best threshold of some scores of these rows, and its loss."""
        loss = self.true_loss
        if not loss.is_exact:
            loss = replace(loss, max_calls=max(int(share * loss.max_calls), 5))
        return best_threshold(
            loss, some.target, score, sample_weight=some.weight, columns=some.columns
        )

    def _some(self, rows: Rows) -> Sets:
        if len(rows) == len(self.sets.target):
            return self.sets
        numbers, sets = torch.from_numpy(rows), self.sets
        return Sets(
            sets.target[numbers],
            sets.score[numbers],
            None if sets.weight is None else sets.weight[numbers],
            take_rows(sets.columns, numbers),
        )


def restore_rule(
    state: Mapping[str, Any],
) -> ConstantRule | ThresholdRule | GroupThresholds | FlipRule:
    """Return the rule of two classes that `to_dict` gave.

    Raises:
        LookupError: If it is the rule of another task.
        ValueError: If a number is not one.
    """
    kind = state["kind"]
    if kind in ("nobody", "everybody"):
        return ConstantRule(kind)
    if kind == "threshold":
        return ThresholdRule(state["threshold"])
    if kind == "threshold by group":
        return GroupThresholds.from_dict(state)
    if kind == "flip":
        return FlipRule.from_dict(state)
    raise LookupError(f"a rule of kind {kind!r}")
