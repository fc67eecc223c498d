"""Adversarial prediction for F1 and MCC, as the package `ap_perf` has it."""

import time
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from losslearn.metrics import Sets, TrueLoss
from losslearn_bench.checks import check_choice
from losslearn_bench.harness.budget import (
    STARTS_AND_RATES,
    Budget,
    Setting,
    each,
    times,
)
from losslearn_bench.harness.neural import Context, NeuralMethod, Trained
from losslearn_bench.harness.packages import load
from losslearn_bench.harness.rows import TrainingData

_CLASSES = {"f1_loss": "F1Score", "mcc_loss": "MCC"}


class AdversarialObjective:
    """The adversarial prediction loss of a metric of the confusion matrix.

    Each call solves a game over marginal probabilities by ADMM. It takes no row
    weights.

    Source: Fathony, Kolter, "AP-Perf: Incorporating Generic Performance Metrics in
    Differentiable Learning", AISTATS 2020.
    """

    def __init__(self, metric: str) -> None:
        """Set up the metric, with its value where a class is missing."""
        check_choice("metric", metric, _CLASSES)
        metrics = load("ap_perf.common_metrics")
        one = getattr(metrics, _CLASSES[metric])()
        one.initialize()
        one.enforce_special_case_positive()
        if metric == "mcc_loss":
            one.enforce_special_case_negative()
        self._layer = load("ap_perf.layer").MetricLayer(one)

    def __call__(self, sets: Sets) -> Tensor:
        """Return the loss of a set `[n]`, shape `[1]`."""
        return self._layer(sets.score.float(), sets.target.float())


@dataclass(frozen=True)
class AsManySteps:
    """Makes a budget of small sets, and of only as many steps as there is time for.

    A step takes 0.1 to 0.9 seconds. The number of steps depends on the machine, and
    stands in `iterations`.
    """

    batch_size: int = 50
    max_seconds: float = 60.0
    """Time of a training in full; tuning takes its usual share of it on top."""

    def __call__(self, data: TrainingData, loss: TrueLoss, budget: Budget) -> Budget:
        """Return the budget with as many iterations as there is time for."""
        batch_size = min(self.batch_size, len(data.y_true))
        seconds = _seconds_a_step(loss.name, batch_size)
        n_steps = int(self.max_seconds / seconds)
        max_iter = min(max(n_steps // budget.model_steps, 1), budget.max_iter)
        return replace(budget, max_iter=max_iter, batch_size=batch_size)


def _seconds_a_step(metric: str, batch_size: int) -> float:
    """Time the objective on made-up scores; the first call compiles."""
    objective = AdversarialObjective(metric)
    y_true = (torch.arange(batch_size) % 4 == 0).long()
    begin = 0.0
    n_timed = 3
    for call in range(n_timed + 1):
        if call == 1:
            begin = time.perf_counter()
        y_score = torch.linspace(-1, 1, batch_size).requires_grad_()
        objective(Sets(y_true, y_score)).sum().backward()
    return max((time.perf_counter() - begin) / n_timed, 1e-6)


def _make(context: Context, setting: Setting) -> Trained:
    """Make the objective of the context's true loss."""
    del setting
    return Trained(AdversarialObjective(context.true_loss.name))


AP_PERF = NeuralMethod(
    "ap_perf",
    "AP-Perf (fewer steps)",
    _make,
    # it takes no row weights, so rare classes cannot be drawn more often
    times(STARTS_AND_RATES, each("min_per_class", 1)),
    metrics=tuple(_CLASSES),
    trains_once=False,
    tiers=("linear", "mlp"),
    modules=("ap_perf.layer", "ap_perf.common_metrics"),
    within=AsManySteps(),
)
