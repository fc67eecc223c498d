"""One change of the recipe at a time: the same fits, paired by seed.

    python bench/studies/variants.py --variant "" --variant replay=1 --data ijcnn1

A variant is settings of `BilevelConfig` joined by commas, `model=linear|mlp|module`
among them: "module" is the same MLP as anybody's own network, which trains by
PyTorch alone. Every cell (data, metric, variant, seed) trains the surrogate's branch
and its cross-entropy control by `losslearn.training.comparison.compare` and becomes one line;
what has a line is not run again. The table sets each variant beside the first one: mean
test loss of either branch, difference with its standard error over seeds, and for how
many seeds it is worse. Thresholds come from validation rows.
"""

import argparse
import itertools
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from losslearn.report.figures import write_whole

Line = dict[str, Any]

RESULTS = Path(__file__).parents[1] / "results" / "variants.jsonl"
KEY = ("data", "metric", "variant", "seed", "max_iter", "max_rows")
METHODS = ("surrogate", "cross_entropy")
BRANCHES = (*METHODS, "chosen")
"""What the table shows; the last is one of the others, chosen by validation rows."""


def parse(variant: str) -> dict[str, Any]:
    """Return the settings that a variant names."""
    pairs = [pair.split("=", 1) for pair in variant.split(",") if pair]
    return {name: _value(text) for name, text in pairs}


def _value(text: str) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def run_cell(cell: Line, data_dir: Path | None) -> Line:
    """Fit once and return the line."""
    import torch
    from torch import nn

    from losslearn.metrics import as_true_loss
    from losslearn.models.networks import build_model
    from losslearn.training.recipe import BilevelConfig
    from losslearn_bench.datasets import load_dataset
    from losslearn_bench.harness.rows import training_data
    from losslearn_bench.harness.splits import split_rows

    torch.set_num_threads(1)
    settings = parse(cell["variant"])
    kind = settings.pop("model", "mlp")
    config = BilevelConfig(**{"max_iter": cell["max_iter"], **settings})
    dataset = load_dataset(cell["data"], data_dir=data_dir)
    split = split_rows(
        dataset.y, dataset.name, cell["seed"], max_train_rows=cell["max_rows"]
    )
    data = training_data(dataset, split)
    x_test, y_test = (torch.from_numpy(a[split.test]) for a in (dataset.x, dataset.y))

    def make_model() -> nn.Module:
        model = build_model("mlp" if kind == "module" else kind, data.x)
        if kind == "module":
            return nn.Sequential(*model.children(), nn.Flatten(0))
        return model

    true_loss = as_true_loss(cell["metric"])
    test = {"x": x_test, "y_true": y_test}
    return {
        **cell,
        **fit_branches(make_model, data, test, true_loss, config, seed=cell["seed"]),
    }


def fit_branches(
    make_model: Callable[[], Any],
    data: Any,  # noqa: ANN401 - `TrainingData`, which is slow to import
    test: dict[str, Any],
    true_loss: Any,  # noqa: ANN401 - `TrueLoss`
    config: Any,  # noqa: ANN401 - `BilevelConfig`
    *,
    seed: int,
) -> Line:
    """Train both branches and return what a line says of them.

    Args:
        make_model: Makes the model.
        data: Training and validation rows.
        test: Test rows: `x`, `y_true` and, for a metric that needs them, `columns`.
        true_loss: What to train for.
        config: Settings.
        seed: Of the fit.
    """
    from torch import Tensor, nn

    from losslearn.models.networks import score_rows
    from losslearn.surrogate.universal import TargetRows, initial_surrogate
    from losslearn.tasks.thresholds import best_threshold, evaluate
    from losslearn.training.comparison import compare

    begin = time.perf_counter()
    rows = TargetRows(data.y_true, data.columns) if data.columns else None
    result, model = compare(
        make_model,
        data,
        true_loss,
        initial_surrogate(true_loss, config, seed=seed, rows=rows),
        config,
        seed=seed,
    )
    seconds = time.perf_counter() - begin

    def test_loss(y_valid_score: Tensor, y_test_score: Tensor) -> float:
        threshold = None
        if true_loss.needs_threshold:
            threshold, _ = best_threshold(
                true_loss, data.y_valid, y_valid_score, columns=data.valid_columns
            )
        return evaluate(
            true_loss,
            test["y_true"],
            y_test_score,
            threshold=threshold,
            columns=test.get("columns"),
        )

    branches: Line = {}
    for name in METHODS:
        run = result.runs[name]
        model.load_state_dict(run.best_state)
        valid, held_out = score_rows(model, data.x_valid), score_rows(model, test["x"])
        branches[name] = {
            "validation": run.best_loss,
            "constant": bool(held_out.std() <= 1e-6 * held_out.abs().max()),
            "test": test_loss(valid, held_out),
            "cross_entropy": float(
                nn.functional.binary_cross_entropy_with_logits(
                    valid, data.y_valid.to(valid.dtype)
                )
            ),
            "seconds": round(run.seconds, 3),
            "adopted": run.n_adopted,
        }
    branches["chosen"] = branches[result.chosen]
    return {
        **branches,
        "difference": result.difference.value,
        "standard_error": result.difference.standard_error,
        "cosine": result.runs["surrogate"].history[-1].health.cosine,
        "seconds": round(seconds, 3),
    }


def read_lines(path: Path) -> list[Line]:
    """Return the finished cells."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines() if line]


def run_grid(
    cells: Iterable[Line],
    args: argparse.Namespace,
    *,
    run: Callable[[Line, Path | None], Line] = run_cell,
    key: tuple[str, ...] = KEY,
) -> None:
    """Run the cells that have no line yet, each known by the fields of `key`."""
    from rich.console import Console
    from rich.progress import Progress

    done = {tuple(line[name] for name in key) for line in read_lines(args.results)}
    todo = [cell for cell in cells if tuple(cell[name] for name in key) not in done]
    args.results.parent.mkdir(parents=True, exist_ok=True)
    with (
        ProcessPoolExecutor(args.jobs) as pool,
        args.results.open("a") as file,
        Progress(console=Console(stderr=True)) as progress,
    ):
        bar = progress.add_task("fits", total=len(todo))
        futures = [pool.submit(run, cell, args.data_dir) for cell in todo]
        for future in as_completed(futures):
            file.write(json.dumps(future.result()) + "\n")
            file.flush()
            progress.advance(bar)


def make_table(cells: list[Line], args: argparse.Namespace) -> str:
    """Return the table of the cells asked for, in Markdown."""
    lines = {tuple(line[k] for k in KEY): line for line in read_lines(args.results)}
    shown = [lines[tuple(cell[k] for k in KEY)] for cell in cells]
    # lines of before there was a choice have no third branch
    branches = [name for name in BRANCHES if all(name in line for line in shown)]
    rows = [
        "| data | metric | variant | branch | test loss | minus the first variant's "
        "| worse in | validation cross-entropy | seconds |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    groups = itertools.product(args.data, args.metric, branches, args.variant)
    for data, metric, branch, variant in groups:
        found = {
            name: [
                lines[tuple(cell[k] for k in KEY)][branch]
                for cell in cells
                if (cell["data"], cell["metric"], cell["variant"])
                == (data, metric, name)
            ]
            for name in (args.variant[0], variant)
        }
        rows.append(
            f"| {data} | {metric} | {variant or 'default'} | {branch} | "
            f"{_entry(found[args.variant[0]], found[variant])} |"
        )
    return "\n".join(rows) + "\n"


def _entry(first: list[Line], lines: list[Line]) -> str:
    def mean(get: Callable[[Line], float]) -> float:
        return statistics.fmean(map(get, lines))

    gaps = [
        ours["test"] - theirs["test"] for ours, theirs in zip(lines, first, strict=True)
    ]
    error = statistics.stdev(gaps) / len(gaps) ** 0.5 if len(gaps) > 1 else 0.0
    worse, ties = sum(gap > 0 for gap in gaps), sum(gap == 0 for gap in gaps)
    return " | ".join(
        [
            f"{mean(lambda line: line['test']):.5f}",
            f"{statistics.fmean(gaps):+.5f} ± {error:.5f}",
            f"{worse} of {len(gaps)}" + (f", {ties} equal" if ties else ""),
            f"{mean(lambda line: line['cross_entropy']):.5f}",
            f"{mean(lambda line: line['seconds']):.1f}",
        ]
    )


def make_parser(text: str, results: Path) -> argparse.ArgumentParser:
    """Return the parser of a script that runs a grid, with what all of them take.

    Args:
        text: The script's docstring.
        results: Where its lines go unless another file is given.
    """
    parser = argparse.ArgumentParser(description=text.split("\n")[0])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--data-dir", type=Path, default=os.getenv("LOSSLEARN_DATA"))
    parser.add_argument("--results", type=Path, default=results)
    return parser


def report(table: str, results: Path, *, heading: str = "") -> None:
    """Print a table, and write it beside its lines."""
    write_whole(results.with_suffix(".md"), (heading + table).encode())
    sys.stdout.write(table)


def main(args: list[str] | None = None) -> None:
    """Run what is missing, then print the table."""
    parser = make_parser(__doc__, RESULTS)
    parser.add_argument("--data", action="append", required=True)
    parser.add_argument("--metric", action="append", default=None)
    parser.add_argument("--variant", action="append", required=True)
    parser.add_argument("--seeds", type=int, default=5, help="each its own split")
    parser.add_argument("--max-iter", type=int, default=500)
    parser.add_argument("--max-rows", type=int, help="of training")
    options = parser.parse_args(args)
    options.metric = options.metric or ["roc_auc"]
    cells = [
        dict(
            zip(
                KEY,
                (*cell, options.max_iter, options.max_rows),
                strict=True,
            )
        )
        for cell in (
            (data, metric, variant, seed)
            for seed in range(options.seeds)
            for data in options.data
            for metric in options.metric
            for variant in options.variant
        )
    ]
    run_grid(cells, options)
    sys.stdout.write(make_table(cells, options))


if __name__ == "__main__":
    main()
