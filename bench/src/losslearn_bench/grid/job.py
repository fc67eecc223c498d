"""One job of a benchmark: split, fit, choose a threshold, measure on test rows."""

import platform
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache, partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from losslearn.metrics import TrueLoss, get_true_loss
from losslearn.tasks.thresholds import evaluate
from losslearn_bench.datasets import Dataset, load_dataset
from losslearn_bench.grid.cells import Job
from losslearn_bench.harness.budget import Protocol
from losslearn_bench.harness.machine import hardware, peak_memory, restart_peak
from losslearn_bench.harness.method import Fitted, Method
from losslearn_bench.harness.rows import SplitRows, take_rows, tuned_threshold
from losslearn_bench.harness.splits import Split, seed_of, split_rows

Line = dict[str, Any]
"""A finished cell, as it stands in a results file."""

_NEEDED = ("losslearn", "torch", "numpy", "scikit-learn")
_PEERS = (
    *("lightgbm", "xgboost-cpu", "libauc", "imbalanced-losses", "ap_perf", "tabm"),
    *("empulse", "fairlearn"),
)


def loss_of(metric: str, protocol: Protocol) -> TrueLoss:
    """Return what a cell of a metric is trained for and measured by.

    Under the paper's protocol that is accuracy for Jaccard, as in its authors' code.
    """
    if protocol == "paper" and metric == "jaccard_loss":
        return replace(get_true_loss("error_rate"), name=metric)
    return get_true_loss(metric)


def run_job(job: Job, method: Method, data_dir: Path | None = None) -> list[Line]:
    """Run the cells of a job and return their lines."""
    first, budget = job.cells[0], job.budget
    dataset = _dataset(first.dataset, data_dir)
    cap = budget.max_train_rows
    split = split_rows(dataset.y, dataset.name, first.repetition, max_train_rows=cap)
    rows = take_rows(dataset, split)
    losses = [loss_of(cell.metric, budget.protocol) for cell in job.cells]
    seed = seed_of(dataset.name, first.repetition, "model")
    restart_peak()
    begin = time.perf_counter()
    results = method.fit(rows.data, losses, tier=first.tier, budget=budget, seed=seed)
    seconds = time.perf_counter() - begin
    memory = peak_memory()
    by_metric = {fitted.metric: fitted for fitted in results}
    return [
        {
            "protocol": budget.protocol,
            **cell._asdict(),
            "tuning": budget.tuning,
            **_describe(dataset, split),
            **_measure(by_metric[loss.name], loss, rows, budget.protocol),
            "seconds": round(seconds / len(job.cells), 3),
            "job_cells": len(job.cells),
            "peak_memory_mb": memory,
            "seed": seed,
            "budget": budget.as_dict(),
            "versions": versions(),
            "hardware": hardware(),
        }
        for cell, loss in zip(job.cells, losses, strict=True)
    ]


def _measure(fitted: Fitted, loss: TrueLoss, rows: SplitRows, rules: Protocol) -> Line:
    """Return losses and threshold of one result."""
    data, test = rows.data, rows.test
    valid_score = _scores(fitted.score, data.x_valid)
    test_score = _scores(fitted.score, test.x)
    threshold = oracle = None
    if loss.needs_threshold:
        oracle = oracle_loss(loss, test.y_true, test_score)
        threshold = fitted.threshold
        if threshold is None:
            threshold = tuned_threshold(loss, data, valid_score)
    at = partial(evaluate, loss, threshold=threshold)
    losses = {
        "validation": at(data.y_valid, valid_score),
        "test": at(test.y_true, test_score),
        "test_oracle": oracle,
    }
    if rules == "paper" and oracle is not None:
        losses["test"], threshold = oracle, None
    return {
        "losses": losses,
        "threshold": threshold,
        "setting": fitted.setting,
        "tried": fitted.tried,
        "iterations": fitted.iterations,
    }


def oracle_loss(true_loss: TrueLoss, y_true: Tensor, y_score: Tensor) -> float:
    """Return the lowest loss over thresholds picked on these very rows.

    As in the code of the paper's authors: over the percentiles 0 to 99 of the scores.
    """
    shares = torch.arange(100, dtype=y_score.dtype) / 100
    cuts = torch.from_numpy(np.quantile(y_score.numpy(), shares.numpy()))
    at = partial(evaluate, true_loss, y_true, y_score)
    return min(at(threshold=cut) for cut in cuts.unique().tolist())


def _scores(score: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Return scores, one finite number a row."""
    scores = score(x).detach().cpu().double()
    if scores.shape != (len(x),) or not bool(scores.isfinite().all()):
        raise ValueError(
            f"A method must give one finite score a row, got shape "
            f"{list(scores.shape)} for {len(x)} rows, "
            f"{int((~scores.isfinite()).sum())} of them not finite."
        )
    return scores


@lru_cache(maxsize=2)
def _dataset(source: str, data_dir: Path | None) -> Dataset:
    return load_dataset(source, data_dir=data_dir)


def _describe(dataset: Dataset, split: Split) -> Line:
    counts = {part: len(rows) for part, rows in split._asdict().items()}
    return {
        "rows": {"available": dataset.n_rows, **counts},
        "n_features": dataset.n_features,
        "pos_rate": round(dataset.pos_rate, 6),
        "partial": not dataset.is_complete,
        "capped": sum(counts.values()) < dataset.n_rows,
    }


@lru_cache(maxsize=1)
def versions() -> dict[str, str]:
    """Return the versions of Python and of each package that is there."""
    found = {"python": platform.python_version()}
    for package in (*_NEEDED, *_PEERS):
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found
