"""A fit from the command line: its progress, and what is printed."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from losslearn.cli.progress import FitDisplay
from losslearn.cli.reporting import console, note, print_fit, print_json
from losslearn.tables.fitted import FittedTable
from losslearn.tables.fitting import fit_table
from losslearn.training.recipe import Recipe

_KEYS = ("task", "metric", "loss", "rows", "results", "chosen", "verdict", "model")
_WHO = ("role", "method", "predictor", "rule")
_WHAT = ("validation", "test", "seconds", "iterations")


def run_fit(
    data: object,
    target: str,
    metric: str,
    *,
    out: Path,
    recipe: Recipe,
    as_json: bool,
    max_time: float | None = None,
    is_kept: bool = True,
    **options: Any,  # noqa: ANN401 - further ones of `fit_table`
) -> FittedTable:
    """Fit, write the model directory, and print the comparison, or JSON.

    The model's folder is named if it `is_kept`; all else is as for `fit_table`.
    """
    use_one_thread()
    with FitDisplay(console(stderr=True), recipe, max_time=max_time) as display:
        options |= {"recipe": recipe, "max_time": max_time, "display": display}
        fitted = fit_table(data, target, metric, out=out, **options)
    if fitted.learning_curves is None:
        note("matplotlib is not installed, so there are no learning curves.")
    report = {**fitted.report, "model": str(out) if is_kept else None}
    if not as_json:
        print_fit(report)
        return fitted
    print_json(promised(report))
    if report["interrupted"]:
        note("interrupted; the best weights so far are kept.")
    return fitted


def promised(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return the object that `fit --json` prints, of a fit's report."""
    results = [
        {key: one[key] for key in (*_WHO, *one["rule"], *_WHAT) if key in one}
        for one in report["results"]
    ]
    divided = ("groups", "divided_by_time")
    grouped = {key: report[key] for key in divided if key in report}
    return {key: report[key] for key in _KEYS} | grouped | {"results": results}


def use_one_thread() -> None:
    """Keep torch from dividing tiny tensors among threads, unless told otherwise.

    The threads would mostly wait for each other, and on a busy machine for others.
    """
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(1)
