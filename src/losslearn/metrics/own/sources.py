"""Where metrics come from, and what each place tells about them."""

import copy
import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal

import torch

from losslearn.metrics.own.black_box import Array, BlackBox, ByRow
from losslearn.metrics.own.function_files import FileFunction

ResponseMethod = Literal["decision_function", "predict_proba", "predict"]
"""What a metric judges: raw scores, probabilities or labels."""

_TAKES: dict[str, ResponseMethod] = {
    "y_score": "decision_function",
    "pred_decision": "decision_function",
    "y_prob": "predict_proba",
    "y_proba": "predict_proba",
    "p": "predict_proba",
    "y_pred": "predict",
}
"""What a second argument of this name means."""

# Of scikit-learn's metrics, those that the rules on names would get wrong (in older
# versions the probabilities are called `y_pred`).
_PROBABILISTIC = {"brier_score_loss", "d2_brier_score", "d2_log_loss_score", "log_loss"}
# The scores at most 1, and the values from 0 to 1.
_UP_TO_ONE = (
    "matthews_corrcoef cohen_kappa_score r2_score explained_variance_score "
    "d2_absolute_error_score d2_brier_score d2_log_loss_score"
)
_ZERO_TO_ONE = (
    "accuracy_score average_precision_score balanced_accuracy_score f1_score "
    "fbeta_score jaccard_score precision_score recall_score roc_auc_score "
    "zero_one_loss hamming_loss brier_score_loss"
)
_KEEPS_RANGE = {"average", "beta", "pos_label", "zero_division", "max_fpr"}
"""Arguments of these that leave the range of their values alone."""


def source_of(metric: object) -> BlackBox:
    """Return what is known of a metric that is no text and no loss yet."""
    if any(  # without importing torchmetrics
        base.__name__ == "Metric" and base.__module__.startswith("torchmetrics")
        for base in type(metric).__mro__
    ):
        return _from_torchmetrics(metric)
    if hasattr(metric, "_score_func"):
        return _from_scorer(metric)
    if not callable(metric) or isinstance(metric, type):
        raise ValueError(
            "`metric` must be a name, a callable, a scikit-learn scorer or a "
            f"torchmetrics metric, got {metric!r:.80}."
        )
    return _from_scikit_learn(metric) if _is_scikit_learn(metric) else _own(metric)


def _call_torchmetrics(
    metric: Any,  # noqa: ANN401 - of torchmetrics, which need not be there
    y_true: Array,
    response: Array,
    by_row: ByRow,
) -> object:
    """Return what a torchmetrics metric computes for one set, from a clean state."""
    del by_row  # it takes neither weights nor columns
    metric.reset()
    metric.update(torch.from_numpy(response), torch.from_numpy(y_true))
    return metric.compute()


def _from_torchmetrics(metric: Any) -> BlackBox:  # noqa: ANN401 - see above
    """Describe a torchmetrics metric; one with a threshold takes labels."""
    return BlackBox(
        name=type(metric).__name__,
        origin="of torchmetrics",
        call=partial(_call_torchmetrics, copy.deepcopy(metric)),
        greater_is_better=metric.higher_is_better,
        response_method="predict" if hasattr(metric, "threshold") else "predict_proba",
        lower=metric.plot_lower_bound,
        upper=metric.plot_upper_bound,
    )


def _call(
    metric: Callable[..., Any], sign: int, y_true: Array, response: Array, by_row: ByRow
) -> object:
    """Return what a function returns, with weights and columns by keyword."""
    value = metric(y_true, response, **by_row)
    return value if sign > 0 else -value


def _of_function(metric: Callable[..., Any], sign: int = 1, **known: Any) -> BlackBox:  # noqa: ANN401 - fields of it
    """Describe a function, or minus its values, beside what else is known of it."""
    lower, upper = _range(metric)
    if sign < 0 and lower is not None and upper is not None:
        lower, upper = -upper, -lower
    return BlackBox(
        name=_name(metric),
        call=partial(_call, metric, sign),
        takes_weight="sample_weight" in _arguments(metric),
        is_scikit_learn=_is_scikit_learn(metric),
        lower=lower,
        upper=upper,
        source=_source(metric),
        **known,
    )


def _from_scorer(scorer: Any) -> BlackBox:  # noqa: ANN401 - private in scikit-learn
    """Describe a scorer: it knows its direction and what it takes."""
    takes = scorer._response_method
    return _of_function(
        partial(scorer._score_func, **scorer._kwargs),
        scorer._sign,
        origin="a scikit-learn scorer",
        greater_is_better=True,
        response_method=takes[0] if isinstance(takes, tuple) else takes,
    )


def _from_scikit_learn(metric: Callable[..., Any]) -> BlackBox:
    """Describe a metric function of scikit-learn, by the rules of its names."""
    name, takes = _name(metric), _takes(metric)
    is_score = name.endswith("_score") or name == "matthews_corrcoef"
    is_known = is_score or name.endswith(("_loss", "_error"))
    return _of_function(
        metric,
        origin="of scikit-learn",
        greater_is_better=is_score if is_known else None,
        response_method="predict_proba" if name in _PROBABILISTIC else takes,
    )


def _own(metric: Callable[..., Any]) -> BlackBox:
    """Describe any other callable, by its arguments and by what it says of itself."""

    def said(attribute: str) -> Any:  # noqa: ANN401 - whatever was said
        return getattr(metric, attribute, getattr(_unbound(metric), attribute, None))

    greater_is_better = said("greater_is_better")
    if greater_is_better not in (True, False, None):
        raise ValueError(
            f"`greater_is_better` of `{_name(metric)}` must be True or False, got "
            f"{greater_is_better!r}."
        )
    declared = said("response_method")
    return _of_function(
        metric,
        origin="a metric of your own",
        greater_is_better=greater_is_better,
        response_method=declared or _takes(metric),
        said_by="declared" if declared else "argument",
        argument=[*_arguments(metric), "", ""][1],
        batched=bool(said("batched")),
        columns=tuple(  # by keyword, and no call could leave them out
            name
            for name, argument in _arguments(metric).items()
            if argument.kind is argument.KEYWORD_ONLY
            and argument.default is argument.empty
            and name != "sample_weight"
        ),
    )


def _source(metric: object) -> str:
    """Return the code of a function; nothing where Python does not know it."""
    try:
        return inspect.getsource(_unbound(metric))  # type: ignore[arg-type] # or it raises
    except (TypeError, OSError):
        return ""


def _is_scikit_learn(metric: object) -> bool:
    """Return whether this is a function of scikit-learn, arguments bound or not."""
    return str(getattr(_unbound(metric), "__module__", "")).startswith("sklearn.")


def _unbound(metric: object) -> object:
    """Return the function behind bound arguments or a file."""
    while isinstance(metric, partial | FileFunction):
        metric = metric.func if isinstance(metric, partial) else metric.function
    return metric


def _name(metric: object) -> str:
    """Return what a callable is called."""
    metric = _unbound(metric)
    return getattr(metric, "__name__", None) or type(metric).__name__


def _arguments(metric: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """Return the arguments by name, none where Python does not know them."""
    try:
        loaded = metric.function if isinstance(metric, FileFunction) else metric
        return inspect.signature(loaded).parameters
    except (TypeError, ValueError):
        return {}


def _takes(metric: Callable[..., Any]) -> ResponseMethod | None:
    """Return what the second argument's name says."""
    names = list(_arguments(metric))
    if names and names[0] in _TAKES:
        raise ValueError(
            f"`{_name(metric)}` must take the targets first, but its first argument is "
            f"`{names[0]}`. Give it the arguments `(y_true, {names[0]})`."
        )
    return _TAKES.get(names[1]) if len(names) > 1 else None


def _range(metric: object) -> tuple[float | None, float | None]:
    """Return the least and the greatest value of a function of scikit-learn."""
    bound = getattr(metric, "keywords", {})
    if not _is_scikit_learn(metric) or not set(bound) <= _KEEPS_RANGE:
        return None, None
    name = _name(metric)
    if name in _ZERO_TO_ONE.split():
        return 0.0, 1.0
    return (-1.0, 1.0) if name in _UP_TO_ONE.split() else (None, None)
