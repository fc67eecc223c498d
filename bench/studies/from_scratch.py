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

from fits import Line, make_cells, make_parser, run_grid, where
from shared import report
from variants import KEY, run_cell

from losslearn_bench.tables.markdown import markdown_table, mean_and_deviation

RECIPE = "mode=scratch,warm_up=0.0,replay=1"
ALONE = f"{RECIPE},cross_entropy_weight=0.0,rounds=1"
DATA = ("ijcnn1", "cc_fraud", "keel_page_blocks0")
METRICS = ("auc", "average_precision", "f1", "error_rate", "mcc")
SEEDS, MAX_ITER, MAX_ROWS = 20, 300, 5_000


def make_table(lines: list[Line]) -> str:
    """Return means, deviations and counts in Markdown."""
    rows = []
    for data in DATA:
        for metric in METRICS:
            own = where(lines, data=data, metric=metric)
            found = [where(own, variant=variant) for variant in (RECIPE, ALONE)]
            longest = max(found, key=len)
            if len(longest) < 2:
                continue
            control = [line["cross_entropy"]["test"] for line in longest]
            entries = [entry for part in found for entry in _entry(part)]
            counts = [str(len(longest)), mean_and_deviation(control)]
            rows.append([data, metric, *counts, *entries])
    ratio = "its deviation / cross-entropy's"
    heads = ["data", "metric", "seeds", "cross-entropy", "the recipe", ratio]
    heads += ["constant", "learned loss alone", ratio, "constant"]
    return markdown_table(heads, rows)


def _entry(lines: list[Line]) -> list[str]:
    """Return mean, ratio of the deviations and number of constant models."""
    if len(lines) < 2:
        return ["", "", ""]
    ours = [line["surrogate"]["test"] for line in lines]
    theirs = [line["cross_entropy"]["test"] for line in lines]
    spread = statistics.stdev(theirs)
    ratio = statistics.stdev(ours) / spread if spread else float("nan")
    constant = sum(line["surrogate"]["constant"] for line in lines)
    return [mean_and_deviation(ours), f"{ratio:.2f}", str(constant)]


def main(args: list[str] | None = None) -> None:
    """Run what is missing, then print and write the table."""
    options = make_parser(__doc__, "from_scratch.jsonl").parse_args(args)
    cells = [
        cell
        for variant in (ALONE, RECIPE)
        for cell in make_cells(
            KEY, range(SEEDS), DATA, METRICS, [variant], [MAX_ITER], [MAX_ROWS]
        )
    ]
    report(make_table(run_grid(cells, options, run_cell)), options.results)


if __name__ == "__main__":
    main()
