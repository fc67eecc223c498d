"""The methods of the benchmark by name: learned surrogates, hand-made losses, peers."""

import difflib
from functools import partial

from torch import nn

from losslearn.tasks.usual import CrossEntropy
from losslearn_bench.baselines import (
    COST_WEIGHTS,
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
from losslearn_bench.harness.default_fit import DefaultFit
from losslearn_bench.harness.fitted import Setting
from losslearn_bench.harness.methods import Method
from losslearn_bench.harness.neural import (
    Context,
    NeuralMethod,
    Trained,
    fixed,
    learned,
)
from losslearn_bench.harness.plain_loop import PlainLoop
from losslearn_bench.peers import PEERS

AUC, AP = "roc_auc_loss", "average_precision_loss"
F1, JACCARD, ERROR_RATE = "f1_loss", "jaccard_loss", "error_rate"

_RATES: tuple[Setting, ...] = tuple(
    {"lr_factor": factor} for factor in (1.0, 0.5, 2.0, 0.25, 4.0, 1.5)
)
"""Learning rates, as multiples of the budget's."""


def _times(
    first: tuple[Setting, ...], second: tuple[Setting, ...]
) -> tuple[Setting, ...]:
    """Return all pairs of settings, the first ones varying fastest."""
    return tuple({**a, **b} for b in second for a in first)


_STARTS: tuple[Setting, ...] = ({"warm_up": 0.5}, {"warm_up": 0.0})
_FAST_OR_SLOW = _RATES[:2]
_STARTS_AND_RATES = _times(_STARTS, _RATES[:3])
_ANYLOSS_GRID = _times(
    tuple({"amplification": factor} for factor in (73.0, 20.0, 5.0)), _STARTS
)
_SURROGATE_GRID = _times(
    tuple({"cross_entropy_weight": weight} for weight in (1.0, 0.1, 0.0)),
    _FAST_OR_SLOW,
)


def _surrogate(name: str, mode: str, title: str) -> NeuralMethod:
    # as in Algorithm 1, each set is fitted once
    grid = tuple({"mode": mode, "replay": 1, **entry} for entry in _SURROGATE_GRID)
    return NeuralMethod(name, title, learned, grid, trains_once=False)


def _weighted(context: Context, setting: Setting) -> Trained:
    """Make cross-entropy with the classes balanced, wholly or in part."""
    n_pos = int(context.y_true.sum())
    ratio = (len(context.y_true) - n_pos) / n_pos
    weight = ratio ** float(setting["balance"])
    return Trained(CrossEntropy(pos_weight=weight))


def _evolution(context: Context, setting: Setting) -> Trained:
    objective: nn.Module = EvolutionStrategies(
        context.true_loss,
        sigma=float(setting["sigma"]),
        generator=context.generator,
    )
    return Trained(objective)


HAND_MADE: tuple[NeuralMethod, ...] = (
    NeuralMethod("cross_entropy", "cross-entropy", fixed(CrossEntropy), _RATES),
    NeuralMethod(
        "weighted_cross_entropy",
        "cross-entropy, class weights",
        _weighted,
        _times(({"balance": 1.0}, {"balance": 0.5}), _RATES[:3]),
    ),
    NeuralMethod(
        "focal",
        "focal",
        fixed(Focal),
        _times(tuple({"gamma": gamma} for gamma in (2.0, 1.0, 0.5)), _FAST_OR_SLOW),
    ),
    NeuralMethod(
        "pairwise_logistic",
        "pairwise ranking, logistic",
        fixed(partial(PairwiseRanking, kind="logistic")),
        _STARTS_AND_RATES,
        (AUC,),
    ),
    NeuralMethod(
        "pairwise_hinge",
        "pairwise ranking, hinge",
        fixed(partial(PairwiseRanking, kind="hinge")),
        _STARTS_AND_RATES,
        (AUC,),
    ),
    NeuralMethod(
        "global_auc_roc",
        "Global Objectives, AUC",
        fixed(partial(GlobalObjective, target="auc_roc")),
        _STARTS_AND_RATES,
        (AUC,),
    ),
    NeuralMethod(
        "global_auc_pr",
        "Global Objectives, AUC-PR",
        fixed(partial(GlobalObjective, target="auc_pr")),
        _STARTS_AND_RATES,
        (AP,),
    ),
    NeuralMethod(
        "lovasz_hinge",
        "Lovasz hinge",
        fixed(LovaszHinge),
        _STARTS_AND_RATES,
        (JACCARD, F1),
    ),
    NeuralMethod(
        "lovasz_softmax",
        "Lovasz softmax",
        fixed(LovaszSoftmax),
        _STARTS_AND_RATES,
        (JACCARD, F1),
    ),
    NeuralMethod(
        "cost_sensitive",
        "cost-sensitive",
        fixed(CostSensitive),
        tuple({"weight": weight} for weight in COST_WEIGHTS),
        (F1, JACCARD),
    ),
    NeuralMethod(
        "soft_f1",
        "soft F1",
        fixed(SoftF1),
        _times(tuple({"slope": slope} for slope in (1.0, 3.0, 10.0)), _STARTS),
        (F1,),
    ),
    NeuralMethod(
        "soft_jaccard",
        "soft Jaccard",
        fixed(SoftJaccard),
        _STARTS_AND_RATES,
        (JACCARD,),
    ),
    NeuralMethod(
        "anyloss",
        "AnyLoss",
        fixed(partial(AnyLoss, metric="f1")),
        _ANYLOSS_GRID,
        (F1,),
    ),
    NeuralMethod(
        "anyloss_accuracy",
        "AnyLoss, accuracy",
        fixed(partial(AnyLoss, metric="accuracy")),
        _ANYLOSS_GRID,
        (ERROR_RATE,),
    ),
    NeuralMethod(
        "evolution_strategies",
        "evolution strategies",
        _evolution,
        _times(tuple({"sigma": sigma} for sigma in (0.1, 0.3, 0.03)), _STARTS),
        trains_once=False,
    ),
)
"""Every baseline; all but cross-entropy itself may start from it."""

SURROGATES: tuple[NeuralMethod, ...] = (
    _surrogate("sl_u", "universal", "SL-U"),
    _surrogate("sl_s", "scratch", "SL-S"),
    _surrogate("sl_r", "refined", "SL-R"),
)
"""The paper's three ways to come by a surrogate (section 4.2)."""

CRITERION = PlainLoop(
    "criterion",
    "SurrogateLoss in a plain loop",
    learned,
    _SURROGATE_GRID,
    trains_once=False,
)
"""The learned loss as users of PyTorch have it, by the surrogates' tuning grid."""

_CROSS_ENTROPY = HAND_MADE[0]

DEFAULT_FIT = DefaultFit(
    "default_fit",
    "SurrogateClassifier's fit",
    learned,
    _CROSS_ENTROPY.grid,
    trains_once=False,
    tuned_as=_CROSS_ENTROPY,
)
"""What users of the estimator and the command line get."""

METHODS: dict[str, Method] = {
    method.name: method
    for method in (*SURROGATES, CRITERION, DEFAULT_FIT, *HAND_MADE, *PEERS)
}


def get_method(name: str) -> Method:
    """Return a method by its name.

    Raises:
        ValueError: If no method has this name.

    Example:
        >>> get_method("sl_r").title
        'SL-R'
    """
    if name in METHODS:
        return METHODS[name]
    near = difflib.get_close_matches(name, METHODS, n=3)
    hint = f"Did you mean {', '.join(near)}? " if near else ""
    raise ValueError(f"Unknown method {name!r}. {hint}There are: {', '.join(METHODS)}.")
