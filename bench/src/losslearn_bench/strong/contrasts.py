"""What training a strong model for the metric adds, cell by cell."""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from losslearn_bench.grid.job import Line
from losslearn_bench.strong.goals import GOALS, Goal
from losslearn_bench.tables.family import judge_family
from losslearn_bench.tables.significance import Verdict

OURS = "trained"
RIVALS = {
    "usual_stopped": "stopped by the metric, best decision",
    "usual_decided": "best decision",
    "usual": "decided at 1/2",
    "formula": "knows the formula",
}
"""What the estimator is held against, the bar first."""
_ROUNDING = 1e-12


class Key(NamedTuple):
    """Where a loss stands."""

    goal: str
    model: str


Losses = dict[int, float]
"""By split."""
Cells = dict[Key, list[Line]]
"""The lines of each goal and model."""


def cells_of(lines: Iterable[Line]) -> Cells:
    """Return the lines that hold losses, the last of each fit, in the goals' order."""
    last = {
        (line["goal"], line["model"], line["repetition"]): line
        for line in lines
        if "error" not in line
    }
    found: defaultdict[Key, list[Line]] = defaultdict(list)
    order = list(GOALS)
    for key in sorted(last, key=lambda key: (order.index(key[0]), *key[1:])):
        found[Key(*key[:2])].append(last[key])
    return dict(found)


def losses_of(lines: Sequence[Line], method: str) -> Losses:
    """Return a method's test losses, where it has any."""
    return {
        line["repetition"]: line["losses"][method]["test"]
        for line in lines
        if line["losses"].get(method, {}).get("test") is not None
    }


class Contrast(NamedTuple):
    """Two losses of a goal over the splits that have both."""

    key: Key
    ours: list[float]
    theirs: list[float]

    @property
    def goal(self) -> Goal:
        """What both are judged by."""
        return GOALS[self.key.goal]

    @property
    def gaps(self) -> list[float]:
        """By how much ours is lower in each split."""
        return [b - a for a, b in zip(self.ours, self.theirs, strict=True)]

    @property
    def change(self) -> float:
        """By how many % of the other's size ours is higher; 0 where both are 0."""
        ours, theirs = statistics.fmean(self.ours), statistics.fmean(self.theirs)
        size = abs(theirs)
        return 100 * (ours - theirs) / size if size > _ROUNDING else 0.0


def pair(key: Key, ours: Losses, theirs: Losses) -> Contrast | None:
    """Return two losses side by side; None where no split has both."""
    shared = sorted(ours.keys() & theirs.keys())
    if not shared:
        return None
    return Contrast(key, [ours[n] for n in shared], [theirs[n] for n in shared])


def against(cells: Cells, rival: str) -> list[Contrast]:
    """Return the estimator beside a method of its own lines, for each cell."""
    found = (
        pair(key, losses_of(lines, OURS), losses_of(lines, rival))
        for key, lines in cells.items()
    )
    return [one for one in found if one is not None]


class Tally(NamedTuple):
    """Contrasts with their verdicts, alone and as a family (Holm)."""

    contrasts: list[Contrast]
    verdicts: list[Verdict]
    by_holm: list[Verdict]

    def named(self, verdict: Verdict, *, by_holm: bool = False) -> list[Contrast]:
        """Return the contrasts of a verdict."""
        verdicts = self.by_holm if by_holm else self.verdicts
        both = zip(self.contrasts, verdicts, strict=True)
        return [one for one, found in both if found == verdict]


def judge(contrasts: Sequence[Contrast]) -> Tally:
    """Return the verdicts on contrasts, which are one family."""
    verdicts = judge_family([one.gaps for one in contrasts])
    return Tally(list(contrasts), *verdicts)


class Accepted(NamedTuple):
    """Fits whose learned branch was taken, by how it does on the test rows."""

    n_fits: int
    better: int
    same: int
    worse: int

    @property
    def n(self) -> int:
        """How many were taken."""
        return self.better + self.same + self.worse


def count_accepted(lines: Iterable[Line]) -> Accepted:
    """Return how often the learned branch was taken, and how it does beside its own.

    The other branch is the same model by its usual loss.
    """
    gaps, n = [], 0
    for line in lines:
        branches = [line["losses"].get(f"branch_{one}") for one in ("learned", "usual")]
        if None in branches:
            continue
        n += 1
        learned, usual = (branch["test"] for branch in branches)
        if line["accepted"] and learned is not None and usual is not None:
            gaps.append(learned - usual)
    better = sum(gap < -_ROUNDING for gap in gaps)
    worse = sum(gap > _ROUNDING for gap in gaps)
    return Accepted(n, better, len(gaps) - better - worse, worse)
