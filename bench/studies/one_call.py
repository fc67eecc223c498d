"""Functions of labels trained for at one threshold a set, and at the best of 25.

    python bench/studies/one_call.py --data-dir DIR

Four functions of one's own that take labels: F1, a cost of five for each positive row
that is missed and one for each false alarm, F1 with a precision of 0.8 at least, and
profit with an amount for each row (`odd_metrics`). A fit judges each of its sets at one
threshold, that of its frame (`losslearn.training.frames`), and values half as many
sets; with columns it judges them at three thresholds near that one. Beside it stands
the same fit with sets judged at the best of up to 25, as it was before. Every cell
(form, data, metric, model, seed) trains the surrogate's branch and its cross-entropy
control on a split of its own. What has a line is not run again. Thresholds come from
validation rows.
"""

import argparse
import itertools
import statistics
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any
from unittest import mock

from fits import (
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
from odd_metrics import f1_at_precision, profit, with_amounts
from shared import report

from losslearn.metrics import TrueLoss, declare_metric
from losslearn.tasks.binary import Binary
from losslearn_bench.tables.markdown import how_many, markdown_table, mean_and_error

Array = NDArray[Any]

KEY = ("seed", "form", "data", "metric", "model", "max_iter", "max_rows")
ONE, MANY = FORMS = ("one threshold", "best of 25")
DATA = ("ijcnn1", "covtype", "cod_rna", "a9a")
MODELS = ("linear", "mlp")


@declare_metric(greater_is_better=True, batched=True)
def own_f1(y_true: Array, y_pred: Array) -> Array:
    """Return F1."""
    return 2 * (y_true * y_pred).sum(-1) / (y_true.sum(-1) + y_pred.sum(-1))


@declare_metric(greater_is_better=False, batched=True)
def cost(y_true: Array, y_pred: Array) -> Array:
    """Return the mean cost: five a positive row missed, one a false alarm."""
    return (5.0 * y_true * (1 - y_pred) + (1 - y_true) * y_pred).mean(-1)


METRICS = {one.__name__: one for one in (own_f1, cost, f1_at_precision, profit)}
AXES = {"form": FORMS, "data": DATA, "metric": METRICS, "model": MODELS}


@contextmanager
def as_before() -> Iterator[None]:
    """Judge sets at the best of their thresholds, twice as many of them."""
    frame = mock.patch.object(TrueLoss, "in_a_frame", lambda self: self)
    settings = mock.patch.object(Binary, "settings", return_value={})
    with frame, settings:
        yield


def run_cell(cell: Line, data_dir: Path | None) -> Line:
    """Fit once and return the line."""
    from losslearn.metrics import as_true_loss
    from losslearn.models.networks import build_model
    from losslearn.training.recipe import Recipe

    true_loss = as_true_loss(METRICS[cell["metric"]])
    rows = load(cell["data"], cell["seed"], cell["max_rows"], data_dir)
    if true_loss.columns:
        rows = with_amounts(rows)
    with as_before() if cell["form"] == MANY else nullcontext():
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
    for metric, model, data in itertools.product(args.metric, args.model, args.data):
        both = [
            sorted(
                where(lines, form=form, metric=metric, data=data, model=model),
                key=lambda line: line["seed"],
            )
            for form in (ONE, MANY)
        ]
        if not all(both):
            continue
        control = statistics.fmean(one["cross_entropy"]["test"] for one in both[0])
        row = [metric, data, model, f"{control:.4f}"]
        for branch in ("surrogate", "chosen"):
            tests = [[line[branch]["test"] for line in found] for found in both]
            gaps = [ours - theirs for ours, theirs in zip(*tests, strict=True)]
            row += [f"{statistics.fmean(of):.4f}" for of in tests]
            row += [mean_and_error(gaps), how_many(gaps, lower=True)]
        rows.append(row)
    heads = ["metric", "data", "model", "cross-entropy"]
    for branch in ("surrogate", "chosen"):
        heads += [f"{branch}: one", "of 25", "difference", "lower in"]
    return markdown_table(heads, rows)


def main(args: list[str] | None = None) -> None:
    """Run what is missing, then write the table beside the lines, and print it."""
    parser = make_parser(
        __doc__,
        "one_call.jsonl",
        **{name: {"action": "append", "choices": of} for name, of in AXES.items()},
        seeds={"type": int, "default": 3, "help": "each its own split"},
        max_iter={"type": int, "default": 1_000},
        max_rows={"type": int, "default": 10_000, "help": "of training"},
    )
    options = parser.parse_args(args)
    for name, values in AXES.items():
        setattr(options, name, getattr(options, name) or list(values))
    axes = (options.form, options.data, options.metric, options.model)
    fixed = [options.max_iter], [options.max_rows]
    cells = make_cells(KEY, range(options.seeds), *axes, *fixed)
    lines = of_cells(run_grid(cells, options, run_cell), cells)
    heading = (
        "# One threshold a set\n\n"
        "Test losses, lower is better, of functions of labels whose sets are judged at "
        f"one threshold or at the best of 25; means over {options.seeds} splits, mean "
        f"difference ± its standard error; {options.max_iter:,} iterations, at most "
        f"{options.max_rows:,} training rows.\n\n"
    )
    report(make_table(lines, options), options.results, heading=heading)


if __name__ == "__main__":
    main()
