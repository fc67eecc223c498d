"""Whether training ends with a useless model where nothing helps it to start.

    python benchmarks/from_scratch.py --data-dir DIR

The MLP from random weights with a surrogate from random weights, no cross-entropy
before it, none beside it as long as the learned gradient can be trusted, and no round
in which its branch could go on from the control's weights: 20 seeds, each with its own
split, 5 losses, 3 data sets with few positives.
Counts the fits that end with the same score for every row, and sets the deviation of
the test loss over the seeds beside that of cross-entropy. Goes on where it stopped;
lines and table are written under `results/`.
"""

import argparse
import os
import statistics
import sys
from pathlib import Path

from variants import KEY, Line, read_lines, run_grid

RESULTS = Path(__file__).parent / "results" / "from_scratch.jsonl"
VARIANT = "mode=scratch,warm_up=0.0,cross_entropy_weight=0.0,rounds=1"
DATA = ("ijcnn1", "cc_fraud", "keel_page_blocks0")
METRICS = ("auc", "average_precision", "f1", "error_rate", "mcc")
SEEDS, MAX_ITER, MAX_ROWS = 20, 300, 5_000


def make_table(lines: list[Line]) -> str:
    """Return means, deviations and counts in Markdown."""
    rows = [
        "| data | metric | seeds | end constant | learned loss | cross-entropy "
        "| ratio of the deviations |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for data in DATA:
        for metric in METRICS:
            found = [
                line
                for line in lines
                if (line["data"], line["metric"]) == (data, metric)
            ]
            if len(found) < 2:
                continue
            ours, theirs = (
                [line[name]["test"] for line in found]
                for name in ("surrogate", "cross_entropy")
            )
            constant = sum(line["surrogate"]["constant"] for line in found)
            spreads = statistics.stdev(ours), statistics.stdev(theirs)
            ratio = spreads[0] / spreads[1] if spreads[1] else float("nan")
            rows.append(
                f"| {data} | {metric} | {len(found)} | {constant} | "
                f"{statistics.fmean(ours):.4f} ± {spreads[0]:.4f} | "
                f"{statistics.fmean(theirs):.4f} ± {spreads[1]:.4f} | {ratio:.2f} |"
            )
    return "\n".join(rows) + "\n"


def main(args: list[str] | None = None) -> None:
    """Run what is missing, then print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--data-dir", type=Path, default=os.getenv("LOSSLEARN_DATA"))
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args(args)
    cells = [
        dict(zip(KEY, (data, metric, VARIANT, seed, MAX_ITER, MAX_ROWS), strict=True))
        for seed in range(SEEDS)
        for data in DATA
        for metric in METRICS
    ]
    run_grid(cells, options)
    table = make_table(read_lines(options.results))
    options.results.with_suffix(".md").write_text(table)
    sys.stdout.write(table)


if __name__ == "__main__":
    main()
