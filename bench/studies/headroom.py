"""How far a linear model can be brought below cross-entropy, by any gradient.

    python bench/studies/headroom.py --data-dir DIR

From the weights that cross-entropy leaves (those of the lowest validation loss) the
metric of all training rows is descended along its central differences, weight by
weight, as `gradient_quality.py` does: no surrogate, no sampling, far too dear to train
by. The weights of the lowest validation loss are kept. Where this does not lower the
test loss, no learned loss can be expected to. Goes on where it stopped; lines and table
are written under `results/`.
"""

import statistics
from pathlib import Path

from fits import Line, load, make_cells, make_parser, run_grid, where
from shared import report

from losslearn_bench.tables.markdown import markdown_table

KEY = ("seed", "data", "metric")
FEW = (
    "skin",
    "keel_abalone19",
    "keel_yeast4",
    "keel_page_blocks0",
    "cod_rna",
    "ijcnn1",
)
MORE = ("susy", "cc_fraud", "keel_kddcup_buffer_overflow", "higgs_sample")
DATA = (*FEW, *MORE, "covtype", "porto_seguro", "a9a")
"""From few features, which are cheap, to many."""
METRICS = ("roc_auc", "average_precision", "error_rate", "f1", "mcc")
MAX_ROWS, STEPS, LOOK_EVERY = 20_000, 60, 5


def run_cell(cell: Line, data_dir: Path | None) -> Line:
    """Descend once and return the line."""
    from gradient_quality import by_cross_entropy, descend, losses_of, weights_of

    from losslearn.metrics import as_true_loss
    from losslearn.training.recipe import Recipe

    true_loss = as_true_loss(cell["metric"])
    rows = load(cell["data"], cell["seed"], MAX_ROWS, data_dir)
    model, run = by_cross_entropy(rows, true_loss, Recipe(), seed=cell["seed"])
    model.load_state_dict(run.best_state)
    start = losses_of(model, rows, true_loss)
    seen = [start]

    def watch(step: int) -> None:
        if step % LOOK_EVERY == 0:
            seen.append(losses_of(model, rows, true_loss))

    descend(model, rows.data, true_loss, STEPS, watch=watch)
    best = min(seen, key=lambda one: one["validation"])
    n_weights = len(weights_of(model))
    return {**cell, "n_weights": n_weights, "cross_entropy": start, "descent": best}


def make_table(lines: list[Line]) -> str:
    """Return means over the splits in Markdown."""
    rows = []
    for data in DATA:
        for metric in METRICS:
            found = where(lines, data=data, metric=metric)
            if not found:
                continue
            losses = {
                (part, branch): [line[branch][part] for line in found]
                for part in ("train", "test")
                for branch in ("cross_entropy", "descent")
            }
            means = [f"{statistics.fmean(own):.4f}" for own in losses.values()]
            pairs = [losses["test", one] for one in ("descent", "cross_entropy")]
            gaps = [ours - theirs for ours, theirs in zip(*pairs, strict=True)]
            spread = f" ± {statistics.stdev(gaps):.4f}" if len(gaps) > 1 else ""
            change = f"{statistics.fmean(gaps):+.4f}{spread}"
            rows.append([data, metric, str(len(found)), *means, change])
    heads = ["train, cross-entropy", "train, descent"]
    heads += ["test, cross-entropy", "test, descent", "change on test rows"]
    return markdown_table(["data", "metric", "splits", *heads], rows)


def main(args: list[str] | None = None) -> None:
    """Run what is missing, then print and write the table."""
    seeds = {"type": int, "default": 1, "help": "each its own split"}
    options = make_parser(__doc__, "headroom.jsonl", seeds=seeds).parse_args(args)
    cells = make_cells(KEY, range(options.seeds), DATA, METRICS)
    report(make_table(run_grid(cells, options, run_cell)), options.results)


if __name__ == "__main__":
    main()
