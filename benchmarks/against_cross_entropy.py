"""The README's table: the learned surrogate against its cross-entropy control.

    python benchmarks/against_cross_entropy.py --jobs 2

Every cell (data set, model, metric, split) is one fit of `SurrogateClassifier` with its
defaults, which trains both methods with the same model, batches, steps and schedule.
Validation rows choose weights and threshold, test rows only report. A finished cell is
one line of the results file; a run that was stopped goes on where it was. Table and
figure are made from the lines.
"""

import argparse
import itertools
import json
import os
import platform
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import Progress

DATASETS = ("a9a", "ijcnn1", "covtype", "skin")
MODELS = ("linear", "mlp")
METRICS = ("roc_auc", "average_precision", "f1", "error_rate")
MAX_ROWS = 100_000
"""Larger tables (ijcnn1, covtype, skin) are sampled down, for each split anew."""
RESULTS = Path(__file__).parent / "results" / "against_cross_entropy.jsonl"
KEY = ("dataset", "model", "metric", "split")


def load_split(data_dir: Path, dataset: str, split: int) -> list[np.ndarray]:
    """Return training and test features, training and test targets.

    Depends on data set and split alone.
    """
    import pandas as pd
    from sklearn.model_selection import train_test_split

    frame = pd.read_parquet(data_dir / f"{dataset}.parquet")
    y = frame.pop("target").to_numpy(np.int64)
    x = frame.to_numpy(np.float32)
    if len(y) > MAX_ROWS:
        kept, _ = train_test_split(
            np.arange(len(y)), train_size=MAX_ROWS, stratify=y, random_state=split
        )
        x, y = x[kept], y[kept]
    return train_test_split(x, y, test_size=0.2, stratify=y, random_state=split)


def run_cell(
    data_dir: Path, dataset: str, model: str, metric: str, split: int, max_iter: int
) -> dict[str, Any]:
    """Fit one cell and return its line."""
    import torch

    from losslearn import SurrogateClassifier
    from losslearn.thresholds import evaluate

    torch.set_num_threads(1)
    x_train, x_test, y_train, y_test = load_split(data_dir, dataset, split)
    begin = time.perf_counter()
    settings = {"max_iter": max_iter} if max_iter else {}
    clf = SurrogateClassifier(metric, model=model, random_state=split, **settings)
    clf.fit(x_train, y_train)
    seconds = time.perf_counter() - begin
    scores = clf.method_scores(x_test)
    y_true, results = torch.from_numpy(y_test), {}
    for result in clf.report_["results"]:
        threshold = result["threshold"] if clf.true_loss_.needs_threshold else None
        y_score = torch.from_numpy(scores[result["method"]])
        test = evaluate(clf.true_loss_, y_true, y_score, threshold=threshold)
        results[result["method"]] = {**result, "test": test}
    return {
        "dataset": dataset,
        "model": model,
        "metric": metric,
        "split": split,
        "rows": {**clf.report_["rows"], "test": len(y_test)},
        "results": results,
        "chosen": clf.report_["chosen"],
        "seconds": seconds,
        "settings": {
            name: value
            for name, value in clf.get_params().items()
            if isinstance(value, int | float | str) or value is None
        },
        "versions": {name: version(name) for name in ("losslearn", "torch", "numpy")},
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }


def run_grid(args: argparse.Namespace) -> None:
    """Run the cells that have no line yet."""
    done = {tuple(line[name] for name in KEY) for line in read_lines(args.results)}
    cells = itertools.product(
        range(args.splits), args.models, args.datasets, args.metrics
    )
    todo = [
        (dataset, model, metric, split)
        for split, model, dataset, metric in cells
        if (dataset, model, metric, split) not in done
    ]
    args.results.parent.mkdir(parents=True, exist_ok=True)
    console = Console(stderr=True)
    with (
        ProcessPoolExecutor(args.jobs) as pool,
        args.results.open("a") as file,
        Progress(console=console) as progress,
    ):
        bar = progress.add_task("cells", total=len(todo))
        futures = [
            pool.submit(run_cell, args.data_dir, *cell, args.max_iter) for cell in todo
        ]
        for future in as_completed(futures):
            line = future.result()
            file.write(json.dumps(line) + "\n")
            file.flush()
            ours, control = (
                line["results"][name]["test"] for name in ("surrogate", "cross_entropy")
            )
            name = " ".join(str(line[key]) for key in KEY)
            progress.console.print(f"{name}: {ours:.4f} against {control:.4f}")
            progress.advance(bar)


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the finished cells."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines() if line]


def losses(lines: list[dict[str, Any]], *cell: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the test losses of both methods over the splits of a cell."""
    names = ("dataset", "model", "metric")
    found = [line["results"] for line in lines if tuple(line[n] for n in names) == cell]
    ours, control = (
        np.array([results[method]["test"] for results in found])
        for method in ("surrogate", "cross_entropy")
    )
    return ours, control


def verdict(ours: np.ndarray, control: np.ndarray) -> str:
    """Return win or loss where all splits agree, beyond 2 standard errors, or tie."""
    difference = ours - control
    error = difference.std(ddof=1) / len(difference) ** 0.5
    one_way = (difference < 0).all() or (difference > 0).all()
    if not (one_way and abs(difference.mean()) > 2 * error):
        return "tie"
    return "win" if difference.mean() < 0 else "loss"


def make_table(lines: list[dict[str, Any]], args: argparse.Namespace) -> str:
    """Return the table in Markdown."""
    heads = " | ".join(args.metrics)
    rows = [f"| model | data | {heads} |", "| --- " * (2 + len(args.metrics)) + "|"]
    verdicts = []
    for model, dataset in itertools.product(args.models, args.datasets):
        entries = []
        for metric in args.metrics:
            ours, control = losses(lines, dataset, model, metric)
            verdicts.append(verdict(ours, control))
            entries.append(_entry(ours, control, verdicts[-1]))
        rows.append(f"| {model} | {dataset} | {' | '.join(entries)} |")
    counts = ", ".join(
        f"{verdicts.count(name)} {plural}"
        for name, plural in (("win", "wins"), ("tie", "ties"), ("loss", "losses"))
    )
    per_fit = np.median([line["seconds"] for line in lines])
    rows += [
        "",
        f"{counts} over {len(verdicts)} cells of {args.splits} splits: {len(lines)} "
        f"fits of both methods, {per_fit:.0f} s each (median, wall clock, one core).",
    ]
    return "\n".join(rows) + "\n"


def _entry(ours: np.ndarray, control: np.ndarray, outcome: str) -> str:
    shown = f"{ours.mean():.4f} ± {ours.std(ddof=1):.4f}"
    shown = {"win": f"**{shown}**", "tie": shown, "loss": f"_{shown}_"}[outcome]
    return f"{shown} / {control.mean():.4f} ± {control.std(ddof=1):.4f} ({outcome})"


def draw_figure(lines: list[dict[str, Any]], args: argparse.Namespace) -> None:
    """Draw the change of the test loss against the control, a point for each split."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        1, len(args.models), figsize=(9, 4.6), sharey=True, layout="constrained"
    )
    colours = {"win": "#0072B2", "tie": "#999999", "loss": "#D55E00"}
    cells = list(itertools.product(args.datasets, args.metrics))
    for axis, model in zip(np.atleast_1d(axes), args.models, strict=True):
        for place, cell in enumerate(cells):
            ours, control = losses(lines, cell[0], model, cell[1])
            change = 100 * (ours / control - 1)
            colour = colours[verdict(ours, control)]
            axis.plot(change, [place] * len(change), "o", color=colour, alpha=0.5)
            axis.plot(change.mean(), place, "|", color=colour, markersize=14, mew=2.5)
        axis.axvline(0, color="black", linewidth=0.8)
        axis.set_title(f"{model} model, against cross-entropy")
        axis.set_xlabel("change of the test loss (%)")
        axis.grid(axis="x", alpha=0.3)
    labels = [f"{dataset}  {metric}" for dataset, metric in cells]
    np.atleast_1d(axes)[0].set_yticks(range(len(cells)), labels)
    np.atleast_1d(axes)[0].invert_yaxis()
    handles = [
        plt.Line2D([], [], marker="o", linestyle="", color=colour, label=name)
        for name, colour in colours.items()
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False)
    figure.savefig(args.results.with_suffix(".png"), dpi=150)


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Return the command's options."""
    default = os.environ.get("LOSSLEARN_DATA", "../shared/datasets")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", type=Path, default=Path(default))
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--splits", type=int, default=3)
    parser.add_argument("--datasets", nargs="+", default=DATASETS)
    parser.add_argument("--models", nargs="+", default=MODELS)
    parser.add_argument("--metrics", nargs="+", default=METRICS)
    parser.add_argument("--max-iter", type=int, default=0, help="0: the default")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    """Run what is missing, then write table and figure beside the lines."""
    args = parse_args(argv)
    if not args.data_dir.is_dir():
        sys.exit(f"no folder {args.data_dir}: give --data-dir or set LOSSLEARN_DATA")
    run_grid(args)
    lines = read_lines(args.results)
    table = make_table(lines, args)
    args.results.with_suffix(".md").write_text(table)
    draw_figure(lines, args)
    Console().print(table, markup=False, soft_wrap=True)


if __name__ == "__main__":
    main()
