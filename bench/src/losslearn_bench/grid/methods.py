"""The methods of the benchmark by name: learned surrogates, hand-made losses, peers."""

import difflib
from collections.abc import Callable
from functools import partial

from torch import nn

from losslearn.tasks.cross_entropy import CrossEntropy
from losslearn_bench.baselines import (
    AnyLoss,
    CostSensitive,
    EvolutionStrategies,
    Focal,
    GlobalObjective,
    LovaszHinge,
    LovaszSoftmax,
    OverSets,
    PairwiseRanking,
    SoftF1,
    SoftJaccard,
)
from losslearn_bench.harness.budget import (
    RATES,
    STARTS,
    STARTS_AND_RATES,
    Setting,
    Settings,
    each,
    times,
)
from losslearn_bench.harness.method import Method
from losslearn_bench.harness.neural import Context, NeuralMethod, Trained, fixed
from losslearn_bench.harness.ours import branches, learned, plain_loop
from losslearn_bench.peers import PEERS

AUC, AP = "roc_auc_loss", "average_precision_loss"
F1, JACCARD, ERROR_RATE = "f1_loss", "jaccard_loss", "error_rate"

COST_WEIGHTS = (0.3, 0.9, 2.7, 8.1, 24.3, 72.9)
"""Costs of the positives among which the paper picks on validation rows (sec. 4.3)."""

_COSTS = each("weight", *COST_WEIGHTS)
_SLOPES = times(each("slope", 1.0, 3.0, 10.0), STARTS)
_FAST_OR_SLOW = RATES[:2]
_ANYLOSS_GRID = times(each("amplification", 73.0, 20.0, 5.0), STARTS)
_SURROGATE_GRID = times(each("cross_entropy_weight", 1.0, 0.1, 0.0), _FAST_OR_SLOW)


def _surrogate(name: str, mode: str, title: str) -> NeuralMethod:
    # as in Algorithm 1, each set is fitted once
    grid = tuple({"mode": mode, "replay": 1, **entry} for entry in _SURROGATE_GRID)
    return NeuralMethod(name, title, learned, grid, trains_once=False)


def _weighted(context: Context, setting: Setting) -> Trained:
    """Make cross-entropy with the classes balanced, wholly or in part."""
    y_true = context.data.y_true
    n_pos = int(y_true.sum())
    ratio = (len(y_true) - n_pos) / n_pos
    weight = ratio ** float(setting["balance"])
    return Trained(OverSets(CostSensitive(weight)))


def _cost_sensitive(weight: float) -> nn.Module:
    """Make cross-entropy with a cost on the positives, the reduction of F1.

    The classifier of the best F1 is also the best for some cost of a missed positive
    against that of a false alarm (Parambath et al., "Optimizing F-Measures by
    Cost-Sensitive Classification", 2014). That cost is unknown; one model is trained
    for each candidate, and validation rows choose.
    """
    return CostSensitive(weight)


def _evolution(context: Context, setting: Setting) -> Trained:
    objective: nn.Module = EvolutionStrategies(
        context.true_loss, sigma=float(setting["sigma"]), generator=context.generator
    )
    return Trained(OverSets(objective))


def _plain(context: Context, setting: Setting) -> Trained:
    """Make the package's own cross-entropy, which is compiled: the control."""
    del context, setting
    return Trained(CrossEntropy())


def _by(
    name: str, title: str, make: Callable[..., nn.Module], grid: Settings, *metrics: str
) -> NeuralMethod:
    """Return the method of a hand-made loss."""
    return NeuralMethod(name, title, fixed(make), grid, metrics=metrics or None)


HAND_MADE: tuple[NeuralMethod, ...] = (
    NeuralMethod("cross_entropy", "cross-entropy", _plain, RATES),
    NeuralMethod(
        "weighted_cross_entropy",
        "cross-entropy, class weights",
        _weighted,
        times(each("balance", 1.0, 0.5), RATES[:3]),
    ),
    _by("focal", "focal", Focal, times(each("gamma", 2.0, 1.0, 0.5), _FAST_OR_SLOW)),
    *(
        _by(
            f"pairwise_{kind}",
            f"pairwise ranking, {kind}",
            partial(PairwiseRanking, kind=kind),
            STARTS_AND_RATES,
            AUC,
        )
        for kind in ("logistic", "hinge")
    ),
    *(
        _by(
            f"global_{target}",
            f"Global Objectives, {area}",
            partial(GlobalObjective, target=target),  # type: ignore[arg-type]
            STARTS_AND_RATES,
            metric,
        )
        for target, area, metric in (("auc_roc", "AUC", AUC), ("auc_pr", "AUC-PR", AP))
    ),
    *(
        _by(f"lovasz_{kind}", f"Lovasz {kind}", make, STARTS_AND_RATES, JACCARD, F1)
        for kind, make in (("hinge", LovaszHinge), ("softmax", LovaszSoftmax))
    ),
    _by("cost_sensitive", "cost-sensitive", _cost_sensitive, _COSTS, F1, JACCARD),
    _by("soft_f1", "soft F1", SoftF1, _SLOPES, F1),
    _by("soft_jaccard", "soft Jaccard", SoftJaccard, STARTS_AND_RATES, JACCARD),
    _by("anyloss", "AnyLoss", partial(AnyLoss, metric="f1"), _ANYLOSS_GRID, F1),
    _by(
        "anyloss_accuracy",
        "AnyLoss, accuracy",
        partial(AnyLoss, metric="accuracy"),
        _ANYLOSS_GRID,
        ERROR_RATE,
    ),
    NeuralMethod(
        "evolution_strategies",
        "evolution strategies",
        _evolution,
        times(each("sigma", 0.1, 0.3, 0.03), STARTS),
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

CRITERION = NeuralMethod(
    "criterion",
    "SurrogateLoss in a plain loop",
    plain_loop,
    _SURROGATE_GRID,
    trains_once=False,
)
"""The learned loss as users of PyTorch have it, by the surrogates' tuning grid."""

DEFAULT_FIT = NeuralMethod(
    "default_fit",
    "SurrogateClassifier's fit",
    branches,
    HAND_MADE[0].grid,
    trains_once=False,
    tuned_as=HAND_MADE[0],
)
"""What users of the estimator and the command line get."""

METHODS: dict[str, Method] = {
    method.name: method
    for method in (*SURROGATES, CRITERION, DEFAULT_FIT, *HAND_MADE, *PEERS)
}


def get_method(name: str) -> Method:
    """Return a method by its name, or say which is near.

    Example:
        >>> get_method("sl_r").title
        'SL-R'
    """
    if name in METHODS:
        return METHODS[name]
    near = difflib.get_close_matches(name, METHODS, n=3)
    hint = f"Did you mean {', '.join(near)}? " if near else ""
    raise ValueError(f"Unknown method {name!r}. {hint}There are: {', '.join(METHODS)}.")
