"""Smooth-AP with a memory queue, as the package `imbalanced-losses` has it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from torch import Tensor, nn

from losslearn.metrics import TrueLoss
from losslearn.training.loop import TrainingData
from losslearn_bench.harness.budget import Budget
from losslearn_bench.harness.choosing import check_request
from losslearn_bench.harness.fitted import Fitted, Setting
from losslearn_bench.harness.neural import LR_FACTOR, Context, NeuralMethod, Trained
from losslearn_bench.harness.packages import INSTALL, load
from losslearn_bench.harness.tiers import TIERS

_GRID: tuple[Setting, ...] = tuple(
    {"warm_up": warm_up, LR_FACTOR: factor}
    for factor, warm_up in product((1.0, 0.5, 2.0), (0.5, 0.0))
)


class SmoothAPObjective:
    """Smooth-AP, its temperature lowered step by step as the package advises.

    Its queue of earlier scores and the temperature make it depend on the steps done:
    one object serves one training run. It takes no row weights.

    Source: Brown et al., "Smooth-AP: Smoothing the Path Towards Large-Scale Image
    Retrieval", ECCV 2020.
    """

    def __init__(self, n_steps: int) -> None:
        """Start with an empty queue.

        Args:
            n_steps: Model steps over which the temperature falls.

        Raises:
            ImportError: If `imbalanced-losses` is not installed.
        """
        package = load("imbalanced_losses")
        self._step = 0
        self._loss = package.LossWarmupWrapper(
            # cross-entropy comes first in the loop of the benchmark, not in here
            warmup_loss=nn.BCEWithLogitsLoss(),
            main_loss=package.SmoothAPLoss(num_classes=1),
            warmup_steps=0,
            temp_decay_steps=max(n_steps, 1),
        )

    def __call__(
        self, y_true: Tensor, y_score: Tensor, *, sample_weight: Tensor | None = None
    ) -> Tensor:
        """Return one minus the smoothed AP of a set, shape `[]`; counts as a step."""
        del sample_weight
        self._loss.on_train_batch_start(self._step)
        self._step += 1
        return self._loss(y_score.unsqueeze(-1), y_true)


@dataclass(frozen=True)
class SmoothAP:
    """Smooth-AP after a warm-up with cross-entropy, in the loop of our own methods."""

    name: str = "smooth_ap"
    title: str = "imbalanced-losses, Smooth-AP"
    tiers: tuple[str, ...] = TIERS
    metrics: tuple[str, ...] | None = ("average_precision_loss",)
    trains_once: bool = False
    modules: tuple[str, ...] = ("imbalanced_losses",)
    install: str = INSTALL
    grid: tuple[Setting, ...] = _GRID

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
            ImportError: If `imbalanced-losses` is not installed.
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
        return method.fit(data, true_losses, tier=tier, budget=budget, seed=seed)


def _make(context: Context, setting: Setting) -> Trained:
    """Make the objective for the steps that follow the warm-up."""
    del setting
    config = context.config
    n_steps = (config.max_iter - config.warm_up_iter) * config.model_steps
    return Trained(SmoothAPObjective(n_steps))


SMOOTH_AP = SmoothAP()
