"""Table 2 of the paper: three ways to come by a surrogate, beside the print."""

from collections.abc import Sequence

from losslearn_bench.harness.budget import Protocol
from losslearn_bench.tables.caption import caption, label
from losslearn_bench.tables.entries import (
    Entries,
    Key,
    Line,
    check_protocol,
    clear_best,
    collect,
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
from losslearn_bench.tables.published import (
    PUBLISHED_AS,
    TABLE_1,
    TABLE_2,
    TABLE_2_RANKS,
)
from losslearn_bench.tables.significance import average_ranks

VARIANTS = {"sl_u": "SL-U", "sl_r": "SL-R", "sl_s": "SL-S"}
"""The surrogates of section 4.2, in the order of the paper."""


def table_2(lines: Sequence[Line], protocol: Protocol, *, tier: str = "mlp") -> str:
    """Return Table 2 of "Learning Surrogate Losses": ours, then beside the printed one.

    Mean test loss and its standard deviation over the repetitions. Bold is a method
    that is clearly best, see `clear_best`; within a standard error none is declared so.
    The ranks are averaged over the data sets that have all three methods; ties share
    them. The paper's JAC is an error rate, and stands beside ours.

    Args:
        lines: Result lines; those of other methods, losses and tiers are left out.
        protocol: The rules by which the lines were measured.
        tier: The model class, "mlp" in the paper.

    Returns:
        Markdown.

    Raises:
        ValueError: If no lines are left, or they are of another protocol, or mix
            protocols, budgets or versions of a data set.

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
        >>> line |= {"tier": "mlp", "metric": "f1_loss", "repetition": 0}
        >>> losses = {"sl_u": 0.3, "sl_r": 0.1, "sl_s": 0.2}
        >>> lines = [
        ...     line | {"method": name, "losses": {"test": loss, "validation": loss}}
        ...     for name, loss in losses.items()
        ... ]
        >>> print(table_2(lines, "honest"))
        Table 2: ...
        | a9a | SL-R | n/a | n/a | n/a | n/a | 0.1000 | n/a | n/a |
        ...
        | a9a | SL-R | n/a / 0.0983 | ... | 0.1000 / 0.3134 | n/a / 0.2085 | ...
    """
    metrics = set(MEASURED.values())
    kept = [
        line
        for line in lines
        if line["tier"] == tier
        and line["method"] in VARIANTS
        and line["metric"] in metrics
    ]
    entries = collect(kept)
    check_protocol(kept, protocol)
    jac = "JAC (accuracy)" if protocol == "paper" else "Jaccard"
    header = [
        "Data",
        "Model",
        *(name.upper() for name in MEASURED if name != "jac"),
        jac,
    ]
    beside = ["Data", "Model", *(name.upper() for name in PUBLISHED_AS)]
    parts = [
        "Table 2: three surrogates. Test losses, lower is better: mean ± standard "
        "deviation over random splits; bold where lower than both others by more than "
        "a standard error.",
        markdown_table(header, _own_rows(entries, kept, tier)),
        caption(kept),
        not_run(entries),
        f"Ours / {PAPER_MARK}. {jac_note(protocol)}",
        markdown_table(beside, _rows_beside(entries, kept, tier, protocol)),
        counted_twice_note(),
        "The paper's ranks are as printed; they are not those of its printed losses.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _own_rows(entries: Entries, lines: Sequence[Line], tier: str) -> list[list[str]]:
    """Return mean, deviation and ranks."""
    datasets = in_order({key.dataset for key in entries}, list(TABLE_1))
    full = full_count(entries)
    rows = []
    for dataset in datasets:
        columns = [
            _column(entries, tier, dataset, metric, full=full)
            for metric in MEASURED.values()
        ]
        rows += [
            [label(dataset, lines), title, *(column[method] for column in columns)]
            for method, title in VARIANTS.items()
        ]
    ranks = {
        column: _ranks(entries, tier, metric) for column, metric in MEASURED.items()
    }
    rows += [
        ["Ranks", title, *(ranks[column][method] for column in MEASURED)]
        for method, title in VARIANTS.items()
    ]
    return rows


def _column(
    entries: Entries, tier: str, dataset: str, metric: str, *, full: int
) -> dict[str, str]:
    """Return the texts of the three methods, the clearly best one in bold."""
    found = {
        method: entry
        for method in VARIANTS
        if (entry := entries.get(Key(tier, dataset, metric, method))) and entry.n
    }
    best = clear_best(found) if len(found) == len(VARIANTS) else None
    texts = {method: shown(found.get(method), full=full) for method in VARIANTS}
    return {name: bold(text) if name == best else text for name, text in texts.items()}


def _ranks(entries: Entries, tier: str, metric: str) -> dict[str, str]:
    """Return the average rank of each method, n where data sets are left out."""
    datasets = sorted({key.dataset for key in entries})
    matrix = loss_matrix(entries, tier, metric, datasets, list(VARIANTS))
    ranks, n_datasets = average_ranks(matrix)
    fewer = 0 < n_datasets < len(datasets)
    mark = f" (n={n_datasets})" if fewer else ""
    return {
        method: number(float(rank), digits=2) + mark
        for method, rank in zip(VARIANTS, ranks, strict=True)
    }


def _rows_beside(
    entries: Entries, lines: Sequence[Line], tier: str, protocol: Protocol
) -> list[list[str]]:
    """Return our mean and the printed number of each cell of the paper."""
    rows = []
    for dataset, printed in TABLE_2.items():
        for method, title in VARIANTS.items():
            row = [beside_label(dataset, lines), title]
            for column, value in printed[method]._asdict().items():
                metric = published_metric(column, protocol)
                entry = entries.get(Key(tier, dataset, metric, method))
                ours = number(entry.mean, digits=4) if entry else NOT_AVAILABLE
                row.append(f"{ours} / {value:.4f}")
            rows.append(row)
    ranks = {
        column: _ranks(entries, tier, published_metric(column, protocol))
        for column in PUBLISHED_AS
    }
    for method, title in VARIANTS.items():
        printed_ranks = TABLE_2_RANKS[method]._asdict()
        row = [f"{ranks[name][method]} / {printed_ranks[name]:.2f}" for name in ranks]
        rows.append(["Ranks", title, *row])
    return rows
