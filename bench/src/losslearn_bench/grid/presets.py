"""The grids that have a name."""

from dataclasses import replace
from typing import Any, Literal, get_args

from losslearn_bench.checks import check_choice
from losslearn_bench.datasets import DATASETS
from losslearn_bench.grid.cells import Grid, Selection
from losslearn_bench.grid.methods import HAND_MADE, get_method
from losslearn_bench.harness.budget import Budget, Protocol
from losslearn_bench.harness.tiers import TIERS

Preset = Literal["smoke", "table2", "table3", "honest"]
Size = Literal["capped", "full"]

PAPER_DATASETS = tuple(DATASETS)[:9]
"""Those of the paper's Table 1."""
KEEL_DATASETS = tuple(name for name in DATASETS if name.startswith("keel_"))

_OF_RANKINGS = ("roc_auc_loss", "equal_error_rate", "average_precision_loss")
_OF_COUNTS = ("error_rate", "f1_loss", "mcc_loss", "jaccard_loss")
PAPER_METRICS = (*_OF_RANKINGS, *_OF_COUNTS)
"""Columns of the paper's Table 2."""

TABLE_3 = {
    "error_rate": ("cross_entropy", "sl_r"),
    "roc_auc_loss": ("pairwise_logistic", "global_auc_roc", "sl_r"),
    "jaccard_loss": ("lovasz_softmax", "sl_r"),
    "f1_loss": ("cost_sensitive", "sl_r"),
}
"""Losses of the paper's Table 3, and the methods made for them, ours last."""

HONEST_METRICS = ("roc_auc_loss", "average_precision_loss", "error_rate", "f1_loss")

_JACCARD = "jaccard_loss"
_LEARNED = ("default_fit", "sl_r", "criterion")
_OF_JACCARD = ("soft_jaccard", "lovasz_hinge", "lovasz_softmax")
_FOR_JACCARD = (*_LEARNED, "cross_entropy", *_OF_JACCARD)
"""What is measured by the Jaccard loss where time is too short for every method."""

TREES = ("lightgbm", "xgboost")

PEER_METHODS = ("logistic_tuned", *TREES, "libauc_aucm", "libauc_ap", "smooth_ap")
"""Other packages that a whole grid has time for; ap_perf is run by name."""

_FEW = ("roc_auc_loss", "f1_loss")
"""Losses of either kind, where time is too short for all."""

_SURROGATES = ("sl_u", "sl_r", "sl_s")


def make_grid(
    preset: Preset,
    *,
    size: Size = "capped",
    protocol: Protocol = "honest",
    repetitions: int | None = None,
) -> Grid:
    """Return a grid by name.

    "smoke" takes a minute, "table2" and "table3" are the paper's, "honest" has the
    learned losses and what they are compared with, linear, MLP and trees. "full" takes
    all training rows and the default number of steps, "capped" fewer of both.
    Repetitions are 3, or 5 at full size, where not told otherwise.
    """
    check_choice("preset", preset, get_args(Preset))
    check_choice("size", size, get_args(Size))
    budget = Budget(protocol=protocol)
    if size == "capped":
        # makes the tables end in about two hours on two cores; the larger steps make up
        # for their smaller number
        steps: dict[str, Any] = {"max_iter": 300, "model_lr": 2e-2, "n_evals": 15}
        budget = replace(budget, max_train_rows=20_000, **steps)
    grid = Grid(
        datasets=PAPER_DATASETS,
        tiers=("mlp",),
        methods=_SURROGATES,
        metrics=PAPER_METRICS,
        repetitions=repetitions or (5 if size == "full" else 3),
        budget=budget,
    )
    hand_made = tuple(method.name for method in HAND_MADE)
    if preset == "table2":
        # as in the paper, no variant is tuned; three times as many trainings as any
        # other table has are made shorter where time counts
        max_iter = budget.max_iter if size == "full" else 200
        budget = replace(budget, tuning="none", max_iter=max_iter)
        return replace(grid, budget=budget)
    if preset == "table3":
        pairs = [(method, metric) for metric, own in TABLE_3.items() for method in own]
        rivals = dict.fromkeys(method for method, _ in pairs if method != "sl_r")
        only = frozenset(("mlp", *pair) for pair in pairs)
        return replace(grid, methods=(*rivals, "sl_r"), only=only)
    if preset == "honest":
        methods = (*_LEARNED, *hand_made, *PEER_METHODS)
        return replace(
            grid,
            datasets=PAPER_DATASETS + KEEL_DATASETS,
            tiers=TIERS,
            methods=methods,
            metrics=(*HONEST_METRICS, _JACCARD),
            only=_honest_cells(methods, size),
        )
    return _smoke(grid, hand_made, repetitions)


def _honest_cells(methods: tuple[str, ...], size: Size) -> Selection:
    """Return what runs: in the tier of trees no network.

    Where time is short, evolution strategies, which train for each loss anew, run for
    two losses only, and few methods for the Jaccard loss.
    """
    is_full = size == "full"
    return frozenset(
        (tier, method, metric)
        for tier in TIERS
        for method in methods
        for metric in (*HONEST_METRICS, _JACCARD)
        if (tier == "trees") == (method in TREES)
        if method != "evolution_strategies" or is_full or metric in _FEW
        if metric != _JACCARD or is_full or method in _FOR_JACCARD
    )


def _smoke(grid: Grid, hand_made: tuple[str, ...], repetitions: int | None) -> Grid:
    """Return a grid of every loss that ships, on two small data sets.

    What trains for each loss anew runs for F1 only, but for a linear model's SL-R.
    """
    methods = (*_SURROGATES, "criterion", *hand_made)
    tiers, metrics = ("linear", "mlp"), (*HONEST_METRICS, _JACCARD)
    steps: dict[str, Any] = {"max_iter": 12, "n_evals": 4, "n_settings": 2}
    budget = replace(grid.budget, max_train_rows=1_000, **steps)
    once = {method for method in methods if get_method(method).trains_once}
    only = {
        (tier, method, metric)
        for tier in tiers
        for method in once
        for metric in metrics
        if metric != _JACCARD or method in _FOR_JACCARD
    }
    only |= {(tier, method, "f1_loss") for tier in tiers for method in methods}
    only.add(("linear", "sl_r", "roc_auc_loss"))
    return replace(
        grid,
        datasets=("keel_yeast4", "keel_page_blocks0"),
        tiers=tiers,
        methods=methods,
        metrics=metrics,
        repetitions=repetitions or 2,
        budget=budget,
        only=frozenset(only),
    )
