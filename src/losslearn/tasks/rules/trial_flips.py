"""What one row's decision is worth to a metric, found by trying."""

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from losslearn.metrics import Sets, TrueLoss
from losslearn.metrics.columns import take_rows

Floats = NDArray[np.float64]

_MAX_ROWS = 20_000
"""Rows that a metric is called on, drawn from all."""
_CHUNK = 2_000_000
"""Decisions held at a time."""
_CALLS_EACH = 3
_N_CHECKED = 12
_SAME = 1e-6


@dataclass
class TrialFlips:
    """Gains of single decisions, each by the loss with and without it.

    The gain of calling row i positive is L(not called) - L(called), once with its
    target set to 0, once to 1, all other rows as they are.
    """

    true_loss: TrueLoss
    sets: Sets
    """One set of rows; of very many, some."""
    rows: Tensor
    """Which rows of the whole these are."""
    tried: list[tuple[NDArray[np.intp], Floats]] = field(default_factory=list)
    """Rows of these, and their gains for target 0 and 1, in the order tried."""
    n_calls: int = 0

    @classmethod
    def on(cls, true_loss: TrueLoss, sets: Sets) -> "TrialFlips":
        """Return flips of the rows, none tried yet."""
        n = len(sets.target)
        rows = torch.arange(n)
        if n > _MAX_ROWS:
            rows = torch.randperm(n, generator=torch.Generator().manual_seed(0))
            rows = rows[:_MAX_ROWS].sort().values
        some = Sets(
            sets.target[rows],
            sets.score[rows],
            None if sets.weight is None else sets.weight[rows],
            take_rows(sets.columns, rows),
        )
        return cls(true_loss.of_decisions(), some, rows)

    def is_sum(self, decided: Tensor) -> bool:
        """Whether gains are the same whatever is decided on the other rows.

        As those of any sum over rows are; seen by a few rows, with all decisions as
        given and the other way round.
        """
        places = np.random.default_rng(0).permutation(len(decided))[:_N_CHECKED]
        gains = self.try_rows(places, decided)
        other_way = 1 - decided
        other_way[torch.from_numpy(places)] = decided[torch.from_numpy(places)]
        others = self.try_rows(places, other_way)
        self.tried.pop()
        size = np.nanmax(np.abs(gains), initial=0.0)
        return bool(np.nanmax(np.abs(gains - others), initial=0.0) <= _SAME * size)

    def try_rows(self, places: NDArray[np.intp], decided: Tensor) -> Floats:
        """Return the gains of some rows, with all rows decided as given.

        Args:
            places: Numbers of rows among `sets`.
            decided: Decision on each row, 0 or 1.

        Returns:
            Shape `[rows, 2]`: for target 0 and for 1; NaN where the loss has no value.
        """
        target, n = self.sets.target, len(self.sets.target)
        found = np.empty((len(places), 2))
        base = float(self._losses(target[None], decided[None])[0])
        step = max(_CHUNK // (_CALLS_EACH * n), 1)
        for start in range(0, len(places), step):
            rows = torch.from_numpy(places[start : start + step])
            size = (len(rows), _CALLS_EACH, n)
            y, d = target.expand(size).clone(), decided.expand(size).clone()
            which = torch.arange(len(rows))
            own_y, own_d = target[rows], decided[rows]
            # decided otherwise; another target; both
            d[which, 0, rows] = d[which, 2, rows] = 1 - own_d
            y[which, 1, rows] = y[which, 2, rows] = 1 - own_y
            losses = self._losses(y.reshape(-1, n), d.reshape(-1, n)).reshape(-1, 3)
            otherwise, other_y, both = losses.T
            sign = 1 - 2 * own_d.double().numpy()  # gain of being called positive
            as_is, as_other = sign * (base - otherwise), sign * (other_y - both)
            is_one = own_y.numpy() == 1
            part = found[start : start + step]
            part[:, 0] = np.where(is_one, as_other, as_is)
            part[:, 1] = np.where(is_one, as_is, as_other)
        self.tried.append((places, found))
        return found

    def _losses(self, target: Tensor, decided: Tensor) -> Floats:
        self.n_calls += len(target)
        score = decided.double()
        sets = Sets(target, score, self.sets.weight, self.sets.columns)
        losses: Floats = self.true_loss.tried(sets, is_trial=True).double().numpy()
        return losses


def choose_probes(columns: Floats, n_probes: int, *, seed: int) -> NDArray[np.intp]:
    """Return rows to try: half by chance, half spread evenly over the columns' values.

    The largest and the smallest values of each column are among them: extreme amounts
    are few, and count most.

    Args:
        columns: Shape `[rows, columns]`.
        n_probes: How many, at most.
        seed: Of the draws.
    """
    n = len(columns)
    draw = np.random.default_rng(seed)
    if n <= n_probes:
        return np.arange(n)
    spread: list[NDArray[np.intp]] = []
    each = max(n_probes // (2 * max(columns.shape[1], 1)), 2)
    for column in columns.T:
        order = np.lexsort((draw.random(n), column))
        spread.append(order[np.linspace(0, n - 1, each).astype(np.intp)])
    chosen = np.unique(np.concatenate([*spread, np.empty(0, np.intp)]))[:n_probes]
    others = np.setdiff1d(np.arange(n), chosen)
    more = draw.choice(others, n_probes - len(chosen), replace=False)
    return np.sort(np.concatenate([chosen, more]))
