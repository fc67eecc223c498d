"""Two ways to decide, held against each other over problems and models."""

import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from losslearn_bench.decisions.jobs import CONSTANTS, OURS, Line
from losslearn_bench.decisions.problems import PROBLEMS, Kind
from losslearn_bench.tables.family import judge_family
from losslearn_bench.tables.significance import Verdict

_ROUNDING = 1e-12


class Key(NamedTuple):
    """Where a value stands."""

    problem: str
    model: str
    """With its branch, as "linear trained"."""
    way: str
    """Such as "threshold" or "rule"."""


Values = dict[Key, dict[int, float]]
"""By split."""


def collect(lines: Iterable[Line]) -> Values:
    """Return the values of lines; those that are none are left out."""
    found: defaultdict[Key, dict[int, float]] = defaultdict(dict)
    for line in lines:
        for way, value in line["values"].items():
            if value is not None and math.isfinite(value):
                key = Key(line["problem"], model_of(line), way)
                found[key][line["repetition"]] = value
    return dict(found)


def model_of(line: Line) -> str:
    """Return a model's name, its branch with it."""
    return f"{line['model']} {line['branch']}".strip()


class Cell(NamedTuple):
    """What was held against what, with how much higher it is in each split."""

    ours: Key
    theirs: Key
    gaps: list[float]

    @property
    def kind(self) -> Kind:
        """Of its problem."""
        return PROBLEMS[self.ours.problem].kind

    @property
    def is_behind(self) -> bool:
        """Whether the mean is lower by more than the gaps' spread."""
        spread = statistics.stdev(self.gaps) if len(self.gaps) > 1 else math.inf
        return statistics.fmean(self.gaps) < -max(spread, _ROUNDING)


Rival = Callable[[Key], Key | None]
"""Names what a value is held against; None where it has no part."""


def _way(ours: str, theirs: str) -> Rival:
    return lambda key: key._replace(way=theirs) if key.way == ours else None


def _nothing(key: Key) -> Key | None:
    return Key(key.problem, CONSTANTS, "nothing") if key.way == "rule" else None


def _peer_model(key: Key) -> Key | None:
    linear = PROBLEMS[key.problem].kind == "groups"
    peers = {
        "logistic": "exponentiated_gradient" if linear else "empulse_logit",
        "lightgbm": "empulse_boost",
    }
    if key.way != "rule" or key.model not in peers:
        return None
    return Key(key.problem, peers[key.model], "peer")


def _branches(ours: str, theirs: str) -> Rival:
    """Compare the trained branch with its control, each by a way to decide."""

    def rival(key: Key) -> Key | None:
        kind, _, branch = key.model.partition(" ")
        if kind not in OURS or branch != "trained" or key.way != ours:
            return None
        return Key(key.problem, f"{kind} control", theirs)

    return rival


CONTRASTS: dict[str, Rival] = {
    "rule against threshold": _way("rule", "threshold"),
    "rule against formula": _way("rule", "formula"),
    "rule against doing nothing": _nothing,
    "rule against a peer's decision by the same model": _way("rule", "peer"),
    "rule against a peer's model of the same class": _peer_model,
    "trained + threshold against threshold": _branches("threshold", "threshold"),
    "trained + threshold against rule": _branches("threshold", "rule"),
    "trained + rule against rule": _branches("rule", "rule"),
    "trained against control, metrics of scores": _branches("scores", "scores"),
}
"""What is compared, in the order of the summary."""


def cells_of(values: Values, rival: Rival) -> list[Cell]:
    """Return what can be compared, split by split."""
    found = []
    for key, own in values.items():
        other = rival(key)
        theirs = {} if other is None else values.get(other, {})
        shared = sorted(own.keys() & theirs.keys())
        if other is not None and shared:
            found.append(Cell(key, other, [own[n] - theirs[n] for n in shared]))
    return found


class Tally(NamedTuple):
    """Cells and their verdicts, alone and as a family (Holm)."""

    cells: list[Cell]
    verdicts: list[Verdict]
    by_holm: list[Verdict]


def judge(cells: Sequence[Cell]) -> Tally:
    """Return the verdicts of cells."""
    return Tally(list(cells), *judge_family([cell.gaps for cell in cells]))


def rules_of(lines: Iterable[Line]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Return the learned rules by problem and model."""
    found: defaultdict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for line in lines:
        if line["rule"] is not None:
            found[line["problem"], model_of(line)].append(line["rule"])
    return dict(found)
