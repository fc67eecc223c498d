"""The same cells in two runs of the benchmark: what a change of the code did to them.

    python bench/studies/two_runs.py BEFORE.jsonl AFTER.jsonl --method default_fit

Pairs the lines of a method by tier, data set, metric and repetition. The table counts
entries (a data set and metric, over its repetitions) by the benchmark's paired test,
win meaning that the second run is lower, and single fits by their test loss; and gives
the mean and the median over entries of the change of the mean loss.
"""

import argparse
import statistics
import sys
from collections import Counter
from itertools import groupby
from pathlib import Path

from losslearn_bench.grid.results import ResultsFile
from losslearn_bench.tables.entries import Entries, Entry, collect, compare, pair

HEAD = (
    "| tier | metric | entries | win / tie / loss | mean change | median | "
    "fits lower / equal / higher |",
    "| --- | --- | --- | --- | --- | --- | --- |",
)


def read(path: Path, method: str) -> Entries:
    """Return the entries of a method in a file of result lines.

    Raises:
        ValueError: If the file has no line of it, or its lines do not belong together.
    """
    return collect(
        [one for one in ResultsFile(path).lines() if one["method"] == method]
    )


def make_table(before: Entries, after: Entries) -> str:
    """Return the comparison in Markdown, a row for each tier and metric."""
    shared = sorted(
        before.keys() & after.keys(), key=lambda key: (key.tier, key.metric)
    )
    rows = list(HEAD)
    for tier, in_tier in groupby(shared, key=lambda key: key.tier):
        keys = list(in_tier)
        parts = {metric: list(of) for metric, of in groupby(keys, lambda k: k.metric)}
        for metric, part in {**parts, "all": keys}.items():
            pairs = [(before[key], after[key]) for key in part]
            rows.append(f"| {tier} | {metric} | {len(pairs)} | {_summary(pairs)} |")
    return "\n".join(rows) + "\n"


def _summary(pairs: list[tuple[Entry, Entry]]) -> str:
    verdicts = Counter(
        compare(new, old) for old, new in pairs if len(pair(new, old)) > 1
    )
    fits: Counter[int] = Counter()
    changes = []
    for old, new in pairs:
        both = [(old.test[i], new.test[i]) for i in pair(old, new)]
        fits.update((b > a) - (b < a) for a, b in both)
        total = sum(a for a, _ in both)
        # a data set that either run predicts without an error has no relative change
        if total > 0:
            changes.append(100 * (sum(b for _, b in both) / total - 1))
    return (
        f"{verdicts['win']} / {verdicts['tie']} / {verdicts['loss']} | "
        f"{_change(changes)} | {fits[-1]} / {fits[0]} / {fits[1]}"
    )


def _change(changes: list[float]) -> str:
    if not changes:
        return " | "
    error = statistics.stdev(changes) / len(changes) ** 0.5 if len(changes) > 1 else 0.0
    mean, median = statistics.fmean(changes), statistics.median(changes)
    return f"{mean:+.2f} ± {error:.2f} % | {median:+.2f} %"


def main(args: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--method", default="default_fit")
    options = parser.parse_args(args)
    runs = (read(path, options.method) for path in (options.before, options.after))
    sys.stdout.write(make_table(*runs))


if __name__ == "__main__":
    main()
