"""Metrics that no hand-made loss covers, each trained for beside cross-entropy.

    python bench/studies/odd_metrics.py --data-dir DIR

Four plain callables: profit with an amount of its own for each row, recall among the
top 1 % of scores, F1 subject to a precision of at least 0.8, and the rank correlation
of scores with the amount at stake. Every cell (data, metric, model, seed) trains the
surrogate's branch and its cross-entropy control (`losslearn.training.comparison`), on a
split of its own and at most 20,000 training rows. What has a line is not run again.
Thresholds come from validation rows.

The amounts are generated, since these data sets have none: log-normal, of mean 1, two
thirds of their variance (in logs) a fixed direction of the features, the rest noise.
They depend on data set and row alone, and the model does not see them.
"""

import argparse
import itertools
import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from fits import (
    BRANCHES,
    Line,
    fit_branches,
    load,
    make_cells,
    make_parser,
    of_cells,
    run_grid,
    where,
)
from numpy.typing import NDArray
from scipy.stats import rankdata
from shared import report

from losslearn.metrics import declare_metric
from losslearn_bench.tables.markdown import how_many, markdown_table, mean_and_error

if TYPE_CHECKING:
    from losslearn_bench.harness.rows import SplitRows

Array = NDArray[Any]

KEY = ("seed", "data", "metric", "model", "max_iter", "max_rows")
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
AXES = {"data": DATA, "metric": METRICS, "model": MODELS}


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


def with_amounts(rows: "SplitRows") -> "SplitRows":
    """Return the rows of a split with a generated amount each."""
    import torch

    amounts = torch.from_numpy(make_amounts(rows.dataset.x, rows.dataset.name))
    train, valid, test = ({"amount": amounts[part]} for part in rows.split)
    data = rows.data._replace(columns=train, valid_columns=valid)
    return rows._replace(data=data, test=rows.test._replace(columns=test))


def run_cell(cell: Line, data_dir: Path | None) -> Line:
    """Fit once and return the line."""
    from losslearn.metrics import as_true_loss
    from losslearn.models.networks import build_model
    from losslearn.training.recipe import Recipe

    true_loss = as_true_loss(METRICS[cell["metric"]])
    rows = load(cell["data"], cell["seed"], cell["max_rows"], data_dir)
    if true_loss.columns:
        rows = with_amounts(rows)
    branches = fit_branches(
        lambda: build_model(cell["model"], rows.data.x),
        rows,
        true_loss,
        Recipe(max_iter=cell["max_iter"]),
        seed=cell["seed"],
    )
    return {**cell, **branches}


def make_table(lines: list[Line], args: argparse.Namespace) -> str:
    """Return the table of the lines asked for, in Markdown."""
    rows = []
    for metric, data, model in itertools.product(args.metric, args.data, args.model):
        found = where(lines, metric=metric, data=data, model=model)
        if not found:
            continue
        tests = {name: [line[name]["test"] for line in found] for name in BRANCHES}
        means = [f"{statistics.fmean(losses):.4f}" for losses in tests.values()]
        row = [metric, data, model, *means]
        for branch in ("surrogate", "chosen"):
            pairs = zip(tests[branch], tests["cross_entropy"], strict=True)
            gaps = [ours - theirs for ours, theirs in pairs]
            row += [mean_and_error(gaps), how_many(gaps, lower=True)]
        rows.append(row)
    heads = ["metric", "data", "model", "surrogate", "cross-entropy", "chosen"]
    for branch in ("surrogate", "chosen"):
        heads += [f"{branch} - cross-entropy", "lower in"]
    return markdown_table(heads, rows)


def main(args: list[str] | None = None) -> None:
    """Run what is missing, then write the table beside the lines, and print it."""
    parser = make_parser(
        __doc__,
        "odd_metrics.jsonl",
        **{name: {"action": "append", "choices": of} for name, of in AXES.items()},
        seeds={"type": int, "default": 3, "help": "each its own split"},
        max_iter={"type": int, "default": 1_000},
        max_rows={"type": int, "default": 20_000, "help": "of training"},
    )
    options = parser.parse_args(args)
    for name, values in AXES.items():
        setattr(options, name, getattr(options, name) or list(values))
    axes = (range(options.seeds), options.data, options.metric, options.model)
    cells = make_cells(KEY, *axes, [options.max_iter], [options.max_rows])
    lines = of_cells(run_grid(cells, options, run_cell), cells)
    heading = (
        "# Metrics that no hand-made loss covers\n\n"
        "Test losses, minus the metric: lower is better. Means over "
        f"{options.seeds} splits, mean difference ± its standard error; "
        f"{options.max_iter:,} iterations, at most {options.max_rows:,} training "
        "rows. The amounts are generated (see `bench/studies/odd_metrics.py`).\n\n"
    )
    report(make_table(lines, options), options.results, heading=heading)


if __name__ == "__main__":
    main()
