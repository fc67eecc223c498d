"""The same cells in two runs of the benchmark: what a change of the code did to them.

    python bench/studies/two_runs.py BEFORE.jsonl AFTER.jsonl --method default_fit

Pairs the lines of a method by tier, data set, metric and repetition. The table counts
entries (a data set and metric, over its repetitions) by the benchmark's paired test,
win meaning that the second run is lower, and single fits by their test loss; and gives
the mean and the median over entries of the change of the mean loss.
"""

import statistics
import sys
from itertools import groupby
from pathlib import Path

from shared import make_parser

from losslearn_bench.grid.results import ResultsFile
from losslearn_bench.tables.entries import Entries, Entry, collect, compare, pair
from losslearn_bench.tables.markdown import markdown_table, mean_and_error
from losslearn_bench.tables.outcomes import count_verdicts, order_of


def read(path: Path, method: str) -> Entries:
    """Return the entries of a method in a file of result lines."""
    lines = ResultsFile(path).lines()
    return collect([line for line in lines if line["method"] == method])


def make_table(before: Entries, after: Entries) -> str:
    """Return the comparison in Markdown, a row for each tier and metric."""
    both = before.keys() & after.keys()
    shared = sorted(both, key=lambda key: (key.tier, key.metric))
    rows = []
    for tier, in_tier in groupby(shared, key=lambda key: key.tier):
        keys = list(in_tier)
        parts = {metric: list(of) for metric, of in groupby(keys, lambda k: k.metric)}
        for metric, part in {**parts, "all": keys}.items():
            pairs = [(before[key], after[key]) for key in part]
            rows.append([tier, metric, str(len(pairs)), *_summary(pairs)])
    heads = ["tier", "metric", "entries", "win / tie / loss", "mean change", "median"]
    return markdown_table([*heads, "fits lower / equal / higher"], rows)


def _summary(pairs: list[tuple[Entry, Entry]]) -> list[str]:
    several = [(new, old) for old, new in pairs if len(pair(new, old)) > 1]
    verdicts = count_verdicts(compare(new, old) for new, old in several)
    gaps, changes = [], []
    for old, new in pairs:
        both = pair(new, old)
        gaps += [after - before for after, before in both]
        total = sum(before for _, before in both)
        # a data set that either run predicts without an error has no relative change
        if total > 0:
            changes.append(100 * (sum(after for after, _ in both) / total - 1))
    change = ["", ""]
    if changes:
        mean = mean_and_error(changes, form="+.2f", unit=" %")
        change = [mean, f"{statistics.median(changes):+.2f} %"]
    return [verdicts, *change, str(order_of(gaps))]


def main(args: list[str] | None = None) -> None:
    """Print the table."""
    parser = make_parser(__doc__, method="default_fit")
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    options = parser.parse_args(args)
    runs = (read(path, options.method) for path in (options.before, options.after))
    sys.stdout.write(make_table(*runs) + "\n")


if __name__ == "__main__":
    main()
