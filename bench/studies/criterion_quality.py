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

import argparse
import statistics
import sys
from collections import Counter
from pathlib import Path

from losslearn_bench.grid.job import Line
from losslearn_bench.grid.results import LINES, ResultsFile
from losslearn_bench.tables.contrasts import Contrast, contrasts
from losslearn_bench.tables.lines import table_lines

RESULTS = Path(__file__).parents[1] / "results"


def spread_of(lines: list[Line], cell: Contrast) -> float:
    """Return the deviation of the estimator's test loss over all its splits."""
    found = [
        line["losses"]["test"]
        for line in lines
        if (line["tier"], line["dataset"], line["metric"], line["method"])
        == (cell.tier, cell.dataset, cell.metric, "sl_r")
    ]
    return statistics.stdev(found) if len(found) > 1 else 0.0


def place(cell: Contrast, spread: float) -> str:
    """Return where the criterion's mean lies: "better", "within" or "worse"."""
    gap = statistics.fmean(cell.ours) - statistics.fmean(cell.control)
    if abs(gap) <= spread:
        return "within"
    return "better" if gap < 0 else "worse"


def summary(lines: list[Line], control: str) -> list[str]:
    """Return how often the criterion is lower, and the t-test's verdicts, by tier."""
    tiers: dict[str, list[Contrast]] = {}
    for cell in contrasts(lines, ours="criterion", control=control):
        tiers.setdefault(cell.tier, []).append(cell)
    rows = []
    for tier, cells in tiers.items():
        gaps = [sum(cell.ours) - sum(cell.control) for cell in cells]
        lower, higher = sum(gap < 0 for gap in gaps), sum(gap > 0 for gap in gaps)
        verdicts = Counter(cell.verdict for cell in cells)
        rows.append(
            f"| {tier} | {control} | {lower} / {len(cells) - lower - higher} / "
            f"{higher} | {verdicts['win']} / {verdicts['tie']} / {verdicts['loss']} |"
        )
    return rows


def make_table(lines: list[Line]) -> str:
    """Return the tables in Markdown."""
    rows = [
        "| tier | data | metric | splits | criterion | estimator | its deviation | |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    counts: Counter[str] = Counter()
    for cell in contrasts(lines, ours="criterion", control="sl_r"):
        spread = spread_of(lines, cell)
        where = place(cell, spread)
        counts[where] += 1
        ours, theirs = statistics.fmean(cell.ours), statistics.fmean(cell.control)
        rows.append(
            f"| {cell.tier} | {cell.dataset} | {cell.metric} | {len(cell.ours)} | "
            f"{ours:.4f} | {theirs:.4f} | {spread:.4f} | {where} |"
        )
    return "\n".join(
        [
            "The criterion in a plain loop, against:",
            "",
            "| tier | control | mean lower / equal / higher "
            "| t-test, win / tie / loss |",
            "| --- | --- | --- | --- |",
            *summary(lines, "sl_r"),
            *summary(lines, "cross_entropy"),
            "",
            f"{counts['within']} cells within the estimator's spread, "
            f"{counts['better']} better, {counts['worse']} worse, of {counts.total()}.",
            "",
            *rows,
            "",
        ]
    )


def main(args: list[str] | None = None) -> None:
    """Print the table and write it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of lines")
    options = parser.parse_args(args)
    own = options.results / "criterion"
    files = ResultsFile(options.results / LINES), ResultsFile(own / LINES)
    lines = table_lines([line for file in files for line in file.lines()], "honest")
    table = make_table(lines)
    sys.stdout.write(table)
    (own / "quality.md").write_text(table)


if __name__ == "__main__":
    main()
