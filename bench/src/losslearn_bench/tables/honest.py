"""Every method against every other, tier by tier, and what it comes to."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from losslearn_bench.harness.budget import Protocol
from losslearn_bench.tables.caption import caption, label
from losslearn_bench.tables.entries import (
    Entries,
    Line,
    clear_best,
    collect,
    full_count,
    in_order,
    loss_matrix,
    of_methods,
    shown_all,
)
from losslearn_bench.tables.markdown import (
    NOT_AVAILABLE,
    listed,
    markdown_table,
    number,
    paragraphs,
)
from losslearn_bench.tables.outcomes import (
    CHECKS,
    CONTROL,
    DERIVED,
    OURS,
    REFINED,
    Cells,
    best_hand_made,
    cells_of,
    orders,
    tally,
    with_derived,
)
from losslearn_bench.tables.published import PUBLISHED_AS, TABLE_1
from losslearn_bench.tables.significance import (
    average_ranks,
    critical_difference,
    friedman,
    indistinguishable_groups,
    wilcoxon,
)

_TIERS = ("linear", "mlp", "trees")
_RULES: dict[Protocol, str] = {
    "honest": "",
    "paper": " by the paper's protocol (oracle thresholds, Jaccard is accuracy)",
}
_FEWEST_SETS = 5  # with fewer the signed-rank test cannot reject
_FIRST = (*OURS, "sl_u", "sl_s", CONTROL)


class Paired(NamedTuple):
    """A learned loss beside the control, by mean losses over data sets."""

    lower: int
    """On how many data sets ours is lower, by however little."""
    higher: int
    p_value: float
    """Of the signed-rank test; NaN for fewer than five data sets."""


@dataclass(frozen=True)
class Ranking:
    """Average ranks of the methods that ran in full on all data sets of a table."""

    ranks: dict[str, float]
    """By method, 1 is best."""
    n_datasets: int
    p_value: float
    """Of Friedman's test; NaN for fewer than three methods or two data sets."""
    left_out: list[str]
    """Methods that lack a data set or a repetition that others have."""
    sets_left_out: list[str]
    """Data sets that fewer than half of the methods ran on."""
    paired: dict[str, Paired] = field(default_factory=dict)
    """By learned loss, against the control; empty where that is not ranked."""

    @property
    def critical_difference(self) -> float:
        """How far apart two of the ranks must be to differ."""
        return critical_difference(len(self.ranks), self.n_datasets)


def honest_table(lines: Sequence[Line], protocol: Protocol = "honest") -> str:
    """Return the losses of all methods, their ranks and their wins, ties and losses.

    For each tier and metric a table of mean test losses and standard deviations, bold
    where clearly best (see `clear_best`), average ranks with their critical difference,
    and the learned losses against cross-entropy by a signed-rank test over the data
    sets. Then, for each tier, verdicts (see `significance.verdict`): every method
    against cross-entropy and the refined surrogate, the learned losses against the
    hand-made loss of each cell with the lowest mean validation loss.
    """
    entries = collect(lines, protocol)
    parts = [
        f"Test losses{_RULES[protocol]}, lower is better: mean ± standard deviation "
        "over random splits; bold where lower than all others by more than a standard "
        "error. n marks entries of fewer repetitions.",
        caption(lines),
    ]
    for tier in in_order({key.tier for key in entries}, _TIERS):
        parts.append(f"### {tier}")
        measured = {key.metric for key in entries if key.tier == tier}
        for metric in in_order(measured, PUBLISHED_AS.values()):
            ranking = rank_methods(entries, tier, metric)
            parts += [
                f"#### {tier}, {metric}",
                _losses(entries, lines, tier, metric, ranking),
                _rank_note(ranking),
            ]
        parts += [f"#### {tier}, wins, ties and losses", *_outcomes(entries, tier)]
    return paragraphs(*parts)


def rank_methods(entries: Entries, tier: str, metric: str) -> Ranking:
    """Return the average ranks of the methods over the data sets of a metric.

    Left out are data sets that fewer than half of the methods ran on, as one of the
    user's own, then methods that lack a data set or repetitions, and all checks.
    """
    datasets, methods = _axes(entries, tier, metric)
    methods = [method for method in methods if method not in CHECKS]
    ran = Counter(
        key.dataset
        for key in entries
        if (key.tier, key.metric) == (tier, metric) and key.method in methods
    )
    too_few = [name for name in datasets if 2 * ran[name] < len(methods)]
    datasets = [name for name in datasets if name not in too_few]
    matrix = loss_matrix(entries, tier, metric, datasets, methods)
    in_full = np.flatnonzero(~np.isnan(matrix).any(axis=0))
    ranked = [methods[place] for place in in_full]
    left_out = [name for name in methods if name not in ranked]
    if len(ranked) < 2:
        return Ranking({}, len(datasets), math.nan, left_out, too_few)
    matrix = matrix[:, in_full]
    ranks = dict(zip(ranked, average_ranks(matrix).ranks.tolist(), strict=True))
    paired = _pair(matrix, ranked)
    return Ranking(ranks, len(datasets), friedman(matrix), left_out, too_few, paired)


def _pair(matrix: NDArray[np.float64], ranked: Sequence[str]) -> dict[str, Paired]:
    """Return how the learned losses and the control compare over the data sets."""
    found = {}
    for name in OURS if CONTROL in ranked else ():
        if name not in ranked:
            continue
        gaps = matrix[:, ranked.index(name)] - matrix[:, ranked.index(CONTROL)]
        gaps = gaps.round(12)  # rounding alone is no difference
        enough = len(gaps) >= _FEWEST_SETS
        p_value = wilcoxon(gaps.tolist()).p_value if enough else math.nan
        found[name] = Paired(int((gaps < 0).sum()), int((gaps > 0).sum()), p_value)
    return found


def _axes(entries: Entries, tier: str, metric: str) -> tuple[list[str], list[str]]:
    """Return data sets and methods of a table; checks come last."""
    keys = [key for key in entries if (key.tier, key.metric) == (tier, metric)]
    methods = in_order({key.method for key in keys}, _FIRST)
    methods.sort(key=lambda name: name in CHECKS)
    return in_order({key.dataset for key in keys}, TABLE_1), methods


def _losses(
    entries: Entries, lines: Sequence[Line], tier: str, metric: str, ranking: Ranking
) -> str:
    """Return the table of one metric: methods by data sets, and their ranks."""
    datasets, methods = _axes(entries, tier, metric)
    full = full_count(entries)
    columns = []
    for dataset in datasets:
        found = of_methods(entries, tier, dataset, metric, methods)
        best = clear_best({n: entry for n, entry in found.items() if n not in CHECKS})
        columns.append(shown_all(found, methods, full=full, best=best))
    rows = [
        [
            f"{name} (check)" if name in CHECKS else name,
            *(column[name] for column in columns),
            number(ranking.ranks.get(name, math.nan), 2),
        ]
        for name in methods
    ]
    header = ["method", *(label(dataset, lines) for dataset in datasets), "rank"]
    return markdown_table(header, rows)


def _rank_note(ranking: Ranking) -> str:
    """Return how far the ranks can be trusted."""
    reasons = {
        "ranked, for want of data sets or repetitions": ranking.left_out,
        "ranked on, for want of methods": ranking.sets_left_out,
    }
    told = {reason: listed(names) for reason, names in reasons.items() if names}
    left_out = "".join(f" Not {reason}: {names}." for reason, names in told.items())
    ranked = list(ranking.ranks)
    if len(ranked) < 2:
        return f"Ranks need two methods that ran in full.{left_out}"
    cd = ranking.critical_difference
    groups = indistinguishable_groups(list(ranking.ranks.values()), cd)
    alike = "; ".join(listed([ranked[place] for place in group]) for group in groups)
    paired = "".join(
        f" {name} against {CONTROL}: mean loss lower on {found.lower} and higher "
        f"on {found.higher} data set(s), p = {number(found.p_value, 3)} "
        "(Wilcoxon signed-rank)."
        for name, found in ranking.paired.items()
    )
    return (
        f"Ranks over {ranking.n_datasets} data set(s) and {len(ranked)} methods; "
        f"Friedman p = {number(ranking.p_value, 3)}; critical difference "
        f"{cd:.2f} (Nemenyi, 5 %). Not told apart: {alike or 'none'}."
        f"{paired}{left_out}"
    )


def _outcomes(entries: Entries, tier: str) -> list[str]:
    """Return every method against the control and SL-R, ours against the best loss."""
    every = with_derived(entries)
    ran = {key.method for key in every if key.tier == tier}
    methods = in_order(ran, (*OURS, DERIVED, *_FIRST))
    cells = {n: cells_of(every, tier, n) for n in methods if n not in CHECKS}
    control = cells.pop(CONTROL, {})
    if not control:
        return [f"{CONTROL} did not run in this tier: there is nothing to judge by."]
    best = best_hand_made(entries, tier)
    ours = {name: cells[name] for name in (*OURS, DERIVED) if name in cells}
    others = {n: found for n, found in cells.items() if n not in (REFINED, DERIVED)}
    parts = []
    if cells:
        parts += [
            f"Against {CONTROL} (corrected resampled t-test, 5 %; a cell is a data set "
            "and a metric):",
            _tallies(cells, control),
        ]
    if ours:
        parts += [
            "Against the best hand-made loss of each cell, by its validation loss "
            f"({CONTROL} is one of them; one with fewer repetitions is passed over):",
            _tallies(ours, {cell: best[cell] for cell in control}),
        ]
    if REFINED in cells and others:
        parts += [
            f"Against {REFINED}, the learned loss without a choice (a win is the other "
            "method's):",
            _tallies(others, cells[REFINED]),
        ]
    return parts or ["No method to compare."]


def _tallies(methods: Mapping[str, Cells], rival: Cells) -> str:
    """Return the table of wins, ties and losses against one rival."""
    rows = []
    for name, cells in methods.items():
        found = tally(cells, rival)
        if found is None:
            rows.append([name, *[NOT_AVAILABLE] * 7])
            continue
        counts = map(str, (found.wins, found.ties, found.losses))
        more = f" to {found.most}" if found.most > found.fewest else ""
        repetitions = f"{found.fewest}{more}"
        order = map(str, orders(cells, rival))
        rows.append([name, *counts, f"{found.n} of {len(rival)}", repetitions, *order])
    header = ["method", "wins", "ties", "losses", "cells", "repetitions"]
    header += [f"{what} lower / equal / higher" for what in ("means", "fits")]
    return markdown_table(header, rows)
