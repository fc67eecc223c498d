"""The paper's Tables 1 to 3 made again, each of ours beside the printed one."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from losslearn_bench.datasets import DatasetStatus
from losslearn_bench.grid.presets import TABLE_3 as CONTESTS
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
from losslearn_bench.tables.published import (
    PUBLISHED_AS,
    TABLE_1,
    TABLE_2,
    TABLE_2_RANKS,
    TABLE_3,
    TABLE_3_WINS,
    Contest,
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
BLOCKS = {name: CONTESTS[MEASURED[name]] for name in ("mcr", "auc", "jac", "f1")}
"""The paper's losses, and the methods made for them, ours last."""

COLUMNS = tuple((block, name) for block in BLOCKS for name in BLOCKS[block])

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
    ours = _Ours.of(lines, cells, protocol)
    names = [name.upper() for name in PUBLISHED_AS]
    heads = ["Data", "Model"]
    return paragraphs(
        "Table 2: three surrogates. Test losses, lower is better: mean ± standard "
        "deviation over random splits; bold where lower than both others by more than "
        "a standard error.",
        markdown_table([*heads, *names[:-1], JAC[protocol]], _surrogates(ours)),
        *ours.notes(),
        markdown_table([*heads, *names], _surrogates_beside(ours)),
        _counted_twice_note(),
        "The paper's ranks are as printed; they are not those of its printed losses.",
    )


def table_3(lines: Sequence[Line]) -> str:
    """Return Table 3: the refined surrogate against hand-made losses.

    The refined surrogate is judged against the best baseline of its loss, chosen by the
    mean validation loss, over paired repetitions (see `significance.verdict`). A win
    counts one, a tie half for either, as in the paper; the paper counts the lowest
    value, whatever its spread, so that count stands below ours.
    """
    cells = {(MEASURED[block], name) for block, name in COLUMNS}
    # beside the paper's JAC
    cells |= {("error_rate", name) for name in BLOCKS["jac"]}
    ours = _Ours.of(lines, cells)
    *notes, beside_note = ours.notes()
    return paragraphs(
        "Table 3: the refined surrogate (SL-R) against baselines. Test losses, lower "
        "is better: mean ± standard deviation over random splits; win, tie or loss of "
        "SL-R against the baseline with the lowest validation loss (corrected "
        "resampled t-test, 5 %), the better one in bold.",
        markdown_table(_header(JAC[ours.protocol]), _contests(ours)),
        *notes,
        beside_note + _no_rival_note(ours),
        markdown_table(_header("JAC"), _contests_beside(ours)),
        _counted_twice_note(),
    )


class _Ours(NamedTuple):
    """The lines of the paper's tier that a table is made of."""

    lines: list[Line]
    entries: Entries
    protocol: Protocol

    @classmethod
    def of(
        cls,
        lines: Sequence[Line],
        cells: set[tuple[str, str]],
        protocol: Protocol | None = None,
    ) -> "_Ours":
        """Take those of some metrics and methods."""
        kept = [
            line
            for line in lines
            if line["tier"] == TIER and (line["metric"], line["method"]) in cells
        ]
        entries = collect(kept, protocol)
        return cls(kept, entries, kept[0]["protocol"])

    def datasets(self) -> list[str]:
        """Return the data sets, those of the paper first."""
        return in_order({key.dataset for key in self.entries}, TABLE_1)

    def compared(self) -> dict[str, str]:
        """Return the true loss that each column of the paper is compared with.

        Under the paper's protocol the lines of `jaccard_loss` are of accuracy too.
        """
        return MEASURED if self.protocol == "paper" else PUBLISHED_AS

    def beside(self, dataset: str, metric: str, method: str, printed: float) -> str:
        """Return our mean beside a printed number."""
        entry = self.entries.get(Key(TIER, dataset, metric, method))
        return f"{number(entry.mean if entry else math.nan)} / {printed:.4f}"

    def beside_label(self, dataset: str) -> str:
        """Return the name of a row that stands beside the paper's, with its marks."""
        return label(dataset, self.lines) + "†" * (dataset == _COUNTED_TWICE)

    def notes(self) -> tuple[str, str, str]:
        """Return the caption, what was not run, and what stands beside the paper's."""
        ran = self.datasets()
        missing = [name for name in TABLE_1 if name not in ran]
        not_run = f"Not run, of the paper's data sets: {listed(missing)}."
        jac = "JAC" if self.protocol == "paper" else "error rate (MCR)"
        return (
            caption(self.lines),
            not_run if missing else "",
            "Ours / paper (oracle threshold). The paper's JAC was computed as "
            f"accuracy, so it is an error rate: beside it stands our {jac}.",
        )


def _counted_twice_note() -> str:
    """Return what the dagger of `beside_label` stands for."""
    row = TABLE_1[_COUNTED_TWICE]
    return (
        f"† The paper's {row.n_train + row.n_test:,} rows of {_COUNTED_TWICE} count "
        "its validation part twice, so that copies lie on both sides of its split; "
        "ours are each row once."
    )


def _surrogates(ours: _Ours) -> list[list[str]]:
    """Return mean, deviation and ranks."""
    full, rows = full_count(ours.entries), []
    for dataset in ours.datasets():
        columns = []
        for metric in MEASURED.values():
            found = of_methods(ours.entries, TIER, dataset, metric, VARIANTS)
            best = clear_best(found) if len(found) == len(VARIANTS) else None
            columns.append(shown_all(found, VARIANTS, full=full, best=best))
        rows += [
            [label(dataset, ours.lines), title, *(column[method] for column in columns)]
            for method, title in VARIANTS.items()
        ]
    ranks = [_ranks(ours, metric) for metric in MEASURED.values()]
    rows += [
        ["Ranks", title, *(column[method] for column in ranks)]
        for method, title in VARIANTS.items()
    ]
    return rows


def _ranks(ours: _Ours, metric: str) -> dict[str, str]:
    """Return the average rank of each method, n where data sets are left out."""
    datasets = ours.datasets()
    matrix = loss_matrix(ours.entries, TIER, metric, datasets, list(VARIANTS))
    ranks, n_datasets = average_ranks(matrix)
    mark = f" (n={n_datasets})" if 0 < n_datasets < len(datasets) else ""
    texts = [number(float(rank), 2) + mark for rank in ranks]
    return dict(zip(VARIANTS, texts, strict=True))


def _surrogates_beside(ours: _Ours) -> list[list[str]]:
    """Return our mean and the printed number of each cell of the paper."""
    rows = []
    metrics = ours.compared().values()
    for dataset, printed in TABLE_2.items():
        for method, title in VARIANTS.items():
            cells = [
                ours.beside(dataset, metric, method, value)
                for metric, value in zip(metrics, printed[method], strict=True)
            ]
            rows.append([ours.beside_label(dataset), title, *cells])
    ranks = [_ranks(ours, metric) for metric in metrics]
    for method, title in VARIANTS.items():
        pairs = zip(ranks, TABLE_2_RANKS[method], strict=True)
        row = [f"{column[method]} / {printed:.2f}" for column, printed in pairs]
        rows.append(["Ranks", title, *row])
    return rows


def _header(jac: str) -> list[str]:
    """Return the names of the columns."""
    names = {block: block.upper() for block in BLOCKS} | {"jac": jac}
    return ["Data", *(f"{names[block]}: {_TITLES[name]}" for block, name in COLUMNS)]


class _Contest(NamedTuple):
    """One loss on one data set."""

    entries: dict[str, Entry]
    rival: str | None
    """The baseline with the lowest validation loss; None if ours or all are missing."""
    outcome: Verdict | None
    """Of ours against the rival."""


def _contests(ours: _Ours) -> list[list[str]]:
    """Return the entries, and how often each method wins."""
    datasets = ours.datasets()
    full = full_count(ours.entries)
    rows = [[label(dataset, ours.lines)] for dataset in datasets]
    verdicts = ["Wins (verdict)"]
    for block in BLOCKS:
        contests = [_contest(ours.entries, name, block) for name in datasets]
        for row, contest in zip(rows, contests, strict=True):
            row += _texts(contest, block, full=full)
        verdicts += _verdict_wins(contests, block)
    lowest = [number(won, 1) for won in _lowest_wins(ours, MEASURED)]
    return [*rows, verdicts, ["Wins (lowest mean)", *lowest]]


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
    better = {"win": OURS, "loss": contest.rival}.get(contest.outcome or "")
    texts = shown_all(contest.entries, BLOCKS[block], full=full, best=better)
    if contest.outcome:
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


def _lowest_wins(ours: _Ours, metrics: Mapping[str, str]) -> list[float]:
    """Return how often each method is lowest in four decimals, as the paper counts.

    Data sets that lack a method are left out; NaN if none is left.
    """
    datasets = ours.datasets()
    found: list[float] = []
    for block, methods in BLOCKS.items():
        metric = metrics[block]
        matrix = loss_matrix(ours.entries, TIER, metric, datasets, methods)
        matrix = matrix[~np.isnan(matrix).any(axis=1)].round(4)
        if not len(matrix):
            found += [math.nan] * len(methods)
            continue
        lowest = matrix == matrix.min(axis=1, keepdims=True)
        wins = (lowest / lowest.sum(axis=1, keepdims=True)).sum(axis=0)
        found += wins.tolist()
    return found


def _contests_beside(ours: _Ours) -> list[list[str]]:
    """Return our mean and the printed number of each cell of the paper."""
    metrics = ours.compared()
    rows = []
    for dataset, printed in TABLE_3.items():
        cells = [
            ours.beside(dataset, metrics[block], name, _printed(printed, block, name))
            for block, name in COLUMNS
        ]
        rows.append([ours.beside_label(dataset), *cells])
    last = [
        f"{number(won, 1)} / {_printed(TABLE_3_WINS, block, name):.1f}"
        for won, (block, name) in zip(_lowest_wins(ours, metrics), COLUMNS, strict=True)
    ]
    return [*rows, ["Wins (lowest mean)", *last]]


def _printed(row: Contest, block: str, method: str) -> float:
    return getattr(row, f"{block}_{method}")


def _no_rival_note(ours: _Ours) -> str:
    """Return that no baseline of Jaccard ran for what the paper's JAC is, if so."""
    metric = ours.compared()["jac"]
    rival, _ = BLOCKS["jac"]
    trained = any((key.metric, key.method) == (metric, rival) for key in ours.entries)
    return "" if trained else f" {_TITLES[rival]} was not trained for the {metric}."
