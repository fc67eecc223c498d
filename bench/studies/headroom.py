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

from variants import Line, make_parser, read_lines, report, run_grid

RESULTS = Path(__file__).parents[1] / "results" / "headroom.jsonl"
KEY = ("data", "metric", "seed")
DATA = (
    "skin",
    "keel_abalone19",
    "keel_yeast4",
    "keel_page_blocks0",
    "cod_rna",
    "ijcnn1",
    "susy",
    "cc_fraud",
    "keel_kddcup_buffer_overflow",
    "higgs_sample",
    "covtype",
    "porto_seguro",
    "a9a",
)
"""From few features, which are cheap, to many."""
METRICS = ("roc_auc", "average_precision", "error_rate", "f1", "mcc")
MAX_ROWS, STEPS, LOOK_EVERY = 20_000, 60, 5


def run_cell(cell: Line, data_dir: Path | None) -> Line:
    """Descend once and return the line."""
    import torch
    from gradient_quality import descend, weights_of

    from losslearn.metrics import as_true_loss
    from losslearn.models.networks import build_model, score_rows
    from losslearn.tasks.thresholds import best_threshold, evaluate
    from losslearn.tasks.usual import CrossEntropy
    from losslearn.training.loop import Run, Trainer
    from losslearn.training.recipe import BilevelConfig
    from losslearn_bench.datasets import load_dataset
    from losslearn_bench.harness.rows import training_data
    from losslearn_bench.harness.splits import split_rows

    torch.set_num_threads(1)
    torch.manual_seed(cell["seed"])
    true_loss, config = as_true_loss(cell["metric"]), BilevelConfig()
    dataset = load_dataset(cell["data"], data_dir=data_dir)
    split = split_rows(dataset.y, dataset.name, cell["seed"], max_train_rows=MAX_ROWS)
    data = training_data(dataset, split)
    x_test, y_test = (torch.from_numpy(a[split.test]) for a in (dataset.x, dataset.y))
    model = build_model("linear", data.x)
    generator = torch.Generator().manual_seed(cell["seed"])
    run = Run("cross_entropy")
    trainer = Trainer(model, data, true_loss, config, generator=generator)
    trainer.train(run, CrossEntropy(), config.max_iter)
    model.load_state_dict(run.best_state)

    def losses() -> Line:
        y_score, threshold = score_rows(model, data.x_valid), None
        if true_loss.needs_threshold:
            threshold, _ = best_threshold(true_loss, data.y_valid, y_score)
        return {
            "train": float(true_loss(data.y_true, score_rows(model, data.x))),
            "validation": float(true_loss(data.y_valid, y_score)),
            "test": evaluate(
                true_loss, y_test, score_rows(model, x_test), threshold=threshold
            ),
        }

    start = losses()
    seen = [start]

    def watch(step: int) -> None:
        if step % LOOK_EVERY == 0:
            seen.append(losses())

    descend(model, data, true_loss, STEPS, watch=watch)
    best = min(seen, key=lambda one: one["validation"])
    n_weights = len(weights_of(model))
    return {**cell, "n_weights": n_weights, "cross_entropy": start, "descent": best}


def make_table(lines: list[Line]) -> str:
    """Return means over the splits in Markdown."""
    rows = [
        "| data | metric | splits | train, cross-entropy | train, descent | test, "
        "cross-entropy | test, descent | change on test rows |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for data in DATA:
        for metric in METRICS:
            found = [
                line
                for line in lines
                if (line["data"], line["metric"]) == (data, metric)
            ]
            if not found:
                continue
            means = [
                statistics.fmean(line[branch][part] for line in found)
                for part in ("train", "test")
                for branch in ("cross_entropy", "descent")
            ]
            gaps = [
                line["descent"]["test"] - line["cross_entropy"]["test"]
                for line in found
            ]
            spread = f" ± {statistics.stdev(gaps):.4f}" if len(gaps) > 1 else ""
            values = " | ".join(f"{mean:.4f}" for mean in means)
            rows.append(
                f"| {data} | {metric} | {len(found)} | {values} | "
                f"{statistics.fmean(gaps):+.4f}{spread} |"
            )
    return "\n".join(rows) + "\n"


def main(args: list[str] | None = None) -> None:
    """Run what is missing, then print and write the table."""
    parser = make_parser(__doc__, RESULTS)
    parser.add_argument("--seeds", type=int, default=1, help="each its own split")
    options = parser.parse_args(args)
    cells = [
        dict(zip(KEY, (data, metric, seed), strict=True))
        for seed in range(options.seeds)
        for data in DATA
        for metric in METRICS
    ]
    run_grid(cells, options, run=run_cell, key=KEY)
    report(make_table(read_lines(options.results)), options.results)


if __name__ == "__main__":
    main()
