"""Table 3 of the paper: the refined surrogate against baselines, beside the print."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from losslearn_bench.harness.budget import Protocol
from losslearn_bench.tables.caption import caption, label
from losslearn_bench.tables.entries import (
    Entries,
    Entry,
    Line,
    best_by_validation,
    collect,
    compare,
    full_count,
    in_order,
    loss_matrix,
    of_methods,
    shown,
)
from losslearn_bench.tables.markdown import (
    NOT_AVAILABLE,
    bold,
    markdown_table,
    number,
    paragraphs,
)
from losslearn_bench.tables.paper import (
    JAC,
    MEASURED,
    TIER,
    beside,
    beside_label,
    beside_note,
    compared,
    counted_twice_note,
    not_run,
    of_cells,
)
from losslearn_bench.tables.published import TABLE_1, TABLE_3, TABLE_3_WINS
from losslearn_bench.tables.significance import Verdict

OURS = "sl_r"
BLOCKS: dict[str, tuple[str, ...]] = {
    "mcr": ("cross_entropy",),
    "auc": ("pairwise_logistic", "global_auc_roc"),
    "jac": ("lovasz_softmax",),
    "f1": ("cost_sensitive",),
}
"""The paper's losses, and the baselines made for them."""

_TITLES = {
    "cross_entropy": "CE",
    "pairwise_logistic": "PR",
    "global_auc_roc": "GO",
    "lovasz_softmax": "LO",
    "cost_sensitive": "CS",
    OURS: "SL-R",
}


class _Contest(NamedTuple):
    """One loss on one data set."""

    entries: dict[str, Entry]
    rival: str | None
    """The baseline with the lowest validation loss; None if ours or all are missing."""
    outcome: Verdict | None
    """Of ours against the rival."""


def table_3(lines: Sequence[Line]) -> str:
    """Return Table 3: the refined surrogate against hand-made losses.

    The refined surrogate is judged against the best baseline of its loss, chosen by the
    mean validation loss, over paired repetitions (see `significance.verdict`). A win
    counts one, a tie half for either, as in the paper; the paper counts the lowest
    value, whatever its spread, so that count stands below ours.
    """
    cells = {(MEASURED[block], name) for block in BLOCKS for name in _methods(block)}
    # beside the paper's JAC
    cells |= {("error_rate", name) for name in _methods("jac")}
    kept = of_cells(lines, cells)
    entries = collect(kept)
    protocol: Protocol = kept[0]["protocol"]
    return paragraphs(
        "Table 3: the refined surrogate (SL-R) against baselines. Test losses, lower "
        "is better: mean ± standard deviation over random splits; win, tie or loss of "
        "SL-R against the baseline with the lowest validation loss (corrected "
        "resampled t-test, 5 %), the better one in bold.",
        markdown_table(_header(JAC[protocol]), _contests(entries, kept)),
        caption(kept),
        not_run(entries),
        beside_note(protocol) + _no_rival_note(entries, protocol),
        markdown_table(_header("JAC"), _contests_beside(entries, kept, protocol)),
        counted_twice_note(),
    )


def _methods(block: str) -> tuple[str, ...]:
    """Return the methods of a loss, ours last."""
    return (*BLOCKS[block], OURS)


def _header(jac: str) -> list[str]:
    """Return the names of the columns."""
    columns = [
        f"{jac if block == 'jac' else block.upper()}: {_TITLES[name]}"
        for block in BLOCKS
        for name in _methods(block)
    ]
    return ["Data", *columns]


def _contests(entries: Entries, lines: Sequence[Line]) -> list[list[str]]:
    """Return the entries, and how often each method wins."""
    datasets = in_order({key.dataset for key in entries}, TABLE_1)
    full = full_count(entries)
    rows = [[label(dataset, lines)] for dataset in datasets]
    verdicts, lowest = ["Wins (verdict)"], ["Wins (lowest mean)"]
    for block in BLOCKS:
        contests = [_contest(entries, name, block) for name in datasets]
        for row, contest in zip(rows, contests, strict=True):
            row += _texts(contest, block, full=full)
        verdicts += _verdict_wins(contests, block)
        wins = _lowest_wins(entries, MEASURED[block], _methods(block))
        lowest += [number(won, 1) for won in wins.values()]
    return [*rows, verdicts, lowest]


def _contest(entries: Entries, dataset: str, block: str) -> _Contest:
    """Return the entries of a loss on a data set, and how ours stands."""
    found = of_methods(entries, TIER, dataset, MEASURED[block], _methods(block))
    rivals = {name: entry for name, entry in found.items() if name != OURS}
    rival = best_by_validation(rivals)
    if rival is None or OURS not in found:
        return _Contest(found, None, None)
    return _Contest(found, rival, compare(found[OURS], found[rival]))


def _texts(contest: _Contest, block: str, *, full: int) -> list[str]:
    """Return a row's part: the better of two that differ is bold."""
    texts = {
        name: shown(contest.entries.get(name), full=full) for name in _methods(block)
    }
    if contest.rival and contest.outcome:
        better = {"win": OURS, "loss": contest.rival}.get(contest.outcome)
        if better:
            texts[better] = bold(texts[better])
        texts[OURS] += f" ({contest.outcome})"
    return list(texts.values())


def _verdict_wins(contests: Sequence[_Contest], block: str) -> list[str]:
    """Return how often each method won, a tie half for ours and half for the rival."""
    share = {"win": 1.0, "tie": 0.5, "loss": 0.0}
    wins, n_judged = dict.fromkeys(_methods(block), 0.0), 0
    for contest in contests:
        if contest.rival and contest.outcome:
            n_judged += 1
            wins[OURS] += share[contest.outcome]
            wins[contest.rival] += 1 - share[contest.outcome]
    return [f"{won:.1f}" if n_judged else NOT_AVAILABLE for won in wins.values()]


def _lowest_wins(
    entries: Entries, metric: str, methods: Sequence[str]
) -> Mapping[str, float]:
    """Return how often each method is lowest in four decimals, as the paper counts.

    Data sets that lack a method are left out; NaN if none is left.
    """
    datasets = sorted({key.dataset for key in entries})
    matrix = loss_matrix(entries, TIER, metric, datasets, methods)
    matrix = matrix[~np.isnan(matrix).any(axis=1)].round(4)
    if not len(matrix):
        return dict.fromkeys(methods, math.nan)
    lowest = matrix == matrix.min(axis=1, keepdims=True)
    wins = (lowest / lowest.sum(axis=1, keepdims=True)).sum(axis=0)
    return dict(zip(methods, wins.tolist(), strict=True))


def _contests_beside(
    entries: Entries, lines: Sequence[Line], protocol: Protocol
) -> list[list[str]]:
    """Return our mean and the printed number of each cell of the paper."""
    metrics = compared(protocol)
    cells = [(block, name) for block in BLOCKS for name in _methods(block)]
    rows = []
    for dataset, printed in TABLE_3.items():
        row = [
            beside(entries, dataset, metrics[block], name, value)
            for (block, name), value in zip(cells, _in_blocks(printed), strict=True)
        ]
        rows.append([beside_label(dataset, lines), *row])
    wins = [
        won
        for block in BLOCKS
        for won in _lowest_wins(entries, metrics[block], _methods(block)).values()
    ]
    counts = zip(wins, _in_blocks(TABLE_3_WINS), strict=True)
    last = [f"{number(won, 1)} / {printed:.1f}" for won, printed in counts]
    return [*rows, ["Wins (lowest mean)", *last]]


def _in_blocks(printed: NamedTuple) -> list[float]:
    """Return a printed row in the order of the columns."""
    return [
        getattr(printed, f"{block}_{name}")
        for block in BLOCKS
        for name in _methods(block)
    ]


def _no_rival_note(entries: Entries, protocol: Protocol) -> str:
    """Return that no baseline of Jaccard ran for what the paper's JAC is, if so."""
    metric = compared(protocol)["jac"]
    keys = {(key.metric, key.method) for key in entries}
    if any((metric, name) in keys for name in BLOCKS["jac"]):
        return ""
    return f" {_TITLES[BLOCKS['jac'][0]]} was not trained for the {metric}."
