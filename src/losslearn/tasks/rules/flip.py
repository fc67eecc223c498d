"""Calls a row positive where that is expected to lower the loss."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from losslearn.metrics import Loss, Sets, TrueLoss
from losslearn.metrics.columns import NO_COLUMNS, Columns
from losslearn.tasks.rules.gains import Gains
from losslearn.tasks.rules.probabilities import (
    Probability,
    choose_kind,
    fit_given_columns,
    fit_probability,
)
from losslearn.tasks.rules.simple import judged_by
from losslearn.tasks.rules.trial_flips import TrialFlips, choose_probes

Floats = NDArray[np.float64]

_TURNS = 3
"""Times that flips of a loss which is no sum over rows are tried."""
_TILTS = (0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True, kw_only=True)
class FlipRule:
    """Positive where `p x gain(1, columns) + (1 - p) x gain(0, columns) > 0`.

    With p the probability of the positive class. A tilted rule asks for log-odds of at
    least `slope` times those of the break-even probability, plus an `offset`.
    """

    columns: tuple[str, ...]
    probability: Probability
    gains: Gains
    slope: float = 1.0
    offset: float = 0.0

    def judged(self, true_loss: TrueLoss) -> Loss:
        """Return the loss of these decisions."""
        return judged_by(self, true_loss) if true_loss.needs_rule else true_loss

    def decide(self, score: Tensor, columns: Columns = NO_COLUMNS) -> Tensor:
        """Return 1 for the rows called positive, else 0."""
        by_row = stacked(columns, self.columns, score)
        s = score.detach().double().cpu().numpy()
        p = self.probability.of(s, by_row)
        gains = self.gains.of(by_row.reshape(-1, len(self.columns)))
        zero, one = (part.reshape(p.shape) for part in gains.T)
        found = p * one + (1 - p) * zero > 0
        if (self.slope, self.offset) != (1.0, 0.0):
            beyond = _margin(p, zero, one, self.slope) >= self.offset
            found = np.where(one > zero, beyond, found)
        return torch.from_numpy(found.astype(np.int64)).to(score.device)

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as JSON knows it."""
        return {
            "kind": "flip",
            "columns": list(self.columns),
            "probability": self.probability.to_dict(),
            "gains": self.gains.to_dict(),
            "slope": self.slope,
            "offset": self.offset,
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> "FlipRule":
        """Undo `to_dict`."""
        return cls(
            columns=tuple(map(str, state["columns"])),
            probability=Probability.from_dict(state["probability"]),
            gains=Gains.from_dict(state["gains"]),
            slope=float(state["slope"]),
            offset=float(state["offset"]),
        )


def stacked(columns: Columns, names: Sequence[str], score: Tensor) -> Floats:
    """Return columns as one array, `[*score, columns]`."""
    each = [columns[name].double().expand(score.shape) for name in names]
    return torch.stack(each, dim=-1).cpu().numpy()


def _log_odds(p: Floats) -> Floats:
    p = p.clip(1e-9, 1 - 1e-9)
    found: Floats = np.log(p) - np.log1p(-p)
    return found


def _margin(p: Floats, zero: Floats, one: Floats, slope: float) -> Floats:
    """Return log-odds above those of break-even; only meant where `one > zero`."""
    spread = np.where(one > zero, one - zero, 1.0)
    return _log_odds(p) - slope * _log_odds(-zero / spread)


class FlipFits:
    """Flip rules of some rows, which share their trial flips."""

    def __init__(
        self,
        flips: TrialFlips,
        sets: Sets,
        known: Sequence[str],
        start: Tensor,
        *,
        is_sum: bool,
        max_calls: int,
    ) -> None:
        """Try the flips.

        Those of a sum over rows once; for any other loss they are tried again from the
        decisions that they lead to, and averaged with those before.

        Args:
            flips: Of these rows.
            sets: One set of rows.
            known: Columns known when deciding.
            start: Decisions to begin with.
            is_sum: Whether the loss is such a sum.
            max_calls: Of a user's function.
        """
        self._sets, self._names = sets, tuple(known)
        self._columns = stacked(sets.columns, known, sets.score)
        self._score = sets.score.double().numpy()
        self._target = sets.target.numpy()
        self._weight = None if sets.weight is None else sets.weight.double().numpy()
        self._kind = choose_kind(self._score, self._target, self._weight)
        self._flips, self._rows_of = flips, flips.rows.numpy()
        decided, turns = start, 1 if is_sum else _TURNS
        for turn in range(turns):
            self._try(decided[flips.rows], max_calls // (3 * turns), seed=turn)
            if turn + 1 < turns:
                rule = self.fit(np.arange(len(self._target)))
                decided = rule.decide(sets.score, sets.columns)

    def _try(self, decided: Tensor, n_probes: int, *, seed: int) -> None:
        columns, flips = self._columns[self._rows_of], self._flips
        flips.try_rows(choose_probes(columns, max(n_probes, 8), seed=seed), decided)
        places = np.concatenate([self._rows_of[rows] for rows, _ in flips.tried])
        gains = np.concatenate([gains for _, gains in flips.tried])
        known = np.isfinite(gains).all(axis=1)
        self._everywhere = places[known], gains[known]

    def fit(self, rows: NDArray[np.intp], *, given_columns: bool = False) -> FlipRule:
        """Return the rule of some rows: their probabilities, and their probes."""
        score, target = self._score[rows], self._target[rows]
        weight = None if self._weight is None else self._weight[rows]
        if given_columns:
            columns = self._columns[rows]
            probability = fit_given_columns(score, columns, target, weight)
        else:
            probability = fit_probability(self._kind, score, target, weight)
        places, gains = self._everywhere
        own = np.isin(places, rows)
        carried = Gains.fit(self._columns[places[own]], gains[own])
        return FlipRule(columns=self._names, probability=probability, gains=carried)

    def tilted(
        self,
        rule: FlipRule,
        rows: NDArray[np.intp],
        tune: Callable[[Tensor], tuple[float, float]],
    ) -> FlipRule:
        """Return the rule with the slope and offset of the lowest loss.

        Args:
            rule: To tilt.
            rows: That it was fitted to.
            tune: Returns the best threshold of scores of these rows, and its loss.
        """
        best = replace(rule), np.inf
        p = rule.probability.of(self._score[rows], self._columns[rows])
        zero, one = rule.gains.of(self._columns[rows]).T
        for slope in _TILTS:
            margin = torch.from_numpy(_margin(p, zero, one, slope))
            threshold, loss = tune(margin)
            if loss < best[1]:
                best = replace(rule, slope=slope, offset=threshold), loss
        return best[0]
