"""Adversarial prediction for F1 and MCC, as the package `ap_perf` has it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import torch
from torch import Tensor

from losslearn.metrics import TrueLoss
from losslearn.training.loop import TrainingData
from losslearn_bench.harness.budget import Budget
from losslearn_bench.harness.choosing import check_request
from losslearn_bench.harness.fitted import Fitted, Setting
from losslearn_bench.harness.neural import LR_FACTOR, Context, NeuralMethod, Trained
from losslearn_bench.harness.packages import INSTALL, load

_CLASSES = {"f1_loss": "F1Score", "mcc_loss": "MCC"}
_GRID: tuple[Setting, ...] = tuple(
    # it takes no row weights, so rare classes cannot be drawn more often
    {"warm_up": warm_up, LR_FACTOR: factor, "min_per_class": 1}
    for factor, warm_up in product((1.0, 0.5, 2.0), (0.5, 0.0))
)


class AdversarialObjective:
    """The adversarial prediction loss of a metric of the confusion matrix.

    Each call solves a game over marginal probabilities by ADMM. It takes no row
    weights.

    Source: Fathony, Kolter, "AP-Perf: Incorporating Generic Performance Metrics in
    Differentiable Learning", AISTATS 2020.
    """

    def __init__(self, metric: str) -> None:
        """Set up the metric, with its value where a class is missing.

        Args:
            metric: "f1_loss" or "mcc_loss".

        Raises:
            ImportError: If `ap_perf` is not installed.
            ValueError: If the package is not set up for the metric.
        """
        if metric not in _CLASSES:
            raise ValueError(
                f"`metric` must be one of {tuple(_CLASSES)}, got {metric!r}."
            )
        metrics = load("ap_perf.common_metrics")
        one = getattr(metrics, _CLASSES[metric])()
        one.initialize()
        one.enforce_special_case_positive()
        if metric == "mcc_loss":
            one.enforce_special_case_negative()
        self._layer = load("ap_perf.layer").MetricLayer(one)

    def __call__(
        self, y_true: Tensor, y_score: Tensor, *, sample_weight: Tensor | None = None
    ) -> Tensor:
        """Return the loss of a set `[n]`, shape `[1]`."""
        del sample_weight
        return self._layer(y_score.float(), y_true.float())


@dataclass(frozen=True)
class APPerf:
    """Adversarial prediction, in the loop of our own methods, with far fewer steps.

    A step takes 0.1 to 0.9 seconds. So sets are small, and there are only as many steps
    as fit into `max_seconds`; their number, which depends on the machine, stands in the
    setting as "steps" and in `iterations`.
    """

    name: str = "ap_perf"
    title: str = "AP-Perf (fewer steps)"
    tiers: tuple[str, ...] = ("linear", "mlp")
    metrics: tuple[str, ...] | None = ("f1_loss", "mcc_loss")
    trains_once: bool = False
    modules: tuple[str, ...] = ("ap_perf.layer", "ap_perf.common_metrics")
    install: str = INSTALL
    grid: tuple[Setting, ...] = _GRID
    batch_size: int = 50
    max_seconds: float = 60.0
    """Time of a training in full; tuning takes its usual share of it on top."""

    def fit(
        self,
        data: TrainingData,
        true_losses: Sequence[TrueLoss],
        *,
        tier: str,
        budget: Budget,
        seed: int,
    ) -> list[Fitted]:
        """Tune, train, and return the best weights for each of the losses.

        Raises:
            ImportError: If `ap_perf` is not installed.
            ValueError: If the tier or a loss is not one of its own, or the training
                rows hold one class only.
        """
        check_request(
            self.name, true_losses, tier, tiers=self.tiers, metrics=self.metrics
        )
        method = NeuralMethod(
            self.name,
            self.title,
            _make,
            self.grid,
            metrics=self.metrics,
            trains_once=False,
        )
        results = []
        for true_loss in true_losses:
            within = self._fit_into_time(data, true_loss, budget)
            (result,) = method.fit(
                data, [true_loss], tier=tier, budget=within, seed=seed
            )
            setting = {**result.setting, "steps": result.iterations}
            results.append(result._replace(setting=setting))
        return results

    def _fit_into_time(
        self, data: TrainingData, true_loss: TrueLoss, budget: Budget
    ) -> Budget:
        """Return the budget with as many iterations as there is time for."""
        batch_size = min(self.batch_size, len(data.y_true))
        seconds = _seconds_a_step(true_loss.name, batch_size)
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
        objective(y_true, y_score).sum().backward()
    return max((time.perf_counter() - begin) / n_timed, 1e-6)


def _make(context: Context, setting: Setting) -> Trained:
    """Make the objective of the context's true loss."""
    del setting
    return Trained(AdversarialObjective(context.true_loss.name))


AP_PERF = APPerf()
