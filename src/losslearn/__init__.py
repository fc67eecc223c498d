"""Train prediction models directly for the metric they are judged by."""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.2.0.dev0"

_HOMES = {
    "Decision": "tasks.decision",
    "LearnedTreeObjective": "criterion.trees",
    "MetricDecisionClassifier": "estimators.decision_classifier",
    "PAPER": "training.recipe",
    "Recipe": "training.recipe",
    "Sets": "metrics",
    "SetSurrogate": "surrogate.network",
    "SurrogateClassifier": "estimators.classifier",
    "SurrogateLoss": "criterion.loss",
    "TableEncoder": "encoding",
    "TrueLoss": "metrics",
    "as_true_loss": "metrics",
    "bootstrap_interval": "tasks.thresholds",
    "declare_metric": "metrics",
    "fit_table": "tables.fitting",
    "fit_universal": "surrogate.universal",
    "gap": "metrics.constraints.bounds",
    "get_true_loss": "metrics",
    "load_model": "tables.saved",
    "save_model": "tables.saved",
    "subject_to": "metrics.constraints.subject_to",
    "tune_decision": "tasks.decision",
    "tune_threshold": "tasks.thresholds",
    "worst": "metrics.constraints.bounds",
}
"""Where each public name lives; loaded at first use, so that the import is quick."""

__all__ = [
    "PAPER",
    "Decision",
    "LearnedTreeObjective",
    "MetricDecisionClassifier",
    "Recipe",
    "SetSurrogate",
    "Sets",
    "SurrogateClassifier",
    "SurrogateLoss",
    "TableEncoder",
    "TrueLoss",
    "as_true_loss",
    "bootstrap_interval",
    "declare_metric",
    "fit_table",
    "fit_universal",
    "gap",
    "get_true_loss",
    "load_model",
    "save_model",
    "subject_to",
    "tune_decision",
    "tune_threshold",
    "worst",
]

if TYPE_CHECKING:
    from losslearn.criterion.loss import SurrogateLoss
    from losslearn.criterion.trees import LearnedTreeObjective
    from losslearn.encoding import TableEncoder
    from losslearn.estimators.classifier import SurrogateClassifier
    from losslearn.estimators.decision_classifier import MetricDecisionClassifier
    from losslearn.metrics import (
        Sets,
        TrueLoss,
        as_true_loss,
        declare_metric,
        get_true_loss,
    )
    from losslearn.metrics.constraints.bounds import gap, worst
    from losslearn.metrics.constraints.subject_to import subject_to
    from losslearn.surrogate.network import SetSurrogate
    from losslearn.surrogate.universal import fit_universal
    from losslearn.tables.fitting import fit_table
    from losslearn.tables.saved import load_model, save_model
    from losslearn.tasks.decision import Decision, tune_decision
    from losslearn.tasks.thresholds import bootstrap_interval, tune_threshold
    from losslearn.training.recipe import PAPER, Recipe


def __getattr__(name: str) -> object:
    """Import a public name at its first use."""
    if name not in _HOMES:
        hint = ": it is `Recipe` since release 0.2" if name == "BilevelConfig" else ""
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}{hint}")
    home = import_module(f"{__name__}.{_HOMES[name]}")
    found: object = getattr(home, name)
    return found


def __dir__() -> list[str]:
    """List the public names."""
    return [*globals(), *__all__]
