"""What a user's function of labels costs: training for it, and deciding by it.

Called by `speed.py`. The function is F1 that takes a millisecond a call. Seconds are
the processor's, so that a busy machine says the same as a quiet one.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

import numpy as np
import torch
from fits import build_kind
from numpy.typing import NDArray
from timing import Reading, share

from losslearn import tune_decision
from losslearn.metrics import as_true_loss, declare_metric
from losslearn.surrogate.universal import initial_surrogate
from losslearn.tasks.binary import Binary
from losslearn.training.comparison import compare
from losslearn.training.frames import as_trained
from losslearn.training.recipe import Recipe
from losslearn.training.setup import Setup
from losslearn_bench.harness.neural import make_predictor
from losslearn_bench.harness.ours import first_surrogate
from losslearn_bench.harness.rows import TrainingData

Array = NDArray[Any]

N_ROWS, N_FEATURES, N_VALID = 30_000, 20, 6_000
SECONDS = 1e-3
MOST_TIMES, MOST_CALLS = 3.0, 1_500


class Metric:
    """F1 that takes a millisecond, and knows how often it was called."""

    def __init__(self) -> None:
        """Start without a call."""
        self.n_calls = 0

    def function(self) -> Callable[[Array, Array], float]:
        """Return what a user would write."""

        @declare_metric(greater_is_better=True)
        def slow_f1(y_true: Array, y_pred: Array) -> float:
            end = time.perf_counter() + SECONDS
            self.n_calls += 1
            value = 2 * (y_true * y_pred).sum() / (y_true.sum() + y_pred.sum())
            while time.perf_counter() < end:
                pass
            return float(value)

        return slow_f1


@contextmanager
def empty_cache() -> Iterator[None]:
    """Let no universal surrogate be found that was fitted before."""
    before = os.environ.get("LOSSLEARN_CACHE")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LOSSLEARN_CACHE"] = folder
        try:
            yield
        finally:
            if before is None:
                del os.environ["LOSSLEARN_CACHE"]
            else:
                os.environ["LOSSLEARN_CACHE"] = before


def processor_time() -> AbstractContextManager[object]:
    """Let all that is timed be timed by what this process works."""
    return mock.patch.object(time, "perf_counter", time.process_time)


def compile_kernels(data: TrainingData) -> None:
    """Load what a first fit loads: it is no fit's own time."""
    recipe = Recipe(max_iter=8, n_evals=2, rounds=1, catch_up=4)
    for kind in ("linear", "mlp"):
        for loss in (as_true_loss("f1"), as_true_loss(Metric().function())):
            judged = as_trained(loss, recipe)
            surrogate = initial_surrogate(judged, Binary(), mode="scratch", seed=0)
            compare(
                lambda kind=kind: make_predictor(
                    build_kind(kind, data.x), data, recipe
                ),
                data.valid,
                Setup(loss, Binary(), surrogate, recipe, 0),
            )


def make_rows() -> TrainingData:
    """Return a table of 20 features, one positive row in seven."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(N_ROWS, N_FEATURES, generator=generator)
    noise = torch.randn(N_ROWS, generator=generator)
    y_true = (x[:, 0] + x[:, 1] * x[:, 2] + noise > 1.8).long()
    train = slice(N_VALID, None)
    return TrainingData(x[train], y_true[train], x[:N_VALID], y_true[:N_VALID])


def branches(kind: str, recipe: Recipe, data: TrainingData) -> dict[str, float]:
    """Return the seconds of both branches, and of the universal start, and calls.

    Each branch's are its own and the shared warm-up's.
    """
    metric = Metric()
    true_loss = as_true_loss(metric.function())
    recipe, metric.n_calls = recipe.adapted(Binary().settings(true_loss)), 0

    with empty_cache(), processor_time():
        begin = time.perf_counter()
        surrogate = first_surrogate(as_trained(true_loss, recipe), recipe, data, seed=0)
        start, n_start = time.perf_counter() - begin, metric.n_calls
        result, _ = compare(
            lambda: make_predictor(build_kind(kind, data.x), data, recipe),
            data.valid,
            Setup(true_loss, Binary(), surrogate, recipe, 0),
        )
    return {
        "start": start,
        "start_calls": n_start,
        "learned": result.learned.seconds,
        "control": result.usual.seconds,
        "calls": metric.n_calls,
    }


def measure_branches() -> list[Reading]:
    """The learned branch, its start included, against the control's branch.

    The control's has the warm-up and all it takes to choose its penalty. A linear model
    without a learning rate is solved, in place of steps, and the control stands there.
    """
    data, readings = make_rows(), []
    compile_kernels(data)
    for name, kind, rate in (
        ("mlp", "mlp", None),
        ("linear, by steps", "linear", 0.01),
        ("linear, solved", "linear", None),
    ):
        recipe = replace(Recipe(), model_lr=rate)
        found = branches(kind, recipe, data)
        ours = 1e3 * (found["learned"] + found["start"])
        what = f"learned branch, a function of labels of 1 ms, {name}"
        whose = "the control's branch"
        readings.append(share(what, ours, whose, 1e3 * found["control"], MOST_TIMES))
    return readings


def measure_rule() -> list[Reading]:
    """How often a rule with columns calls the function, not milliseconds."""
    draws = np.random.default_rng(0)
    amount = draws.lognormal(size=2_000)
    chance = 1 / (1 + np.exp(-draws.normal(size=2_000) + 1))
    y_true = (draws.random(2_000) < chance).astype(int)
    n_calls = 0

    def gain(y_true: Array, y_pred: Array, *, amount: Array) -> float:
        nonlocal n_calls
        n_calls += 1
        return float((y_pred * np.where(y_true == 1, amount, -0.5)).sum())

    columns = {"amount": amount}
    tune_decision(y_true, chance, gain, columns=columns, greater_is_better=True)
    what = "calls of a function by the choice of a rule (no time)"
    asked, reached = f"<= {MOST_CALLS:,}", f"{n_calls:,}"
    holds = n_calls <= MOST_CALLS
    return [Reading(what, float(n_calls), "none", np.nan, asked, reached, holds)]
