"""Wins, ties and losses of one method against another, over the cells of a tier."""

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from losslearn_bench.grid.methods import HAND_MADE
from losslearn_bench.tables.entries import (
    Entries,
    Entry,
    Key,
    Line,
    best_by_validation,
    collect,
    compare,
    gaps,
    in_order,
    pair,
)
from losslearn_bench.tables.published import PUBLISHED_AS, TABLE_1
from losslearn_bench.tables.significance import VERDICTS, Verdict

CONTROL = "cross_entropy"
"""What every method has to beat."""

REFINED = "sl_r"
"""The paper's method: one branch, whatever comes of it."""

OURS = ("default_fit", REFINED)
"""The learned loss as users of the estimator get it, and as the paper has it."""

DERIVED = "sl_r_or_cross_entropy"
"""Refined or control: the lower validation loss, in each cell and repetition."""

CHECKS = ("constant", "cheating")
"""Not methods: they check the benchmark itself."""

_HAND_MADE = {method.name for method in HAND_MADE} - {
    "evolution_strategies"  # estimates a gradient, has no loss of its own
}


class Tally(NamedTuple):
    """How a method fared over the cells that it shares with another."""

    wins: int
    ties: int
    losses: int
    fewest: int
    """The fewest repetitions that a cell was judged by."""
    most: int
    """The most."""

    @property
    def n(self) -> int:
        """How many cells were judged."""
        return self.wins + self.ties + self.losses


class Order(NamedTuple):
    """How often a test loss is lower than another, the same, or higher."""

    lower: int
    equal: int
    higher: int

    def __str__(self) -> str:
        """Return the three counts as a table has them."""
        return " / ".join(map(str, self))


def count_verdicts(verdicts: Iterable[Verdict]) -> str:
    """Return how many wins, ties and losses there are, as a table has them."""
    counts = Counter(verdicts)
    return " / ".join(str(counts[verdict]) for verdict in VERDICTS)


class Contrast(NamedTuple):
    """The test losses of two methods in one cell, repetition by repetition."""

    key: Key
    ours: list[float]
    control: list[float]
    verdict: Verdict


Cells = Mapping[tuple[str, str], Entry]
"""Entries of one method in one tier, by data set and metric."""


def is_hand_made(method: str) -> bool:
    """Whether a method trains for a loss that somebody wrote down, cross-entropy too.

    Example:
        >>> is_hand_made("focal"), is_hand_made("sl_r"), is_hand_made("xgboost")
        (True, False, False)
    """
    return method in _HAND_MADE


def cells_of(entries: Entries, tier: str, method: str) -> dict[tuple[str, str], Entry]:
    """Return a method's entries in a tier that have a repetition."""
    return {
        (key.dataset, key.metric): entry
        for key, entry in entries.items()
        if key.tier == tier and key.method == method and entry.n
    }


def best_hand_made(entries: Entries, tier: str) -> dict[tuple[str, str], Entry]:
    """Return, for each cell, the hand-made loss with the lowest validation loss."""
    by_cell: defaultdict[tuple[str, str], dict[str, Entry]] = defaultdict(dict)
    for key, entry in entries.items():
        if key.tier == tier and is_hand_made(key.method):
            by_cell[key.dataset, key.metric][key.method] = entry
    return {
        cell: found[best]
        for cell, found in by_cell.items()
        if (best := best_by_validation(found)) is not None
    }


def contrasts(lines: Sequence[Line], *, ours: str, control: str) -> list[Contrast]:
    """Return every cell that both methods ran in.

    Tiers stand in the order of the lines, data sets and losses in that of the paper.
    """
    entries = collect(lines)
    found = {}
    for key, entry in entries.items():
        other = entries.get(key._replace(method=control))
        if key.method == ours and other is not None and pair(entry, other):
            found[key] = contrast(key, entry, other)
    order = itertools.product(
        dict.fromkeys(key.tier for key in found),
        in_order({key.dataset for key in found}, TABLE_1),
        in_order({key.metric for key in found}, PUBLISHED_AS.values()),
        [ours],
    )
    return [found[key] for key in itertools.starmap(Key, order) if key in found]


def contrast(key: Key, ours: Entry, control: Entry) -> Contrast:
    """Return one cell of `contrasts`."""
    mine, theirs = map(list, zip(*pair(ours, control), strict=True))
    return Contrast(key, mine, theirs, compare(ours, control))


def with_derived(entries: Entries) -> Entries:
    """Return the entries, and those of `sl_r_or_cross_entropy` where both ran."""
    derived = {}
    for key, ours in entries.items():
        control = entries.get(key._replace(method=CONTROL))
        if key.method == REFINED and control:
            chosen = _lower_on_validation(key, ours, control)
            derived[key._replace(method=DERIVED)] = chosen
    return {**entries, **derived}


def _lower_on_validation(key: Key, ours: Entry, control: Entry) -> Entry:
    """Return each repetition of the better of two; the control wins a tie."""
    test, validation = {}, {}
    validated = ours.validation.keys() & control.validation.keys()
    for repetition in sorted(ours.test.keys() & control.test.keys()):
        if repetition not in validated:
            raise ValueError(
                f"Choosing between {REFINED!r} and {CONTROL!r} needs the validation "
                f"losses of both, got none in repetition {repetition} of {key}. Run "
                "these cells again."
            )
        wins = ours.validation[repetition] < control.validation[repetition]
        chosen = ours if wins else control
        test[repetition] = chosen.test[repetition]
        validation[repetition] = chosen.validation[repetition]
    return Entry(test, validation, ours.test_share)


def tally(ours: Cells, rival: Cells) -> Tally | None:
    """Judge the cells that both have; None if they share no repetition.

    A cell with one shared repetition is a tie, since nothing tells how sure it is.
    """
    counts: Counter[Verdict] = Counter()
    repetitions = []
    for cell in ours.keys() & rival.keys():
        if shared := len(pair(ours[cell], rival[cell])):
            counts[compare(ours[cell], rival[cell])] += 1
            repetitions.append(shared)
    if not repetitions:
        return None
    most, fewest = max(repetitions), min(repetitions)
    return Tally(counts["win"], counts["tie"], counts["loss"], fewest, most)


def orders(ours: Cells, rival: Cells) -> tuple[Order, Order]:
    """Compare the losses of the cells that both have, whatever a test says of them.

    Returns:
        The order of the means, a cell each; and of the losses, a repetition each.
    """
    means, fits = [], []
    for cell in ours.keys() & rival.keys():
        if found := gaps(ours[cell], rival[cell]):
            fits += found
            means.append(sum(found))
    return order_of(means), order_of(fits)


def order_of(differences: Sequence[float]) -> Order:
    """Return how many differences are below, at and above 0."""
    lower = sum(gap < 0 for gap in differences)
    higher = sum(gap > 0 for gap in differences)
    return Order(lower, len(differences) - lower - higher, higher)
