"""Table 3 of the paper: the refined surrogate against baselines, beside the print."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from losslearn_bench.harness.budget import Protocol
from losslearn_bench.tables.caption import caption, label
from losslearn_bench.tables.entries import (
    Entries,
    Entry,
    Key,
    Line,
    best_by_validation,
    collect,
    compare,
    full_count,
    in_order,
    loss_matrix,
    shown,
)
from losslearn_bench.tables.markdown import (
    NOT_AVAILABLE,
    bold,
    markdown_table,
    number,
)
from losslearn_bench.tables.printed import (
    MEASURED,
    PAPER_MARK,
    beside_label,
    counted_twice_note,
    jac_note,
    not_run,
    published_metric,
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


def table_3(lines: Sequence[Line], *, tier: str = "mlp") -> str:
    """Return Table 3 of "Learning Surrogate Losses": ours, then beside the printed one.

    The refined surrogate is judged against the best baseline of its loss, chosen by the
    mean validation loss, over paired repetitions (see `significance.verdict`). A win
    counts one, a tie half for either, as in the paper; the paper counts the lowest
    value, whatever its spread, so that count stands below ours.

    Args:
        lines: Result lines; those of other methods, losses and tiers are left out.
        tier: The model class, "mlp" in the paper.

    Returns:
        Markdown.

    Raises:
        ValueError: If no lines are left, or they mix protocols, budgets or versions of
            a data set.

    Example:
        >>> line = {
        ...     "protocol": "honest",
        ...     "budget": {},
        ...     "tuning": "none",
        ...     "versions": {},
        ... }
        >>> line |= {
        ...     "dataset": "a9a",
        ...     "partial": False,
        ...     "capped": False,
        ...     "hardware": {},
        ... }
        >>> line |= {"rows": {"available": 10, "train": 6, "validation": 2, "test": 2}}
        >>> line |= {"tier": "mlp", "metric": "error_rate", "repetition": 0}
        >>> losses = {"cross_entropy": 0.2, "sl_r": 0.1}
        >>> lines = [
        ...     line | {"method": name, "losses": {"test": loss, "validation": loss}}
        ...     for name, loss in losses.items()
        ... ]
        >>> print(table_3(lines))
        Table 3: ...
        | a9a | 0.2000 | 0.1000 (tie) | n/a | ...
        | Wins (verdict) | 0.5 | 0.5 | n/a | ...
        | Wins (lowest mean) | 0.0 | 1.0 | n/a | ...
    """
    cells = {(MEASURED[block], name) for block in BLOCKS for name in _methods(block)}
    cells |= {
        ("error_rate", name) for name in _methods("jac")
    }  # beside the paper's JAC
    kept = [
        line
        for line in lines
        if line["tier"] == tier and (line["metric"], line["method"]) in cells
    ]
    entries = collect(kept)
    protocol: Protocol = kept[0]["protocol"]
    jac = "JAC (accuracy)" if protocol == "paper" else "Jaccard"
    parts = [
        "Table 3: the refined surrogate (SL-R) against baselines. Test losses, lower "
        "is better: mean ± standard deviation over random splits; win, tie or loss of "
        "SL-R against the baseline with the lowest validation loss (corrected "
        "resampled t-test, 5 %), the better one in bold.",
        markdown_table(_header(jac), _own_rows(entries, kept, tier)),
        caption(kept),
        not_run(entries),
        f"Ours / {PAPER_MARK}. {jac_note(protocol)}{_no_rival_note(entries, protocol)}",
        markdown_table(_header("JAC"), _rows_beside(entries, kept, tier, protocol)),
        counted_twice_note(),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _no_rival_note(entries: Entries, protocol: Protocol) -> str:
    """Return that no baseline of Jaccard ran for what the paper's JAC is, if so."""
    metric = published_metric("jac", protocol)
    keys = {(key.metric, key.method) for key in entries}
    if any((metric, name) in keys for name in BLOCKS["jac"]):
        return ""
    return f" {_TITLES[BLOCKS['jac'][0]]} was not trained for the {metric}."


def _methods(block: str) -> tuple[str, ...]:
    """Return the methods of a loss, ours last."""
    return (*BLOCKS[block], OURS)


def _header(jac: str) -> list[str]:
    """Return the names of the columns."""
    names = {**{block: block.upper() for block in BLOCKS}, "jac": jac}
    columns = [
        f"{names[block]}: {_TITLES[name]}"
        for block in BLOCKS
        for name in _methods(block)
    ]
    return ["Data", *columns]


def _own_rows(entries: Entries, lines: Sequence[Line], tier: str) -> list[list[str]]:
    """Return the entries, and how often each method wins."""
    datasets = in_order({key.dataset for key in entries}, list(TABLE_1))
    full = full_count(entries)
    rows = [[label(dataset, lines)] for dataset in datasets]
    verdicts, lowest = ["Wins (verdict)"], ["Wins (lowest mean)"]
    for block in BLOCKS:
        contests = [_contest(entries, tier, name, block) for name in datasets]
        for row, contest in zip(rows, contests, strict=True):
            row += _texts(contest, block, full=full)
        verdicts += _verdict_wins(contests, block)
        wins = _lowest_wins(entries, tier, MEASURED[block], _methods(block))
        lowest += [number(wins[name], digits=1) for name in _methods(block)]
    return [*rows, verdicts, lowest]


def _contest(entries: Entries, tier: str, dataset: str, block: str) -> _Contest:
    """Return the entries of a loss on a data set, and how ours stands."""
    metric = MEASURED[block]
    found = {
        name: entry
        for name in _methods(block)
        if (entry := entries.get(Key(tier, dataset, metric, name))) and entry.n
    }
    rival = best_by_validation(
        {name: entry for name, entry in found.items() if name != OURS}
    )
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
    wins = dict.fromkeys(_methods(block), 0.0)
    n_judged = 0
    for contest in contests:
        if contest.rival and contest.outcome:
            n_judged += 1
            wins[OURS] += share[contest.outcome]
            wins[contest.rival] += 1 - share[contest.outcome]
    return [f"{won:.1f}" if n_judged else NOT_AVAILABLE for won in wins.values()]


def _lowest_wins(
    entries: Entries, tier: str, metric: str, methods: Sequence[str]
) -> Mapping[str, float]:
    """Return how often each method is lowest in four decimals, as the paper counts.

    Data sets that lack a method are left out; NaN if none is left.
    """
    datasets = sorted({key.dataset for key in entries})
    matrix = loss_matrix(entries, tier, metric, datasets, methods)
    matrix = matrix[~np.isnan(matrix).any(axis=1)].round(4)
    if not len(matrix):
        return dict.fromkeys(methods, float("nan"))
    lowest = matrix == matrix.min(axis=1, keepdims=True)
    wins = (lowest / lowest.sum(axis=1, keepdims=True)).sum(axis=0)
    return dict(zip(methods, wins.tolist(), strict=True))


def _rows_beside(
    entries: Entries, lines: Sequence[Line], tier: str, protocol: Protocol
) -> list[list[str]]:
    """Return our mean and the printed number of each cell of the paper."""
    rows = []
    for dataset, printed in TABLE_3.items():
        row = [beside_label(dataset, lines)]
        for block in BLOCKS:
            metric = published_metric(block, protocol)
            for name in _methods(block):
                entry = entries.get(Key(tier, dataset, metric, name))
                ours = number(entry.mean, digits=4) if entry else NOT_AVAILABLE
                row.append(f"{ours} / {getattr(printed, f'{block}_{name}'):.4f}")
        rows.append(row)
    last = ["Wins (lowest mean)"]
    for block in BLOCKS:
        metric = published_metric(block, protocol)
        wins = _lowest_wins(entries, tier, metric, _methods(block))
        for name in _methods(block):
            count = getattr(TABLE_3_WINS, f"{block}_{name}")
            last.append(f"{number(wins[name], digits=1)} / {count:.1f}")
    return [*rows, last]
