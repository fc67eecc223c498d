"""Smooth-AP with a memory queue, as the package `imbalanced-losses` has it."""

from torch import Tensor, nn

from losslearn.metrics import Sets
from losslearn_bench.harness.budget import STARTS_AND_RATES, Setting
from losslearn_bench.harness.neural import Context, NeuralMethod, Trained
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

    def __call__(self, sets: Sets) -> Tensor:
        """Return one minus the smoothed AP of a set, shape `[]`; counts as a step."""
        self._loss.on_train_batch_start(self._step)
        self._step += 1
        return self._loss(sets.score.unsqueeze(-1), sets.target)


def _make(context: Context, setting: Setting) -> Trained:
    """Make the objective for the steps that follow the warm-up."""
    del setting
    config = context.config
    n_steps = (config.max_iter - config.warm_up_iter) * config.model_steps
    return Trained(SmoothAPObjective(n_steps))


SMOOTH_AP = NeuralMethod(
    "smooth_ap",
    "imbalanced-losses, Smooth-AP",
    _make,
    STARTS_AND_RATES,
    metrics=("average_precision_loss",),
    trains_once=False,
    modules=("imbalanced_losses",),
)
