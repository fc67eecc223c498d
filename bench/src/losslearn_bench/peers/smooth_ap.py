"""Smooth-AP with a memory queue, as the package `imbalanced-losses` has it."""

from itertools import product

from torch import Tensor, nn

from losslearn_bench.baselines.hand_made import OverSets
from losslearn_bench.harness.budget import Setting
from losslearn_bench.harness.neural import LR_FACTOR, Context, NeuralMethod, Trained
from losslearn_bench.harness.packages import load


class SmoothAPObjective:
    """Smooth-AP, its temperature lowered step by step as the package advises.

    Its queue of earlier scores and the temperature make it depend on the steps done:
    one object serves one training run. It takes no row weights.

    Source: Brown et al., "Smooth-AP: Smoothing the Path Towards Large-Scale Image
    Retrieval", ECCV 2020.
    """

    def __init__(self, n_steps: int) -> None:
        """Start with an empty queue."""
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


def _make(context: Context, setting: Setting) -> Trained:
    """Make the objective for the steps that follow the warm-up."""
    del setting
    config = context.config
    n_steps = (config.max_iter - config.warm_up_iter) * config.model_steps
    return Trained(OverSets(SmoothAPObjective(n_steps)))


SMOOTH_AP = NeuralMethod(
    "smooth_ap",
    "imbalanced-losses, Smooth-AP",
    _make,
    tuple(
        {"warm_up": warm_up, LR_FACTOR: factor}
        for factor, warm_up in product((1.0, 0.5, 2.0), (0.5, 0.0))
    ),
    metrics=("average_precision_loss",),
    trains_once=False,
    modules=("imbalanced_losses",),
)
