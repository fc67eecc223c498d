"""The built-in true losses, by name."""

import difflib
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache, partial

from torch import Tensor

from losslearn.metrics import cells, confusion, ranking
from losslearn.metrics.cut_points import Confusion
from losslearn.metrics.own.top_heavy import is_top_heavy
from losslearn.metrics.true_loss import TrueLoss


@dataclass(frozen=True)
class _Entry:
    """A built-in loss before its parameter is set."""

    function: Callable[..., Tensor]
    description: str
    aliases: str
    formula: Callable[[Confusion], Tensor] | None = None
    parameter: str | None = None
    default: float | int | None = None


_ENTRIES = (
    _Entry(
        confusion.error_rate,
        "share of misclassified rows (MCR), 1 - accuracy",
        aliases="error mcr misclassification_rate accuracy acc accuracy_score "
        "zero_one_loss",
        formula=cells.error_rate,
    ),
    _Entry(confusion.f1_loss, "1 - F1", aliases="f1 f1_score dice", formula=cells.f1),
    _Entry(
        confusion.fbeta_loss,
        "1 - F-beta, recall weighs beta times as much as precision",
        aliases="fbeta fbeta_score f_beta",
        formula=cells.fbeta,
        parameter="beta",
        default=2.0,
    ),
    _Entry(
        confusion.jaccard_loss,
        "1 - Jaccard index of the positives, 1 - TP/(TP+FP+FN)",
        aliases="jaccard jaccard_score jac iou",
        formula=cells.jaccard,
    ),
    _Entry(
        confusion.mcc_loss,
        "(1 - Matthews' correlation coefficient) / 2",
        aliases="mcc matthews_corrcoef matthews phi",
        formula=cells.mcc,
    ),
    _Entry(
        confusion.balanced_error,
        "mean error rate of the two classes, 1 - balanced accuracy",
        aliases="ber balanced_error_rate balanced_accuracy balanced_accuracy_score",
        formula=cells.balanced_error,
    ),
    _Entry(
        confusion.gmean_loss,
        "1 - geometric mean of the true positive and true negative rate",
        aliases="gmean g_mean geometric_mean geometric_mean_score",
        formula=cells.gmean,
    ),
    _Entry(
        confusion.kappa_loss,
        "(1 - Cohen's kappa) / 2",
        aliases="kappa cohen_kappa cohen_kappa_score",
        formula=cells.kappa,
    ),
    _Entry(
        ranking.roc_auc_loss,
        "1 - area under the ROC curve",
        aliases="auc roc_auc auroc roc_auc_score auc_loss",
    ),
    _Entry(
        ranking.partial_auc_loss,
        "1 - area under the ROC curve up to a false positive rate (McClish)",
        aliases="partial_auc pauc pauc_loss partial_roc_auc",
        parameter="max_fpr",
        default=0.1,
    ),
    _Entry(
        ranking.average_precision_loss,
        "1 - average precision",
        aliases="ap average_precision average_precision_score pr_auc auprc ap_loss",
    ),
    _Entry(
        ranking.equal_error_rate,
        "error rate where false positive and false negative rate are equal",
        aliases="eer",
    ),
    _Entry(
        ranking.recall_at_precision,
        "1 - best recall at no less than a precision",
        aliases="recall_at_precision_loss r_at_p",
        parameter="precision",
        default=0.8,
    ),
    _Entry(
        ranking.precision_at_k,
        "1 - precision among the k rows (or share k of the rows) ranked highest",
        aliases="precision_at_k_loss p_at_k top_k_precision",
        parameter="k",
        default=0.05,
    ),
)

_BY_NAME = {
    name: entry
    for entry in _ENTRIES
    for name in (entry.function.__name__, *entry.aliases.split())
}


def get_true_loss(name: str) -> TrueLoss:
    """Return the built-in loss of a name.

    Args:
        name: A name or an alias of `list_true_losses`, in any case, with `_`, `-` or
            spaces. A parameter follows an `@`: `"fbeta@0.5"`, `"precision_at_k@100"`.

    Returns:
        The loss, under its full name. A confusion-matrix loss is in its best-threshold
        form; `with_threshold` gives the other.

    Raises:
        ValueError: If no loss has this name, or it does not take such a parameter.

    Example:
        >>> get_true_loss("AUC").name, get_true_loss("fbeta@0.5").name
        ('roc_auc_loss', 'fbeta_loss@0.5')
    """
    key, at, value = name.partition("@")
    key = key.strip().lower().replace("-", "_").replace(" ", "_")
    if key not in _BY_NAME:
        raise ValueError(_unknown(name, key))
    entry = _BY_NAME[key]
    if not at:
        return _build(entry, entry.default)
    return _build(entry, _parse_parameter(entry, value))


def list_true_losses() -> dict[str, tuple[TrueLoss, tuple[str, ...]]]:
    """Return every built-in loss with its aliases, by name.

    Returns:
        Full name to the loss at its default parameter and its other names.

    Example:
        >>> loss, aliases = list_true_losses()["equal_error_rate"]
        >>> loss.needs_threshold, aliases
        (False, ('eer',))
    """
    return {
        entry.function.__name__: (
            _build(entry, entry.default),
            tuple(entry.aliases.split()),
        )
        for entry in _ENTRIES
    }


@lru_cache(typed=True)  # one object for one loss, so that equal losses compare equal
def _build(entry: _Entry, value: float | int | None) -> TrueLoss:
    """Return the loss with its parameter set."""
    name, function, formula = entry.function.__name__, entry.function, entry.formula
    description = entry.description
    if entry.parameter is not None and value is not None:
        description = f"{description}; {entry.parameter} = {value:g}"
        if value != entry.default:
            name = f"{name}@{_shown(entry, value)}"
            function = partial(function, **{entry.parameter: value})
            formula = formula and partial(formula, **{entry.parameter: value})
    loss = TrueLoss(
        name=name,
        description=description,
        function=function,
        at_threshold=function if formula else None,
        at_cut_points=formula and partial(cells.losses_at_cut_points, formula),
        is_builtin=True,
    )
    return loss if formula else replace(loss, is_top_heavy=is_top_heavy(loss))


def _shown(entry: _Entry, value: float | int) -> str:
    """Return a parameter as it is read again: 1.0 and 1 are two values of k only."""
    text = repr(value)
    return text if entry.parameter == "k" else text.removesuffix(".0")


def _parse_parameter(entry: _Entry, text: str) -> float | int:
    """Return the number after the `@`, an int where it is written as one."""
    name = entry.function.__name__
    if entry.parameter is None:
        raise ValueError(f"`{name}` takes no parameter, got `{name}@{text}`.")
    try:
        value = int(text) if entry.parameter == "k" and text.isdigit() else float(text)
    except ValueError:
        value = math.nan
    upper = math.inf if isinstance(value, int) or entry.parameter == "beta" else 1.0
    if not 0 < value <= upper or value == math.inf:
        allowed = {
            "beta": "a positive number",
            "k": "a positive number of rows, or a share of them in (0, 1]",
        }.get(entry.parameter, "in (0, 1]")
        raise ValueError(
            f"`{entry.parameter}` of `{name}` must be {allowed}, got `{text}`. "
            f"Write for example `{name}@{entry.default}`."
        )
    return value


def _unknown(name: str, key: str) -> str:
    """Return the message for a name nobody has, with the nearest ones."""
    near = difflib.get_close_matches(key, _BY_NAME, n=4, cutoff=0.5)
    hint = f"Did you mean {', '.join(f'`{n}`' for n in near)}? " if near else ""
    every = ", ".join(entry.function.__name__ for entry in _ENTRIES)
    return f"Unknown metric `{name}`. {hint}The built-in losses are: {every}."
