"""A fit from the command line: its progress, and what is printed."""

import os
import signal
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import typer

from losslearn.cli.progress import FitDisplay
from losslearn.cli.reporting import console, note, print_fit, print_json
from losslearn.tables.fitted import FittedTable
from losslearn.tables.fitting import fit_table
from losslearn.training.recipe import Recipe

_KEYS = ("task", "metric", "loss", "rows", "results", "chosen", "verdict", "model")
_OF_OWN = ("given", "undefined", "too_short")
"""What is said of a metric of the user's own alone."""
_CONSTRAINED = ("constraints", "penalty")
"""What is said of a metric with constraints alone."""
_WHO = ("role", "method", "predictor", "rule")
_VALUES = ("validation", "test", "metric_validation", "metric_test")
_WHAT = (*_VALUES, "seconds", "iterations")
_KEPT_BUT = 3
"""Exit code where something went wrong and what there was is kept."""


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

    The model's folder is named if it `is_kept`; all else is as for `fit_table`. What
    went wrong though the model is kept is a line on stderr each, and exit code 3.
    """
    use_one_thread()
    state = out.with_name(f"{out.name}.checkpoint")
    with (
        _going_on_from(state),
        FitDisplay(console(stderr=True), recipe) as display,
        _terminated_as_interrupted(),
        warnings.catch_warnings(action="ignore", category=RuntimeWarning),
    ):
        options |= {"recipe": recipe, "max_time": max_time, "display": display}
        fitted = fit_table(data, target, metric, out=out, **options)
    if fitted.learning_curves is None:
        note("matplotlib is not installed, so there are no learning curves.")
    report = fitted.report if is_kept else {**fitted.report, "model": None}
    if as_json:
        print_json(promised(report))
        if report["interrupted"]:
            note("interrupted; the best weights so far are kept.")
    else:
        print_fit(report)
    if report["interrupted"]:
        _say_what_is_kept(state)
    for failure in report["failures"]:
        note(f"{failure}.")
    if report["failures"]:
        raise typer.Exit(_KEPT_BUT)
    return fitted


@contextmanager
def _going_on_from(state: Path) -> Iterator[None]:
    """Say that a fit goes on, or could where it is interrupted before its end."""
    if state.exists():
        note(f"goes on from {state}, if that is of the same data and settings.")
    try:
        yield
    except KeyboardInterrupt:
        _say_what_is_kept(state)
        raise


def _say_what_is_kept(state: Path) -> None:
    if state.exists():
        note(f"the same command goes on from {state}.")


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM do what Ctrl-C does, within the block."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are the main thread's alone
        return
    both = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(one, _interrupt) for one in both]
    try:
        yield
    finally:
        for one, handler in zip(both, before, strict=True):
            signal.signal(one, handler or signal.SIG_DFL)


class _Interrupted(KeyboardInterrupt):
    """By a signal, and not raised by a user's metric."""


def _interrupt(_number: int, _frame: object) -> None:
    raise _Interrupted


def promised(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return the object that `fit --json` prints, of a fit's report."""
    results = [
        {key: one[key] for key in (*_WHO, *one["rule"], *_WHAT) if key in one}
        for one in report["results"]
    ]
    divided = ("groups", "divided_by_time", "copies", "models")
    told = {key: report[key] for key in divided if key in report}
    if report["refitted"]:
        told |= {key: report[key] for key in ("folds", "refitted")}
    told |= {key: report[key] for key in _CONSTRAINED if key in report}
    told |= {key: report[key] for key in _OF_OWN if report.get(key) is not None}
    further = {"results": results, "columns": report.get("columns")}
    return {key: report[key] for key in _KEYS} | further | told


def use_one_thread() -> None:
    """Keep torch from dividing tiny tensors among threads, unless told otherwise.

    The threads would mostly wait for each other, and on a busy machine for others.
    """
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(1)
