"""What a bound can be put on: rates of the confusion matrix, by their names."""

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial

import torch
from torch import Tensor

from losslearn.metrics.builtin import BUILTINS
from losslearn.metrics.confusion import FORMULAS
from losslearn.metrics.cut_points import Confusion
from losslearn.metrics.other_names import FROM_MINUS_ONE, is_a_loss, spelled

_Formula = Callable[[Confusion], Tensor]


@dataclass(frozen=True)
class Rate:
    """A number that decisions have on rows of two classes."""

    value: _Formula
    """Of the confusion matrix, wherever `is_defined`."""
    is_defined: _Formula
    """Whether rows have it, whatever is decided on them."""
    greater_is_better: bool | None
    """None where neither end is worse; lower is aimed at then."""
    loss: _Formula
    """What is minimised where it is the aim; in [0, 1]."""
    lowest: float = 0.0
    """The least value there can be; the greatest is 1."""


@lru_cache
def rate_of(name: str) -> Rate | None:
    """Return the rate of a name; None if there is none.

    `recall` (`tpr`), `precision`, `specificity` (`tnr`), `fpr`, `fnr`,
    `selection_rate`, and each built-in loss of decisions or its metric, such as
    `accuracy`, `error_rate`, `f1`, `fbeta@0.5` and `mcc`.

    Precision is 0 where nobody is called positive, as scikit-learn's is: nobody meets
    no bound on precision, and every bound on the rate of false positives.
    """
    key, _, parameter = spelled(name).partition("@")
    if key in _RATES and not parameter:
        return _RATES[key]
    return _of_builtin(key, parameter)


def near_names(name: str) -> list[str]:
    """Return names that one may have been meant for."""
    aliases = [alias for known in BUILTINS for alias in (known.name, *known.aliases)]
    return difflib.get_close_matches(spelled(name), [*_RATES, *aliases], n=3)


def _any(c: Confusion) -> Tensor:
    return c.n_pos + c.n_neg > 0


def _positives(c: Confusion) -> Tensor:
    return c.n_pos > 0


def _negatives(c: Confusion) -> Tensor:
    return c.n_neg > 0


def _both(c: Confusion) -> Tensor:
    return (c.n_pos > 0) & (c.n_neg > 0)


def _recall(c: Confusion) -> Tensor:
    return c.tp / c.n_pos


def _specificity(c: Confusion) -> Tensor:
    return c.tn / c.n_neg


def _miss_rate(c: Confusion) -> Tensor:
    return c.fn / c.n_pos


def _false_positive_rate(c: Confusion) -> Tensor:
    return c.fp / c.n_neg


def _selection_rate(c: Confusion) -> Tensor:
    return (c.tp + c.fp) / (c.n_pos + c.n_neg)


def _precision(c: Confusion) -> Tensor:
    called = c.tp + c.fp
    return c.tp / torch.where(called > 0, called, 1.0)


def _one_minus(formula: _Formula) -> _Formula:
    return partial(_linear, formula=formula, factor=-1.0, shift=1.0)


def _linear(c: Confusion, *, formula: _Formula, factor: float, shift: float) -> Tensor:
    return shift + factor * formula(c)


def _maximised(value: _Formula, is_defined: _Formula) -> Rate:
    return Rate(value, is_defined, True, _one_minus(value))


_RATES = {
    name: rate
    for names, rate in (
        (
            "recall tpr sensitivity true_positive_rate",
            _maximised(_recall, _positives),
        ),
        # without positive rows it cannot be but 0
        ("precision ppv", _maximised(_precision, _positives)),
        (
            "specificity tnr true_negative_rate",
            _maximised(_specificity, _negatives),
        ),
        (
            "fpr false_positive_rate",
            Rate(_false_positive_rate, _negatives, False, _false_positive_rate),
        ),
        ("fnr false_negative_rate", Rate(_miss_rate, _positives, False, _miss_rate)),
        ("selection_rate", Rate(_selection_rate, _any, None, _selection_rate)),
    )
    for name in names.split()
}


def _of_builtin(key: str, parameter: str) -> Rate | None:
    """Return a built-in loss of decisions, or the metric that an alias names."""
    for known in BUILTINS:
        if not known.has_threshold or key not in (known.name, *known.aliases):
            continue
        loss: _Formula = FORMULAS[known.name]
        if parameter:
            if not (
                known.parameter and re.fullmatch(r"0*[1-9]\d*|\d*\.\d+", parameter)
            ):
                return None
            loss = partial(loss, **{known.parameter: float(parameter)})
        is_defined = _any if known.name == "error_rate" else _both
        if is_a_loss(key):
            return Rate(loss, is_defined, False, loss)
        if key in FROM_MINUS_ONE:
            value = partial(_linear, formula=loss, factor=-2.0, shift=1.0)
            return Rate(value, is_defined, True, loss, lowest=-1.0)
        return Rate(_one_minus(loss), is_defined, True, loss)
    return None
