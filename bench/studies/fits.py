"""Grids of small fits: what has a line is not run again, and a table is made of all.

What `variants.py`, `ablation.py`, `from_scratch.py`, `headroom.py`, `odd_metrics.py`
and `small_batches.py` share.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import shared
from shared import DATA_DIR, RESULTS

from losslearn_bench.grid.jsonl import JsonLines

if TYPE_CHECKING:
    import torch

    from losslearn.metrics import TrueLoss
    from losslearn.training.recipe import Recipe
    from losslearn_bench.harness.rows import SplitRows

Line = dict[str, Any]
Run = Callable[[Line, Path | None], Line]

METHODS = ("surrogate", "cross_entropy")
BRANCHES = (*METHODS, "chosen")
"""What is trained; the last is one of the others, chosen by validation rows."""


def make_parser(text: str, results: str, **options: object) -> argparse.ArgumentParser:
    """Return the parser of a script that runs a grid, its lines below `results/`."""
    file = RESULTS / results
    return shared.make_parser(text, jobs=2, data_dir=DATA_DIR, results=file, **options)


def make_cells(key: tuple[str, ...], *axes: Iterable[object]) -> list[Line]:
    """Return a cell for each choice of values, the last field varying fastest."""
    return [dict(zip(key, values, strict=True)) for values in product(*axes)]


def run_grid(cells: list[Line], options: argparse.Namespace, run: Run) -> list[Line]:
    """Run the cells that have no line yet.

    Returns:
        All lines, those of earlier calls and other cells among them.
    """
    from rich.console import Console
    from rich.progress import track

    file = JsonLines(options.results)
    names = cells[0] if cells else ()
    done = {tuple(line[name] for name in names) for line in file.read()}
    todo = [cell for cell in cells if tuple(cell.values()) not in done]
    with ProcessPoolExecutor(options.jobs) as pool:
        futures = [pool.submit(run, cell, options.data_dir) for cell in todo]
        ended, shown = as_completed(futures), Console(stderr=True)
        for future in track(ended, "fits", total=len(todo), console=shown):
            file.append([future.result()])
    return file.read()


def of_cells(lines: list[Line], cells: list[Line]) -> list[Line]:
    """Return the lines of some cells."""
    return [line for line in lines if {name: line[name] for name in cells[0]} in cells]


def where(lines: Iterable[Line], **fields: object) -> list[Line]:
    """Return the lines that have these values."""
    asked = fields.items()
    return [one for one in lines if all(one[name] == value for name, value in asked)]


def mean_of(lines: Iterable[Line], name: str, *, digits: int = 4) -> str:
    """Return the mean of a field as text, of the lines that have it."""
    values = [line[name] for line in lines if name in line]
    return f"{statistics.fmean(values):.{digits}f}" if values else ""


def load(data: str, seed: int, most: int | None, data_dir: Path | None) -> "SplitRows":
    """Return the rows of a split, as many as a fit on one thread takes."""
    import torch

    from losslearn_bench.harness.rows import load_rows

    torch.set_num_threads(1)
    return load_rows(data, seed, max_train_rows=most, data_dir=data_dir)


def build_kind(kind: str, x: "torch.Tensor") -> "torch.nn.Module":
    """Return a new built-in model, or for "module" the MLP as anybody's own module."""
    from torch import nn

    from losslearn.models.networks import build_model

    if kind == "module":
        return nn.Sequential(*build_model("mlp", x).children(), nn.Flatten(0))
    return build_model(kind, x)


def fit_branches(
    make_model: Callable[[], Any],
    rows: "SplitRows",
    true_loss: "TrueLoss",
    config: "Recipe",
    *,
    seed: int,
) -> Line:
    """Train both branches and return what a line says of them."""
    from torch import nn

    from losslearn.tasks.binary import Binary
    from losslearn.training.comparison import compare
    from losslearn_bench.harness.neural import make_predictor
    from losslearn_bench.harness.ours import make_setup
    from losslearn_bench.harness.rows import measure

    config = config.adapted(Binary().settings(true_loss))
    data, begin = rows.data, time.perf_counter()
    result, predictor = compare(
        lambda: make_predictor(make_model(), data, config),
        data.valid,
        make_setup(true_loss, config, data, seed=seed),
    )
    seconds = time.perf_counter() - begin
    branches: Line = {}
    for name in METHODS:
        run = result.runs[name]
        predictor.load_weights(run.best_state)
        valid, test = map(predictor.predict, (data.valid, rows.test.rows))
        loss = nn.BCEWithLogitsLoss()(valid, data.y_valid.to(valid.dtype))
        branches[name] = {
            "validation": run.best_loss,
            "constant": bool(test.std() <= 1e-6 * test.abs().max()),
            "test": measure(true_loss, data, valid, rows.test, test),
            "cross_entropy": float(loss),
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
