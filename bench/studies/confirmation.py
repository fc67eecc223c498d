"""The default fit on splits that its recipe was not tuned on.

    python bench/studies/confirmation.py --data-dir DIR

Repetitions 3 to 7 of the benchmark's random splits; the recipe was tuned on 0 to 2.
Every method has the same model, batches, schedule, default number of steps, size of
tuning grid and at most 100,000 training rows; thresholds and settings come from
validation rows. The default fit has the learning rate that short runs of cross-entropy
choose, so its control branch is that method's own training. It can be stopped and goes
on where it stopped. Writes lines, a table and a figure of each tier under
`results/confirmation/`.
"""

import statistics
import sys
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import shared
from shared import DATA_DIR, make_parser

from losslearn_bench.grid.cells import Grid
from losslearn_bench.grid.local import LocalBackend
from losslearn_bench.grid.methods import HAND_MADE
from losslearn_bench.grid.presets import (
    HONEST_METRICS,
    KEEL_DATASETS,
    PAPER_DATASETS,
    make_grid,
)
from losslearn_bench.grid.results import LINES, ResultsFile
from losslearn_bench.grid.running import Progress, run_grid
from losslearn_bench.harness.budget import Budget
from losslearn_bench.tables.entries import (
    Entry,
    Key,
    best_by_validation,
    collect,
    gaps,
    shown,
)
from losslearn_bench.tables.entries import compare as judge
from losslearn_bench.tables.markdown import bold, markdown_table, paragraphs
from losslearn_bench.tables.outcomes import (
    contrast,
    count_verdicts,
    is_hand_made,
    order_of,
)

RESULTS = shared.RESULTS / "confirmation"
OURS, CONTROL = "default_fit", "cross_entropy"
FIRST, REPETITIONS, MAX_ROWS = 3, 5, 100_000
DATA = (
    *(name for name in PAPER_DATASETS if name != "santander"),  # not to be had
    *KEEL_DATASETS,
    "higgs_sample",
)
METRICS = (*HONEST_METRICS, "mcc_loss")
TIERS = ("linear", "mlp")
_FURTHEST = 40.0
"""Changes in % beyond which the figure shows a triangle."""


def make_grids() -> list[Grid]:
    """Return what runs; what takes long last, a repetition at a time."""
    whole = replace(
        make_grid("honest"),
        datasets=DATA,
        metrics=METRICS,
        repetitions=REPETITIONS,
        first_repetition=FIRST,
        only=None,
        budget=Budget(max_train_rows=MAX_ROWS),
    )
    names = [method.name for method in HAND_MADE if is_hand_made(method.name)]
    others = tuple(name for name in names if name != CONTROL)
    return [
        replace(whole, methods=(CONTROL, OURS), tiers=("linear",)),
        *(
            replace(whole, methods=methods, tiers=(tier,), repetitions=n)
            for tier, methods in (("mlp", (CONTROL, OURS)), ("linear", others))
            for n in range(1, REPETITIONS + 1)
        ),
    ]


class Row(NamedTuple):
    """The default fit on a data set by a metric, and what it is held against."""

    key: Key
    ours: Entry
    control: Entry
    best: str | None
    """The hand-made loss of the lowest validation loss; None without a choice."""
    best_entry: Entry | None


def collect_rows(results: ResultsFile, tier: str) -> list[Row]:
    """Return what can be compared in a tier."""
    entries = {
        key: entry
        for key, entry in collect(results.lines()).items()
        if key.tier == tier and entry.n
    }
    rows = []
    for key, ours in entries.items():
        control = entries.get(key._replace(method=CONTROL))
        if key.method != OURS or control is None:
            continue
        rivals = {
            other.method: entry
            for other, entry in entries.items()
            if (other.dataset, other.metric) == (key.dataset, key.metric)
            and is_hand_made(other.method)
            and len(gaps(ours, entry)) > 1
        }
        best = best_by_validation(rivals) if len(rivals) > 1 else None
        rows.append(Row(key, ours, control, best, rivals.get(best or "")))
    return rows


def _place(ours: Entry, theirs: Entry) -> str:
    verdict = judge(ours, theirs)
    gap = statistics.fmean(gaps(ours, theirs))
    return verdict if verdict != "tie" else f"tie ({gap:+.4f})"


def make_table(rows: list[Row], tier: str) -> str:
    """Return the table of a tier in Markdown."""
    lines = []
    for row in rows:
        best = ["", ""]
        if row.best_entry:
            name = f"{shown(row.best_entry, full=0)} ({row.best})"
            best = [name, _place(row.ours, row.best_entry)]
        both = [shown(entry, full=0) for entry in (row.ours, row.control)]
        axes = [row.key.dataset, row.key.metric, str(row.ours.n)]
        lines.append([*axes, *both, _place(row.ours, row.control), *best])
    heads = ["data", "metric", "splits", "default fit", "cross-entropy", ""]
    return paragraphs(
        f"# The default fit, {tier} tier",
        "Test losses, mean ± deviation over the splits; a verdict is a corrected "
        "resampled t-test at 5 %.",
        make_summary({tier: rows}),
        markdown_table([*heads, "best hand-made", ""], lines),
    )


def make_summary(by_tier: dict[str, list[Row]]) -> str:
    """Return wins, ties and losses of each metric in Markdown."""
    lines = []
    for tier, rows in by_tier.items():
        rivals = {
            "cross-entropy": [row.control for row in rows],
            "the best hand-made loss": [row.best_entry for row in rows],
        }
        for name, entries in rivals.items():
            found = [
                (row.key.metric, judge(row.ours, rival), gaps(row.ours, rival))
                for row, rival in zip(rows, entries, strict=True)
                if rival is not None
            ]
            if not found:
                continue
            cells = [
                count_verdicts(verdict for metric, verdict, _ in found if metric == one)
                for one in METRICS
            ]
            total = count_verdicts(verdict for _, verdict, _ in found)
            means = order_of([statistics.fmean(own) for _, _, own in found])
            lines.append([f"{tier}, {name}", *cells, bold(total), str(means)])
    heads = ["model, against", *METRICS, "all", "mean lower / equal / higher"]
    return markdown_table(heads, lines)


def draw(rows: list[Row], path: Path, title: str) -> None:
    """Write the figure of a tier: the cells in which some fit changed anything."""
    from losslearn.report.figures import save_figure
    from losslearn_bench.figures.outcomes import draw_outcomes

    changed = [row for row in rows if any(gaps(row.ours, row.control))]
    cells = [contrast(row.key, row.ours, row.control) for row in changed]
    note = f"not shown: {len(rows) - len(cells)} cells without any change"
    if cells:
        figure = draw_outcomes(cells, title=title, limit=_FURTHEST, note=note)
        save_figure(figure, path)


def write_results(out: Path) -> str:
    """Write tables and figures of the lines in a folder; return the summary."""
    results = ResultsFile(out / LINES)
    by_tier = {t: rows for t in TIERS if (rows := collect_rows(results, t))}
    for tier, rows in by_tier.items():
        (out / f"{tier}.md").write_text(make_table(rows, tier))
        draw(rows, out / tier, f"{tier}: the default fit against cross-entropy")
    summary = make_summary(by_tier)
    (out / "summary.md").write_text(f"{summary}\n")
    return summary


def main(args: list[str] | None = None) -> None:
    """Run what is missing, then write tables and figures."""
    options = make_parser(
        __doc__,
        jobs=2,
        tier={"choices": TIERS, "help": "run this one alone"},
        out=RESULTS,
        data_dir=DATA_DIR,
        tables_only={"action": "store_true", "help": "run nothing"},
    ).parse_args(args)
    options.out.mkdir(parents=True, exist_ok=True)
    results = ResultsFile(options.out / LINES)

    def watch(progress: Progress) -> None:
        if progress.latest is not None and progress.latest.error is not None:
            sys.stderr.write(f"{progress.latest.job.name}: {progress.latest.error}\n")
        sys.stderr.write(f"\r{progress.n_done} of {progress.n_cells} cells ")

    if not options.tables_only:
        with LocalBackend(options.jobs) as backend:
            for grid in make_grids():
                if options.tier in (None, *grid.tiers):
                    given = {"data_dir": options.data_dir, "watch": watch}
                    run_grid(grid, results, backend, **given)
    sys.stdout.write(f"{write_results(options.out)}\n")


if __name__ == "__main__":
    main()
