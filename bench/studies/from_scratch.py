"""Whether training ends with a useless model where nothing helps it to start.

    python bench/studies/from_scratch.py --data-dir DIR

The MLP from random weights with a surrogate from random weights, without a warm-up by
cross-entropy, each set fitted once: 20 seeds, each with its own split, 5 losses, 3 data
sets with few positives. Once with the rest of the recipe, and once with no
cross-entropy beside the learned loss as long as its gradient can be trusted and no
round in which its branch could go on from the control's weights. Counts the fits that
end with the same score for every row, and sets the deviation of the test loss over the
seeds beside that of cross-entropy. Goes on where it stopped; lines and table are
written under `results/`.
"""

import statistics
from pathlib import Path

from variants import KEY, Line, make_parser, read_lines, report, run_grid

RESULTS = Path(__file__).parents[1] / "results" / "from_scratch.jsonl"
RECIPE = "mode=scratch,warm_up=0.0,replay=1"
ALONE = f"{RECIPE},cross_entropy_weight=0.0,rounds=1"
DATA = ("ijcnn1", "cc_fraud", "keel_page_blocks0")
METRICS = ("auc", "average_precision", "f1", "error_rate", "mcc")
SEEDS, MAX_ITER, MAX_ROWS = 20, 300, 5_000


def make_table(lines: list[Line]) -> str:
    """Return means, deviations and counts in Markdown."""
    rows = [
        "| data | metric | seeds | cross-entropy | the recipe | its deviation / "
        "cross-entropy's | constant | learned loss alone | its deviation / "
        "cross-entropy's | constant |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for data in DATA:
        for metric in METRICS:
            own = [
                line
                for line in lines
                if (line["data"], line["metric"]) == (data, metric)
            ]
            found = [
                [line for line in own if line["variant"] == variant]
                for variant in (RECIPE, ALONE)
            ]
            if max(map(len, found)) < 2:
                continue
            longest = max(found, key=len)
            control = [line["cross_entropy"]["test"] for line in longest]
            entries = [entry for part in found for entry in _entry(part)]
            rows.append(
                f"| {data} | {metric} | {len(longest)} | {_mean(control)} | "
                f"{' | '.join(entries)} |"
            )
    return "\n".join(rows) + "\n"


def _mean(losses: list[float]) -> str:
    return f"{statistics.fmean(losses):.4f} ± {statistics.stdev(losses):.4f}"


def _entry(lines: list[Line]) -> list[str]:
    """Return mean, ratio of the deviations and number of constant models."""
    if len(lines) < 2:
        return ["", "", ""]
    ours, theirs = (
        [line[name]["test"] for line in lines]
        for name in ("surrogate", "cross_entropy")
    )
    spread = statistics.stdev(theirs)
    ratio = statistics.stdev(ours) / spread if spread else float("nan")
    constant = sum(line["surrogate"]["constant"] for line in lines)
    return [_mean(ours), f"{ratio:.2f}", str(constant)]


def main(args: list[str] | None = None) -> None:
    """Run what is missing, then print and write the table."""
    options = make_parser(__doc__, RESULTS).parse_args(args)
    cells = [
        dict(zip(KEY, (data, metric, variant, seed, MAX_ITER, MAX_ROWS), strict=True))
        for variant in (ALONE, RECIPE)
        for seed in range(SEEDS)
        for data in DATA
        for metric in METRICS
    ]
    run_grid(cells, options)
    report(make_table(read_lines(options.results)), options.results)


if __name__ == "__main__":
    main()
