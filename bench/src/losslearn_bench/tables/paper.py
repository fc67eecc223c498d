"""The paper's Tables 1 to 3 made again, each of ours beside the printed one."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from losslearn_bench.datasets import DatasetStatus
from losslearn_bench.harness.budget import Protocol
from losslearn_bench.tables.caption import caption, label
from losslearn_bench.tables.entries import (
    Entries,
    Entry,
    Key,
    Line,
    best_by_validation,
    clear_best,
    collect,
    compare,
    full_count,
    in_order,
    loss_matrix,
    mean_of,
    of_methods,
    shown,
)
from losslearn_bench.tables.markdown import (
    NOT_AVAILABLE,
    bold,
    listed,
    markdown_table,
    number,
    paragraphs,
)
from losslearn_bench.tables.published import (
    PUBLISHED_AS,
    TABLE_1,
    TABLE_2,
    TABLE_2_RANKS,
    TABLE_3,
    TABLE_3_WINS,
)
from losslearn_bench.tables.significance import Verdict, average_ranks

TIER = "mlp"
MEASURED = {**PUBLISHED_AS, "jac": "jaccard_loss"}
"""The true loss that stands in each column of ours."""

VARIANTS = {"sl_u": "SL-U", "sl_r": "SL-R", "sl_s": "SL-S"}
"""The surrogates of section 4.2, in the order of the paper."""

JAC = {"paper": "JAC (accuracy)", "honest": "Jaccard"}
_COUNTED_TWICE = "ijcnn1"

OURS = "sl_r"
BLOCKS: dict[str, tuple[str, ...]] = {
    "mcr": ("cross_entropy", OURS),
    "auc": ("pairwise_logistic", "global_auc_roc", OURS),
    "jac": ("lovasz_softmax", OURS),
    "f1": ("cost_sensitive", OURS),
}
"""The paper's losses, and the methods made for them, ours last."""

_TITLES = {
    "cross_entropy": "CE",
    "pairwise_logistic": "PR",
    "global_auc_roc": "GO",
    "lovasz_softmax": "LO",
    "cost_sensitive": "CS",
    OURS: "SL-R",
}


def table_1(found: Sequence[DatasetStatus]) -> str:
    r"""Return what the data sets should hold, and what they do.

    An asterisk marks data sets that hold fewer rows than expected.
    """
    header = ["Data", "Rows", "Features", "Positive", "Source", "Licence", "State"]
    rows = []
    for status in found:
        info, here, share = status.info, status.found, status.pos_rate
        is_partial = here is not None and here.n_rows < info.n_rows
        rows.append(
            [
                info.name + "\\*" * is_partial,
                f"{f'{here.n_rows:,}' if here else 'n/a'} / {info.n_rows:,}",
                f"{here.n_features if here else 'n/a'} / {info.n_features}",
                f"{number(math.nan if share is None else share)} / {info.pos_rate:.4f}",
                *(info.origin, info.licence, status.state),
            ]
        )
    is_any = any("\\*" in row[0] for row in rows)
    return paragraphs(
        "Table 1: the data sets, found / expected.",
        markdown_table(header, rows),
        "\\* A part of the data set." if is_any else "",
    )


def table_2(lines: Sequence[Line], protocol: Protocol) -> str:
    """Return Table 2: three ways to come by a surrogate.

    Mean test loss and its standard deviation over the repetitions. Bold is a method
    that is clearly best, see `clear_best`; within a standard error none is declared so.
    The ranks are averaged over the data sets that have all three methods; ties share
    them. The paper's JAC is an error rate, and stands beside ours.
    """
    cells = {(metric, name) for metric in MEASURED.values() for name in VARIANTS}
    kept = of_cells(lines, cells)
    entries = collect(kept, protocol)
    names = [name.upper() for name in PUBLISHED_AS]
    return paragraphs(
        "Table 2: three surrogates. Test losses, lower is better: mean ± standard "
        "deviation over random splits; bold where lower than both others by more than "
        "a standard error.",
        markdown_table(
            ["Data", "Model", *names[:-1], JAC[protocol]], _surrogates(entries, kept)
        ),
        caption(kept),
        not_run(entries),
        beside_note(protocol),
        markdown_table(
            ["Data", "Model", *names], _surrogates_beside(entries, kept, protocol)
        ),
        counted_twice_note(),
        "The paper's ranks are as printed; they are not those of its printed losses.",
    )


def _surrogates(entries: Entries, lines: Sequence[Line]) -> list[list[str]]:
    """Return mean, deviation and ranks."""
    full, rows = full_count(entries), []
    for dataset in in_order({key.dataset for key in entries}, TABLE_1):
        columns = []
        for metric in MEASURED.values():
            found = of_methods(entries, TIER, dataset, metric, VARIANTS)
            best = clear_best(found) if len(found) == len(VARIANTS) else None
            texts = {name: shown(found.get(name), full=full) for name in VARIANTS}
            if best is not None:
                texts[best] = bold(texts[best])
            columns.append(texts)
        rows += [
            [label(dataset, lines), title, *(column[method] for column in columns)]
            for method, title in VARIANTS.items()
        ]
    ranks = [_ranks(entries, metric) for metric in MEASURED.values()]
    rows += [
        ["Ranks", title, *(column[method] for column in ranks)]
        for method, title in VARIANTS.items()
    ]
    return rows


def _ranks(entries: Entries, metric: str) -> dict[str, str]:
    """Return the average rank of each method, n where data sets are left out."""
    datasets = sorted({key.dataset for key in entries})
    matrix = loss_matrix(entries, TIER, metric, datasets, list(VARIANTS))
    ranks, n_datasets = average_ranks(matrix)
    mark = f" (n={n_datasets})" if 0 < n_datasets < len(datasets) else ""
    return {
        method: number(float(rank), 2) + mark
        for method, rank in zip(VARIANTS, ranks, strict=True)
    }


def _surrogates_beside(
    entries: Entries, lines: Sequence[Line], protocol: Protocol
) -> list[list[str]]:
    """Return our mean and the printed number of each cell of the paper."""
    rows = []
    for dataset, printed in TABLE_2.items():
        for method, title in VARIANTS.items():
            cells = [
                beside(entries, dataset, metric, method, value)
                for metric, value in zip(
                    compared(protocol).values(), printed[method], strict=True
                )
            ]
            rows.append([beside_label(dataset, lines), title, *cells])
    ranks = [_ranks(entries, metric) for metric in compared(protocol).values()]
    for method, title in VARIANTS.items():
        pairs = zip(ranks, TABLE_2_RANKS[method], strict=True)
        row = [f"{column[method]} / {printed:.2f}" for column, printed in pairs]
        rows.append(["Ranks", title, *row])
    return rows


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
    cells = {(MEASURED[block], name) for block in BLOCKS for name in BLOCKS[block]}
    # beside the paper's JAC
    cells |= {("error_rate", name) for name in BLOCKS["jac"]}
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


def _header(jac: str) -> list[str]:
    """Return the names of the columns."""
    columns = [
        f"{jac if block == 'jac' else block.upper()}: {_TITLES[name]}"
        for block in BLOCKS
        for name in BLOCKS[block]
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
        wins = _lowest_wins(entries, MEASURED[block], BLOCKS[block])
        lowest += [number(won, 1) for won in wins.values()]
    return [*rows, verdicts, lowest]


def _contest(entries: Entries, dataset: str, block: str) -> _Contest:
    """Return the entries of a loss on a data set, and how ours stands."""
    found = of_methods(entries, TIER, dataset, MEASURED[block], BLOCKS[block])
    rivals = {name: entry for name, entry in found.items() if name != OURS}
    rival = best_by_validation(rivals)
    if rival is None or OURS not in found:
        return _Contest(found, None, None)
    return _Contest(found, rival, compare(found[OURS], found[rival]))


def _texts(contest: _Contest, block: str, *, full: int) -> list[str]:
    """Return a row's part: the better of two that differ is bold."""
    texts = {
        name: shown(contest.entries.get(name), full=full) for name in BLOCKS[block]
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
    wins, n_judged = dict.fromkeys(BLOCKS[block], 0.0), 0
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
    cells = [(block, name) for block in BLOCKS for name in BLOCKS[block]]
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
        for won in _lowest_wins(entries, metrics[block], BLOCKS[block]).values()
    ]
    counts = zip(wins, _in_blocks(TABLE_3_WINS), strict=True)
    last = [f"{number(won, 1)} / {printed:.1f}" for won, printed in counts]
    return [*rows, ["Wins (lowest mean)", *last]]


def _in_blocks(printed: NamedTuple) -> list[float]:
    """Return a printed row in the order of the columns."""
    return [
        getattr(printed, f"{block}_{name}")
        for block in BLOCKS
        for name in BLOCKS[block]
    ]


def _no_rival_note(entries: Entries, protocol: Protocol) -> str:
    """Return that no baseline of Jaccard ran for what the paper's JAC is, if so."""
    metric = compared(protocol)["jac"]
    keys = {(key.metric, key.method) for key in entries}
    rival, _ = BLOCKS["jac"]
    trained = (metric, rival) in keys
    return "" if trained else f" {_TITLES[rival]} was not trained for the {metric}."


def of_cells(lines: Sequence[Line], cells: set[tuple[str, str]]) -> list[Line]:
    """Return the lines of the paper's tier, and of these metrics and methods."""
    return [
        line
        for line in lines
        if line["tier"] == TIER and (line["metric"], line["method"]) in cells
    ]


def compared(protocol: Protocol) -> dict[str, str]:
    """Return the true loss of ours that each column of the paper is compared with.

    Under the paper's protocol the lines of `jaccard_loss` are of accuracy too.
    """
    return MEASURED if protocol == "paper" else PUBLISHED_AS


def beside(
    entries: Entries, dataset: str, metric: str, method: str, printed: float
) -> str:
    """Return our mean beside a printed number."""
    ours = mean_of(entries, Key(TIER, dataset, metric, method))
    return f"{number(ours)} / {printed:.4f}"


def beside_label(dataset: str, lines: Sequence[Line]) -> str:
    """Return the name of a row that stands beside the paper's, with its marks."""
    return label(dataset, lines) + "†" * (dataset == _COUNTED_TWICE)


def beside_note(protocol: Protocol) -> str:
    """Return what the numbers beside each other are."""
    ours = "JAC" if protocol == "paper" else "error rate (MCR)"
    return (
        "Ours / paper (oracle threshold). The paper's JAC was computed as accuracy, so "
        f"it is an error rate: beside it stands our {ours}."
    )


def counted_twice_note() -> str:
    """Return what the dagger of `beside_label` stands for."""
    row = TABLE_1[_COUNTED_TWICE]
    return (
        f"† The paper's {row.n_train + row.n_test:,} rows of {_COUNTED_TWICE} count "
        "its validation part twice, so that copies lie on both sides of its split; "
        "ours are each row once."
    )


def not_run(entries: Entries) -> str:
    """Return which of the paper's data sets have no entry; nothing if all have one."""
    missing = [name for name in TABLE_1 if all(key.dataset != name for key in entries)]
    return f"Not run, of the paper's data sets: {listed(missing)}." if missing else ""
