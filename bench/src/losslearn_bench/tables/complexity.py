"""Seconds of an iteration as sizes and steps grow (section 4.4 of the paper)."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import nn

from losslearn.metrics import get_true_loss
from losslearn.models.networks import MLP
from losslearn.surrogate.network import SetSurrogate
from losslearn.surrogate.objective import LearnedObjective
from losslearn.tasks.usual import CrossEntropy
from losslearn.training.algorithm import SurrogateLearner
from losslearn.training.loop import Trainer, TrainingData
from losslearn.training.recipe import BilevelConfig


@dataclass(frozen=True, kw_only=True)
class Design:
    """Sizes of one measurement; the paper's, where not told otherwise."""

    hidden: tuple[int, ...] = (100, 30, 10)
    """Units of the prediction model, which set Q_alpha."""
    surrogate_width: int = 30
    """Units of the encoder's layers and of the set code, which set Q_beta."""
    model_steps: int = 3
    """K_alpha."""
    surrogate_steps: int = 10
    """K_beta."""
    batch_size: int = 100
    """N."""


PAPER_DESIGN = Design()

DESIGNS: tuple[Design, ...] = (
    PAPER_DESIGN,
    *(
        replace(PAPER_DESIGN, hidden=units)
        for units in ((30, 10), (300, 100), (600, 300))
    ),
    *(replace(PAPER_DESIGN, surrogate_width=width) for width in (10, 100, 200)),
    *(replace(PAPER_DESIGN, model_steps=steps) for steps in (1, 6, 12)),
    *(replace(PAPER_DESIGN, surrogate_steps=steps) for steps in (1, 5, 20)),
    *(replace(PAPER_DESIGN, batch_size=size) for size in (250, 500, 1_000)),
)
"""One size varied at a time around the paper's."""


def measure_iterations(
    designs: Sequence[Design] = DESIGNS,
    *,
    n_features: int = 123,
    iterations: int = 20,
    blocks: int = 5,
    seed: int = 0,
    finished: Callable[[dict[str, float]], None] | None = None,
) -> list[dict[str, float]]:
    """Return the seconds of an iteration of Algorithm 1, beside cross-entropy's.

    Both train the same model for ROC AUC on the same generated rows, in blocks that
    take turns; the median block counts.

    Args:
        designs: What to measure.
        n_features: Features of the rows; 123 are those of a9a.
        iterations: Iterations of a block.
        blocks: Blocks of each method.
        seed: Of rows, weights and draws.
        finished: Called with each measurement.

    Returns:
        A row per design, for `tables.runtime_table`.
    """
    rows = []
    for design in designs:
        row = _measure(design, n_features, iterations, blocks, seed)
        if finished is not None:
            finished(row)
        rows.append(row)
    return rows


def _measure(
    design: Design, n_features: int, iterations: int, blocks: int, seed: int
) -> dict[str, float]:
    """Time one design."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(4_000, n_features, generator=generator)
    y_true = (x[:, 0] + torch.randn(4_000, generator=generator) > 1).long()
    data = TrainingData(x, y_true, x[:100], y_true[:100])
    config = BilevelConfig(
        max_iter=10**9,  # never at an end, so the schedule stands still
        n_evals=1,
        model_steps=design.model_steps,
        surrogate_steps=design.surrogate_steps,
        batch_size=design.batch_size,
        n_sets=1,
        replay=1,
        perturbation=0.0,
        catch_up=0,
    )
    true_loss, width = get_true_loss("roc_auc"), design.surrogate_width
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: nn.Module = MLP(n_features, hidden=design.hidden)
        surrogate = SetSurrogate(hidden=width, embed_dim=width)
        learner = SurrogateLearner(surrogate, true_loss, config, generator=generator)
        trainer = Trainer(model, data, true_loss, config, generator=generator)
        learned, control = LearnedObjective(surrogate), CrossEntropy()
        times: dict[str, list[float]] = {"learned": [], "control": []}
        for block in range(blocks + 1):
            ours = _time(lambda: trainer.iterate(learned, learner), iterations)
            theirs = _time(lambda: trainer.iterate(control, None), iterations)
            if block > 0:  # the first pays for allocations
                times["learned"].append(ours)
                times["control"].append(theirs)
    return {
        "model_parameters": _size(model),
        "surrogate_parameters": _size(surrogate),
        "model_steps": design.model_steps,
        "surrogate_steps": design.surrogate_steps,
        "batch_size": design.batch_size,
        "seconds_per_iteration": statistics.median(times["learned"]),
        "cross_entropy_seconds_per_iteration": statistics.median(times["control"]),
    }


def _time(iterate: Callable[[], object], iterations: int) -> float:
    begin = time.perf_counter()
    for _ in range(iterations):
        iterate()
    return (time.perf_counter() - begin) / iterations


def _size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
