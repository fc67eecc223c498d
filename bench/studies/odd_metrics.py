"""Metrics that no hand-made loss covers, each trained for beside cross-entropy.

    python bench/studies/odd_metrics.py --data-dir DIR

Four plain callables: profit with an amount of its own for each row, recall among the
top 1 % of scores, F1 subject to a precision of at least 0.8, and the rank correlation
of scores with the amount at stake. Every cell (data, metric, model, seed) trains the
surrogate's branch and its cross-entropy control by `losslearn.training.comparison.compare`, on
a split of its own and at most 20,000 training rows, and becomes one line; what has a
line is not run again. Thresholds come from validation rows.

The amounts are generated, since these data sets have none: log-normal, of mean 1, two
thirds of their variance (in logs) a fixed direction of the features, the rest noise.
They depend on data set and row alone, and the model does not see them.
"""

import argparse
import itertools
import statistics
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from variants import (
    BRANCHES,
    METHODS,
    Line,
    fit_branches,
    make_parser,
    read_lines,
    report,
    run_grid,
)

from losslearn.metrics import declare_metric

Array = NDArray[Any]

RESULTS = Path(__file__).parents[1] / "results" / "odd_metrics.jsonl"
KEY = ("data", "metric", "model", "seed", "max_iter", "max_rows")
DATA = ("ijcnn1", "covtype", "cod_rna")
MODELS = ("linear", "mlp")
_COST = 0.5
"""Of calling a negative row positive, in mean amounts."""
_LEAST_PRECISION, _PENALTY = 0.8, 5.0


@declare_metric(greater_is_better=True, batched=True)
def profit(y_true: Array, y_pred: Array, *, amount: Array) -> Array:
    """Return the mean gain: a found positive's amount, less a cost a false alarm."""
    return (y_pred * np.where(y_true == 1, amount, -_COST)).mean(-1)


@declare_metric(greater_is_better=True, batched=True)
def recall_in_top_percent(y_true: Array, y_score: Array) -> Array:
    """Return the share of the positives found that could stand in the top 1 %."""
    k = -(-y_score.shape[-1] // 100)
    top = np.argsort(-y_score, axis=-1, kind="stable")[..., :k]
    found = np.take_along_axis(y_true, top, -1).sum(-1)
    return found / np.minimum(y_true.sum(-1), k)


@declare_metric(greater_is_better=True, batched=True)
def f1_at_precision(y_true: Array, y_pred: Array) -> Array:
    """Return F1, less five times what is lacking of a precision of 0.8."""
    true_positives, called = (y_true * y_pred).sum(-1), y_pred.sum(-1)
    f1 = 2 * true_positives / (called + y_true.sum(-1))
    precision = np.where(called > 0, true_positives / np.maximum(called, 1), 1.0)
    return f1 - _PENALTY * np.maximum(_LEAST_PRECISION - precision, 0)


@declare_metric(greater_is_better=True, batched=True)
def rank_correlation(y_true: Array, y_score: Array, *, amount: Array) -> Array:
    """Return Spearman's correlation of the scores with the positives' amounts."""
    ranks = [rankdata(part, axis=-1) for part in (y_score, y_true * amount)]
    ours, theirs = (rank - rank.mean(-1, keepdims=True) for rank in ranks)
    spread = np.sqrt((ours**2).sum(-1) * (theirs**2).sum(-1))
    # equal scores have no order at all, which is worth nothing
    return (ours * theirs).sum(-1) / np.where(spread > 0, spread, 1)


METRICS = {
    metric.__name__: metric
    for metric in (profit, recall_in_top_percent, f1_at_precision, rank_correlation)
}


def make_amounts(x: Array, name: str) -> NDArray[np.float64]:
    """Return an amount for each row of a data set, the same in every run."""
    from losslearn_bench.harness.splits import seed_of

    generator = np.random.default_rng(seed_of(name, "amount"))
    spread = x.std(0)
    z = (x - x.mean(0)) / np.where(spread > 0, spread, 1)
    along = z @ generator.normal(size=x.shape[1])
    logs = np.sqrt(2 / 3) * (along - along.mean()) / along.std()
    logs = logs + np.sqrt(1 / 3) * generator.normal(size=len(x))
    amounts = np.exp(np.clip(logs, -3, 3))
    return np.asarray(amounts / amounts.mean(), dtype=np.float64)


def run_cell(cell: Line, data_dir: Path | None) -> Line:
    """Fit once and return the line."""
    import torch

    from losslearn.metrics import as_true_loss
    from losslearn.models.networks import build_model
    from losslearn.training.recipe import BilevelConfig
    from losslearn_bench.datasets import load_dataset
    from losslearn_bench.harness.rows import training_data
    from losslearn_bench.harness.splits import split_rows

    torch.set_num_threads(1)
    true_loss = as_true_loss(METRICS[cell["metric"]])
    dataset = load_dataset(cell["data"], data_dir=data_dir)
    split = split_rows(
        dataset.y, dataset.name, cell["seed"], max_train_rows=cell["max_rows"]
    )
    data = training_data(dataset, split)
    test: Line = {
        "x": torch.from_numpy(dataset.x[split.test]),
        "y_true": torch.from_numpy(dataset.y[split.test]),
    }
    if true_loss.columns:
        amounts = torch.from_numpy(make_amounts(dataset.x, dataset.name))
        train, valid, test["columns"] = (
            {"amount": amounts[torch.from_numpy(rows)]} for rows in split
        )
        data = data._replace(columns=train, valid_columns=valid)
    branches = fit_branches(
        lambda: build_model(cell["model"], data.x),
        data,
        test,
        true_loss,
        BilevelConfig(max_iter=cell["max_iter"]),
        seed=cell["seed"],
    )
    return {**cell, **branches}


def make_table(cells: list[Line], args: argparse.Namespace) -> str:
    """Return the table of the cells asked for that are finished, in Markdown."""
    lines = {tuple(line[k] for k in KEY): line for line in read_lines(args.results)}
    rows = [
        "| metric | data | model | surrogate | cross-entropy | chosen | surrogate - "
        "cross-entropy | lower in | chosen - cross-entropy | lower in |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for metric, data, model in itertools.product(args.metric, args.data, args.model):
        found = [
            lines[key]
            for cell in cells
            if (cell["metric"], cell["data"], cell["model"]) == (metric, data, model)
            and (key := tuple(cell[k] for k in KEY)) in lines
        ]
        if not found:
            continue
        means = [
            f"{statistics.fmean(line[branch]['test'] for line in found):.4f}"
            for branch in (*METHODS, "chosen")
        ]
        gaps = [_gap(found, branch) for branch in BRANCHES if branch != METHODS[1]]
        rows.append(f"| {' | '.join([metric, data, model, *means, *gaps])} |")
    return "\n".join(rows) + "\n"


def _gap(lines: list[Line], branch: str) -> str:
    """Return the mean difference to the control, and in how many seeds it is lower."""
    gaps = [line[branch]["test"] - line["cross_entropy"]["test"] for line in lines]
    error = statistics.stdev(gaps) / len(gaps) ** 0.5 if len(gaps) > 1 else 0.0
    lower, ties = sum(gap < 0 for gap in gaps), sum(gap == 0 for gap in gaps)
    equal = f", {ties} equal" if ties else ""
    mean = statistics.fmean(gaps)
    return f"{mean:+.4f} ± {error:.4f} | {lower} of {len(gaps)}{equal}"


def main(args: list[str] | None = None) -> None:
    """Run what is missing, then write the table beside the lines, and print it."""
    parser = make_parser(__doc__, RESULTS)
    parser.add_argument("--data", action="append", choices=DATA)
    parser.add_argument("--metric", action="append", choices=METRICS)
    parser.add_argument("--model", action="append", choices=MODELS)
    parser.add_argument("--seeds", type=int, default=3, help="each its own split")
    parser.add_argument("--max-iter", type=int, default=1_000)
    parser.add_argument("--max-rows", type=int, default=20_000, help="of training")
    options = parser.parse_args(args)
    options.data = options.data or list(DATA)
    options.metric = options.metric or list(METRICS)
    options.model = options.model or list(MODELS)
    cells = [
        dict(zip(KEY, (*cell, options.max_iter, options.max_rows), strict=True))
        for cell in (
            (data, metric, model, seed)
            for seed in range(options.seeds)
            for data in options.data
            for metric in options.metric
            for model in options.model
        )
    ]
    run_grid(cells, options, run=run_cell, key=KEY)
    table = make_table(cells, options)
    heading = (
        "# Metrics that no hand-made loss covers\n\n"
        "Test losses, minus the metric: lower is better. Means over "
        f"{options.seeds} splits, mean difference ± its standard error; "
        f"{options.max_iter:,} iterations, at most {options.max_rows:,} training "
        "rows. The amounts are generated (see `bench/studies/odd_metrics.py`).\n\n"
    )
    report(table, options.results, heading=heading)


if __name__ == "__main__":
    main()
