r"""`SurrogateLoss` in a plain loop against the estimator's own loop, cell by cell.

    losslearn-bench run honest --method criterion --tier linear --tier mlp \
        --out bench/results/criterion
    python bench/studies/criterion_quality.py

Reads those lines and the estimator's of the honest grid: the same data, splits, steps
and tuning. A cell is within the spread where the two mean test losses, over the splits
that both have, lie no further apart than the deviation of the estimator's test loss
over its splits; two runs of one and the same method would leave that spread in about a
third of the cells, were their splits not the same. So the verdicts of the other tables'
corrected resampled t-test stand beside it. Prints the tables and writes
`results/criterion/quality.md`.
"""

import statistics
from collections import Counter
from pathlib import Path

from shared import RESULTS, make_parser, report

from losslearn_bench.grid.job import Line
from losslearn_bench.grid.results import LINES, ResultsFile
from losslearn_bench.tables.entries import collect
from losslearn_bench.tables.lines import table_lines
from losslearn_bench.tables.markdown import markdown_table
from losslearn_bench.tables.outcomes import (
    Contrast,
    contrasts,
    count_verdicts,
    order_of,
)


def summary(lines: list[Line], control: str) -> list[list[str]]:
    """Return how often the criterion is lower, and the t-test's verdicts, by tier."""
    tiers: dict[str, list[Contrast]] = {}
    for cell in contrasts(lines, ours="criterion", control=control):
        tiers.setdefault(cell.key.tier, []).append(cell)
    rows = []
    for tier, cells in tiers.items():
        order = order_of([sum(cell.ours) - sum(cell.control) for cell in cells])
        verdicts = count_verdicts(cell.verdict for cell in cells)
        rows.append([tier, control, str(order), verdicts])
    return rows


def make_table(lines: list[Line]) -> str:
    """Return the tables in Markdown."""
    entries, rows = collect(lines), []
    counts: Counter[str] = Counter()
    for cell in contrasts(lines, ours="criterion", control="sl_r"):
        # of the estimator, over all its splits
        found = list(entries[cell.key._replace(method="sl_r")].test.values())
        spread = statistics.stdev(found) if len(found) > 1 else 0.0
        ours, theirs = statistics.fmean(cell.ours), statistics.fmean(cell.control)
        where = "better" if ours < theirs else "worse"
        where = "within" if abs(ours - theirs) <= spread else where
        counts[where] += 1
        tier, dataset, metric, _ = cell.key
        values = [f"{value:.4f}" for value in (ours, theirs, spread)]
        rows.append([tier, dataset, metric, str(len(cell.ours)), *values, where])
    controls = ("sl_r", "cross_entropy")
    against = [row for control in controls for row in summary(lines, control)]
    heads = ["tier", "control", "mean lower / equal / higher"]
    cells = ["tier", "data", "metric", "splits", "criterion", "estimator"]
    return "\n\n".join(
        [
            "The criterion in a plain loop, against:",
            markdown_table([*heads, "t-test, win / tie / loss"], against),
            f"{counts['within']} cells within the estimator's spread, "
            f"{counts['better']} better, {counts['worse']} worse, of {counts.total()}.",
            markdown_table([*cells, "its deviation", ""], rows),
        ]
    )


def main(args: list[str] | None = None) -> None:
    """Print the table and write it."""
    lines_at = {"type": Path, "default": RESULTS, "help": "folder of lines"}
    options = make_parser(__doc__, results=lines_at).parse_args(args)
    own = options.results / "criterion"
    files = ResultsFile(options.results / LINES), ResultsFile(own / LINES)
    lines = table_lines([line for file in files for line in file.lines()], "honest")
    report(make_table(lines), own / "quality.md")


if __name__ == "__main__":
    main()
