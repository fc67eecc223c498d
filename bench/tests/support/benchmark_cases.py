"""Small data, budgets and methods for the benchmark's tests."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from losslearn_bench.grid.cells import Cell, Grid, Job, make_jobs
from losslearn_bench.harness.budget import Budget
from losslearn_bench.harness.method import Fitted

TINY = Budget(max_iter=4, n_evals=2, n_settings=2, tuning="none", batch_size=50)


def write_rows(path, *, n=300, seed=0, flipped=()):
    """Write a data set whose first feature numbers the rows; returns its name.

    Targets and features of the rows in `flipped` are turned round.
    """
    random = np.random.default_rng(seed)
    signal = random.normal(size=n)
    target = (signal + random.normal(size=n) > 0.8).astype(int)
    target[list(flipped)] = 1 - target[list(flipped)]
    frame = pd.DataFrame(
        {"row": np.arange(n), "signal": signal, "noise": random.normal(size=n)}
    )
    frame.loc[list(flipped)] *= -1
    path.parent.mkdir(exist_ok=True)
    frame.assign(target=target).to_parquet(path)
    return str(path)


def one_job(
    dataset, *, tier="linear", method="sl_r", metrics=("f1_loss",), budget=TINY
):
    """Return the job of one training."""
    cells = [Cell(dataset, tier, method, metric, 0) for metric in metrics]
    return Job(("test", dataset, tier, method, *metrics), tuple(cells), budget)


def tiny_grid(dataset, **changes):
    """Return a grid of a few quick cells."""
    axes = {
        "datasets": (dataset,),
        "tiers": ("linear",),
        "methods": ("cross_entropy", "sl_r"),
        "metrics": ("f1", "auc"),
        "repetitions": 2,
        "budget": TINY,
    }
    return Grid(**{**axes, **changes})


def jobs_of(grid):
    """Return all jobs of a grid."""
    return make_jobs(grid.cells(), grid.budget)


@dataclass
class Scorer:
    """A method that hands back a given score function, and keeps what it was shown."""

    score: object
    name: str = "scorer"
    title: str = "scorer"
    tiers: tuple = ("linear",)
    metrics: None = None
    trains_once: bool = True
    seen: object = None
    threshold: float | None = None

    def fit(self, data, true_losses, *, tier, budget, seed):
        """Return the score function for every loss."""
        del tier, budget, seed
        self.seen = data
        return [
            Fitted(loss.name, self.score, {}, [], 0, self.threshold)
            for loss in true_losses
        ]


def constant_scores(x):
    """Return the same score for every row."""
    return torch.zeros(len(x))
