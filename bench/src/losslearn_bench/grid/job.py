"""One job of a benchmark: split, fit, choose a threshold, measure on test rows."""

import platform
import time
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from losslearn.metrics import TrueLoss, get_true_loss
from losslearn.tasks.thresholds import best_threshold, evaluate
from losslearn.training.loop import TrainingData
from losslearn_bench.datasets import Dataset, load_dataset
from losslearn_bench.grid.cells import Job
from losslearn_bench.harness.budget import Protocol
from losslearn_bench.harness.fitted import Fitted
from losslearn_bench.harness.hardware import hardware
from losslearn_bench.harness.memory import peak_memory, restart_peak
from losslearn_bench.harness.methods import Method
from losslearn_bench.harness.splits import Split, seed_of, split_rows

Line = dict[str, Any]
"""A finished cell, as it stands in a results file."""

_PACKAGES = (
    "losslearn",
    "torch",
    "numpy",
    "scikit-learn",
    "lightgbm",
    "xgboost-cpu",
    "libauc",
    "imbalanced-losses",
    "ap_perf",
    "tabm",
)


def loss_of(metric: str, protocol: Protocol) -> TrueLoss:
    """Return what a cell of a metric is trained for and measured by.

    Under the paper's protocol that is accuracy for Jaccard, as in its authors' code.
    """
    if protocol == "paper" and metric == "jaccard_loss":
        return replace(get_true_loss("error_rate"), name=metric)
    return get_true_loss(metric)


def run_job(job: Job, method: Method, data_dir: Path | None = None) -> list[Line]:
    """Run the cells of a job and return their lines.

    Args:
        job: Cells of one data set, tier, method and repetition.
        method: The method of these cells.
        data_dir: Where data sets are looked for first.

    Raises:
        ValueError: If the data or a setting cannot be used.
        ImportError: If the method's package is not installed.
        OSError: If the data set cannot be had.
    """
    first = job.cells[0]
    dataset = _dataset(first.dataset, data_dir)
    split = split_rows(
        dataset.y,
        dataset.name,
        first.repetition,
        max_train_rows=job.budget.max_train_rows,
    )
    losses = [loss_of(cell.metric, job.budget.protocol) for cell in job.cells]
    seed = seed_of(dataset.name, first.repetition, "model")
    restart_peak()
    begin = time.perf_counter()
    results = method.fit(
        training_data(dataset, split),
        losses,
        tier=first.tier,
        budget=job.budget,
        seed=seed,
    )
    seconds = time.perf_counter() - begin
    memory = peak_memory()
    by_metric = {fitted.metric: fitted for fitted in results}
    return [
        {
            "protocol": job.budget.protocol,
            **cell._asdict(),
            "tuning": job.budget.tuning,
            **_describe(dataset, split),
            **_measure(by_metric[loss.name], loss, dataset, split, job.budget.protocol),
            "seconds": round(seconds / len(job.cells), 3),
            "job_cells": len(job.cells),
            "peak_memory_mb": memory,
            "seed": seed,
            "budget": job.budget.as_dict(),
            "versions": _versions(),
            "hardware": hardware(),
        }
        for cell, loss in zip(job.cells, losses, strict=True)
    ]


def training_data(dataset: Dataset, split: Split) -> TrainingData:
    """Return all that a method gets to see."""
    x, y_true, x_valid, y_valid = (
        torch.from_numpy(np.ascontiguousarray(part[rows]))
        for rows in (split.train, split.validation)
        for part in (dataset.x, dataset.y)
    )
    return TrainingData(x, y_true, x_valid, y_valid)


def _measure(
    fitted: Fitted,
    true_loss: TrueLoss,
    dataset: Dataset,
    split: Split,
    protocol: Protocol,
) -> Line:
    """Return losses and threshold of one result."""
    y_valid = torch.from_numpy(dataset.y[split.validation])
    y_test = torch.from_numpy(dataset.y[split.test])
    valid = _scores(fitted.score, dataset.x[split.validation])
    test = _scores(fitted.score, dataset.x[split.test])
    threshold = oracle = None
    if true_loss.needs_threshold:
        threshold, oracle = fitted.threshold, oracle_loss(true_loss, y_test, test)
        if threshold is None:
            threshold, _ = best_threshold(true_loss, y_valid, valid)
    validation_loss = evaluate(true_loss, y_valid, valid, threshold=threshold)
    test_loss = evaluate(true_loss, y_test, test, threshold=threshold)
    if protocol == "paper" and oracle is not None:
        test_loss, threshold = oracle, None
    return {
        "losses": {
            "validation": validation_loss,
            "test": test_loss,
            "test_oracle": oracle,
        },
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
    return min(
        evaluate(true_loss, y_true, y_score, threshold=cut)
        for cut in cuts.unique().tolist()
    )


def _scores(score: Callable[[Tensor], Tensor], x: NDArray[np.float32]) -> Tensor:
    """Return checked scores.

    Raises:
        ValueError: If a method gives something else than one finite score a row.
    """
    scores = score(torch.from_numpy(np.ascontiguousarray(x))).detach().cpu().double()
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
    train, validation, test = (len(part) for part in split)
    return {
        "rows": {
            "available": dataset.n_rows,
            "train": train,
            "validation": validation,
            "test": test,
        },
        "n_features": dataset.n_features,
        "pos_rate": round(dataset.pos_rate, 6),
        "partial": not dataset.is_complete,
        "capped": train + validation + test < dataset.n_rows,
    }


@lru_cache(maxsize=1)
def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
