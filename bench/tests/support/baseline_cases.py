"""Every baseline with its oracle, and sets to try them on."""

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import oracles_baselines as slow
import torch

from losslearn.metrics import get_true_loss
from losslearn_bench.baselines import (
    AnyLoss,
    CostSensitive,
    EvolutionStrategies,
    Focal,
    GlobalObjective,
    LovaszHinge,
    LovaszSoftmax,
    PairwiseRanking,
    SoftF1,
    SoftJaccard,
)
from losslearn_bench.grid.methods import METHODS

ON_CPU = SimpleNamespace(data=SimpleNamespace(x=torch.zeros(1)))
"""All that making a hand-made loss asks of its context."""

THRESHOLDS, MULTIPLIERS = [0.3, -0.8, 1.1], [0.7, 1.6, 0.0]


def global_objective(target: str, surrogate: str) -> GlobalObjective:
    objective = GlobalObjective(target, n_anchors=3, surrogate=surrogate).double()
    with torch.no_grad():
        objective.thresholds.copy_(torch.tensor(THRESHOLDS, dtype=torch.float64))
        objective.multipliers.copy_(torch.tensor(MULTIPLIERS, dtype=torch.float64))
    return objective


class Case(NamedTuple):
    make: Callable[[], torch.nn.Module]
    oracle: Callable[[list[int], list[float], list[float]], float]
    positives_only: float | None
    """Value of positives alone, all of score 0; None where it is not pinned."""
    negatives_only: float | None


def global_case(target: str, surrogate: str) -> Case:
    oracle = partial(
        slow.global_objective,
        target=target,
        thresholds=THRESHOLDS,
        multipliers=MULTIPLIERS,
        row=surrogate,
    )
    return Case(partial(global_objective, target, surrogate), oracle, 0, 0)


LOG_2 = float(np.log(2))
CASES = {
    "cross_entropy": Case(CostSensitive, slow.cross_entropy, LOG_2, LOG_2),
    "pos_weight": Case(
        partial(CostSensitive, pos_weight=3.5),
        partial(slow.cross_entropy, pos_weight=3.5),
        3.5 * LOG_2,
        LOG_2,
    ),
    "cost_sensitive": Case(
        lambda: (
            METHODS["cost_sensitive"].make(ON_CPU, {"weight": 24.3}).objective.hand_made
        ),
        partial(slow.cross_entropy, pos_weight=24.3),
        24.3 * LOG_2,
        LOG_2,
    ),
    "focal": Case(Focal, slow.focal, LOG_2 / 4, LOG_2 / 4),
    "focal_balanced": Case(
        partial(Focal, gamma=0.5, alpha=0.3),
        partial(slow.focal, gamma=0.5, alpha=0.3),
        0.3 * LOG_2 / 2**0.5,
        0.7 * LOG_2 / 2**0.5,
    ),
    "pairwise_logistic": Case(PairwiseRanking, slow.pairwise, 0, 0),
    "pairwise_hinge": Case(
        partial(PairwiseRanking, kind="hinge"),
        partial(slow.pairwise, kind="hinge"),
        0,
        0,
    ),
    "lovasz_hinge": Case(LovaszHinge, slow.lovasz_hinge, 1, 1),
    "lovasz_softmax": Case(LovaszSoftmax, slow.lovasz_softmax, 0.5, 0.5),
    "soft_f1": Case(SoftF1, slow.soft_f1, 1 / 3, 1),
    "soft_f1_moved": Case(
        partial(SoftF1, slope=2.0, offset=0.4),
        partial(slow.soft_f1, slope=2.0, offset=0.4),
        None,
        1,
    ),
    "soft_jaccard": Case(SoftJaccard, slow.soft_jaccard, 0.5, 1),
    "any_f1": Case(
        partial(AnyLoss, "f1"), partial(slow.any_loss, metric="f1"), 1 / 3, 1
    ),
    "any_accuracy": Case(
        partial(AnyLoss, "accuracy"),
        partial(slow.any_loss, metric="accuracy"),
        0.5,
        0.5,
    ),
    "any_gmean": Case(
        partial(AnyLoss, "gmean"), partial(slow.any_loss, metric="gmean"), 1, 1
    ),
    "any_balanced": Case(
        partial(AnyLoss, "balanced_accuracy", amplification=9.0),
        partial(slow.any_loss, metric="balanced_accuracy", amplification=9.0),
        0.75,
        0.75,
    ),
    "global_pr": global_case("auc_pr", "logistic"),
    "global_pr_hinge": global_case("auc_pr", "hinge"),
    "global_roc": global_case("auc_roc", "logistic"),
    "global_roc_hinge": global_case("auc_roc", "hinge"),
}
EVOLUTION = Case(
    lambda: EvolutionStrategies(
        get_true_loss("f1_loss"), generator=torch.Generator().manual_seed(0)
    ),
    lambda *_: float("nan"),
    0,
    0,
)
EVERY_CASE = CASES | {"evolution": EVOLUTION}


def draw(*sets: int, n: int = 9, seed: int = 0) -> tuple[torch.Tensor, ...]:
    """Sets of both classes, scores spread enough to reach all parts of a loss."""
    generator = torch.Generator().manual_seed(seed)
    y_true = torch.randint(0, 2, (*sets, n), generator=generator)
    y_true[..., 0], y_true[..., -1] = 0, 1
    y_score = torch.randn(*sets, n, generator=generator, dtype=torch.float64)
    weight = torch.rand(*sets, n, generator=generator, dtype=torch.float64) + 0.1
    return y_true, y_score, weight
