"""The paper's Tables 1 and 2 made again, each of ours beside the printed one."""

import math
from collections.abc import Sequence

from losslearn_bench.datasets import DatasetStatus
from losslearn_bench.harness.budget import Protocol
from losslearn_bench.tables.caption import caption, label
from losslearn_bench.tables.entries import (
    Entries,
    Key,
    Line,
    clear_best,
    collect,
    full_count,
    in_order,
    loss_matrix,
    mean_of,
    of_methods,
    shown,
)
from losslearn_bench.tables.markdown import (
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
)
from losslearn_bench.tables.significance import average_ranks

TIER = "mlp"
MEASURED = {**PUBLISHED_AS, "jac": "jaccard_loss"}
"""The true loss that stands in each column of ours."""

VARIANTS = {"sl_u": "SL-U", "sl_r": "SL-R", "sl_s": "SL-S"}
"""The surrogates of section 4.2, in the order of the paper."""

JAC = {"paper": "JAC (accuracy)", "honest": "Jaccard"}
_COUNTED_TWICE = "ijcnn1"


def table_1(found: Sequence[DatasetStatus]) -> str:
    r"""Return what the data sets should hold, and what they do.

    An asterisk marks data sets that hold fewer rows than expected.
    """
    header = ["Data", "Rows", "Features", "Positive", "Source", "Licence", "State"]
    rows, any_partial = [], False
    for status in found:
        info, here = status.info, status.found
        is_partial = here is not None and here.n_rows < info.n_rows
        any_partial |= is_partial
        counts = ("n/a",) * 2
        if here is not None:
            counts = (f"{here.n_rows:,}", f"{here.n_features:,}")
        share = math.nan if status.pos_rate is None else status.pos_rate
        rows.append(
            [
                info.name + "\\*" * is_partial,
                f"{counts[0]} / {info.n_rows:,}",
                f"{counts[1]} / {info.n_features:,}",
                f"{number(share)} / {info.pos_rate:.4f}",
                info.origin,
                info.licence,
                status.state,
            ]
        )
    return paragraphs(
        "Table 1: the data sets, found / expected.",
        markdown_table(header, rows),
        "\\* A part of the data set." if any_partial else "",
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
    """Return what stands beside what, and what the paper's JAC is."""
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
