"""One method against another, cell by cell, as figures show it."""

from collections.abc import Sequence
from typing import NamedTuple

from losslearn_bench.grid.job import Line
from losslearn_bench.tables.entries import collect, compare, in_order, pair
from losslearn_bench.tables.published import PUBLISHED_AS, TABLE_1
from losslearn_bench.tables.significance import Verdict


class Contrast(NamedTuple):
    """The test losses of two methods in one cell, repetition by repetition."""

    tier: str
    dataset: str
    metric: str
    ours: list[float]
    control: list[float]
    verdict: Verdict


def contrasts(lines: Sequence[Line], *, ours: str, control: str) -> list[Contrast]:
    """Return every cell that both methods ran in.

    Tiers stand in the order of the lines, data sets and losses in that of the paper,
    the same for each.

    Raises:
        ValueError: If the lines do not belong into one table.
    """
    entries = collect(lines)
    found = []
    for key, entry in entries.items():
        other = entries.get(key._replace(method=control))
        if key.method != ours or other is None:
            continue
        shared = pair(entry, other)
        if shared:
            found.append(
                Contrast(
                    key.tier,
                    key.dataset,
                    key.metric,
                    [entry.test[repetition] for repetition in shared],
                    [other.test[repetition] for repetition in shared],
                    compare(entry, other),
                )
            )
    datasets = in_order({one.dataset for one in found}, list(TABLE_1))
    metrics = in_order({one.metric for one in found}, list(PUBLISHED_AS.values()))
    tiers = list(dict.fromkeys(one.tier for one in found))
    return sorted(
        found,
        key=lambda one: (
            tiers.index(one.tier),
            datasets.index(one.dataset),
            metrics.index(one.metric),
        ),
    )
