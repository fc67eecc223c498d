"""Result lines brought together: one entry of a table, over its repetitions."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from losslearn_bench.harness.budget import Protocol
from losslearn_bench.tables.markdown import (
    NOT_AVAILABLE,
    bold,
    listed,
    mean_and_deviation,
)
from losslearn_bench.tables.significance import Verdict, verdict

Line = Mapping[str, Any]
"""A finished cell, as it stands in a results file."""


class Key(NamedTuple):
    """Where an entry stands."""

    tier: str
    dataset: str
    metric: str
    method: str


@dataclass(frozen=True)
class Entry:
    """Losses of one method on one data set, by repetition.

    A repetition without a value, as of a training that failed, is not in it.
    """

    test: dict[int, float]
    """Of the test rows."""
    validation: dict[int, float]
    """Of the rows that weights, settings and thresholds were chosen by."""
    test_share: float
    """Test rows over all other rows of the data set. Validation rows are learned from
    too; and a cap on the training rows makes splits share fewer rows, not more."""

    @property
    def n(self) -> int:
        """How many repetitions have a value."""
        return len(self.test)

    @property
    def mean(self) -> float:
        """Mean test loss; NaN without repetitions."""
        return float(np.mean(list(self.test.values()))) if self.test else math.nan

    @property
    def chosen_by(self) -> float:
        """Mean validation loss; NaN without one."""
        found = list(self.validation.values())
        return float(np.mean(found)) if found else math.nan


Entries = dict[Key, Entry]


def collect(lines: Sequence[Line], protocol: Protocol | None = None) -> Entries:
    """Return the lines as entries, once it is known that they belong together.

    They have to be of the protocol that is named, and hold no cell twice.
    """
    check_lines(lines)
    if protocol is not None and lines[0]["protocol"] != protocol:
        raise ValueError(
            f"The lines must be of the protocol {protocol!r}, got "
            f"{lines[0]['protocol']!r}. Pass the lines of the other results file, or "
            "ask for this protocol."
        )
    found: defaultdict[Key, list[Line]] = defaultdict(list)
    for line in lines:
        found[Key(*(line[axis] for axis in Key._fields))].append(line)
    return {key: _entry(key, members) for key, members in found.items()}


def check_lines(lines: Sequence[Line]) -> None:
    """Check that there are lines, of one protocol, budget and version of a data set."""
    if not lines:
        raise ValueError(
            "A table needs result lines, got none. Run the benchmark first, or check "
            "that data sets, tiers, methods and metrics are those of the table."
        )
    protocols = sorted({line["protocol"] for line in lines})
    if len(protocols) > 1:
        raise ValueError(
            f"The lines of a table must share one protocol, got {listed(protocols)}. "
            "Pass those of one."
        )
    first = lines[0]["budget"]
    others = [line["budget"] for line in lines if line["budget"] != first]
    if others:
        names = {
            f"`{name}`"
            for budget in others
            for name in {**first, **budget}
            if first.get(name) != budget.get(name)
        }
        raise ValueError(
            "The lines of a table must share one budget, got different values of "
            f"{listed(sorted(names))}. Pass those of one."
        )
    available: dict[str, int] = {}
    for line in lines:
        name, n_rows = line["dataset"], line["rows"]["available"]
        if available.setdefault(name, n_rows) != n_rows:
            raise ValueError(
                f"The lines of a data set must come from the same rows, got {name!r} "
                f"with {available[name]:,} and with {n_rows:,}. Run one of them again."
            )


def _entry(key: Key, lines: Sequence[Line]) -> Entry:
    """Return the entry of one key's lines."""
    repetitions = [line["repetition"] for line in lines]
    if len(set(repetitions)) < len(repetitions):
        raise ValueError(
            f"A cell must stand in the lines once for each repetition, got {key} with "
            f"the repetitions {sorted(repetitions)}. Leave out the lines of other runs."
        )
    rows = lines[0]["rows"]
    test_share = rows["test"] / (rows["available"] - rows["test"])
    return Entry(_values(lines, "test"), _values(lines, "validation"), test_share)


def _values(lines: Sequence[Line], part: str) -> dict[int, float]:
    """Return the losses of a part by repetition, without those that have no value."""
    found = sorted((line["repetition"], line["losses"][part]) for line in lines)
    return {
        repetition: float(loss)
        for repetition, loss in found
        if loss is not None and math.isfinite(loss)
    }


def of_methods(
    entries: Entries, tier: str, dataset: str, metric: str, methods: Iterable[str]
) -> dict[str, Entry]:
    """Return the entries of some methods in one cell that have a repetition."""
    return {
        name: entry
        for name in methods
        if (entry := entries.get(Key(tier, dataset, metric, name))) and entry.n
    }


def pair(ours: Entry, control: Entry) -> list[tuple[float, float]]:
    """Return the test losses of the repetitions that both have, in order."""
    shared = sorted(ours.test.keys() & control.test.keys())
    return [(ours.test[n], control.test[n]) for n in shared]


def gaps(ours: Entry, control: Entry) -> list[float]:
    """Return how much higher ours is in each repetition that both have."""
    return [mine - other for mine, other in pair(ours, control)]


def compare(ours: Entry, control: Entry) -> Verdict:
    """Judge two entries over the repetitions that both have."""
    shared = pair(ours, control)
    mine, theirs = ([losses[i] for losses in shared] for i in (0, 1))
    return verdict(mine, theirs, test_share=ours.test_share)


def clear_best(entries: Mapping[str, Entry]) -> str | None:
    """Return the method with the lowest mean loss, if it is clearly so.

    Clearly: over the repetitions that both have, at least two, its mean difference to
    each other method exceeds the standard error of that difference.

    Example:
        >>> low, high = {0: 0.1, 1: 0.2}, {0: 0.2, 1: 0.31}
        >>> clear_best({"a": Entry(low, {}, 0.25), "b": Entry(high, {}, 0.25)})
        'a'
    """
    ran = {method: entry for method, entry in entries.items() if entry.n}
    if len(ran) < 2:
        return None
    best = min(ran, key=lambda method: ran[method].mean)
    for method, entry in ran.items():
        if method != best and not _clearly_positive(gaps(entry, ran[best])):
            return None
    return best


def _clearly_positive(found: Sequence[float]) -> bool:
    """Whether the mean exceeds its standard error, and rounding."""
    if len(found) < 2:
        return False
    error = float(np.std(found, ddof=1)) / math.sqrt(len(found))
    return float(np.mean(found)) > max(error, 1e-12)


def best_by_validation(entries: Mapping[str, Entry]) -> str | None:
    """Return the method with the lowest mean validation loss; None if none has run.

    A method with fewer repetitions than another is passed over. Where the lines hold no
    validation losses the test losses decide, in favour of the method chosen.

    Example:
        >>> first = Entry({0: 0.1}, {0: 0.3}, 0.25)
        >>> second = Entry({0: 0.2}, {0: 0.2}, 0.25)
        >>> best_by_validation({"first": first, "second": second})
        'second'
    """
    full = full_count(entries)
    ran = {name: entry for name, entry in entries.items() if 0 < entry.n == full}
    if not ran:
        return None
    by_test = any(math.isnan(entry.chosen_by) for entry in ran.values())
    return min(ran, key=lambda n: ran[n].mean if by_test else ran[n].chosen_by)


def loss_matrix(
    entries: Entries,
    tier: str,
    metric: str,
    datasets: Sequence[str],
    methods: Sequence[str],
) -> NDArray[np.float64]:
    """Return mean losses `[datasets, methods]`.

    NaN where another of these methods has more repetitions on the data set.
    """
    matrix = np.full((len(datasets), len(methods)), np.nan)
    for row, dataset in enumerate(datasets):
        found = of_methods(entries, tier, dataset, metric, methods)
        full = full_count(found)
        for name, entry in found.items():
            if entry.n == full:
                matrix[row, methods.index(name)] = entry.mean
    return matrix


def in_order(names: Iterable[str], order: Iterable[str]) -> list[str]:
    """Return the names once each, those of `order` first, then by the alphabet."""
    found, order = set(names), list(dict.fromkeys(order))
    return [name for name in order if name in found] + sorted(found - set(order))


def full_count(entries: Mapping[Any, Entry]) -> int:
    """Return the most repetitions that an entry has."""
    return max((entry.n for entry in entries.values()), default=0)


def shown(entry: Entry | None, *, full: int) -> str:
    """Return mean and deviation, and n where it is below `full`.

    Example:
        >>> shown(Entry({0: 0.1, 1: 0.2}, {}, 0.25), full=3), shown(None, full=3)
        ('0.1500 ± 0.0707 (n=2)', 'n/a')
    """
    if entry is None or not entry.n:
        return NOT_AVAILABLE
    mark = f" (n={entry.n})" if entry.n < full else ""
    return mean_and_deviation(list(entry.test.values())) + mark


def shown_all(
    entries: Mapping[str, Entry], methods: Iterable[str], *, full: int, best: str | None
) -> dict[str, str]:
    """Return what is shown of each method, the best in bold."""
    texts = {name: shown(entries.get(name), full=full) for name in methods}
    return {**texts, best: bold(texts[best])} if best else texts
