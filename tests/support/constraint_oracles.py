"""Metrics with constraints by trying every threshold, with scikit-learn's metrics."""

import math
import warnings
from functools import partial

import numpy as np
import sklearn.metrics as sk

NEEDS = {
    "recall": {1},
    "precision": {1},
    "specificity": {0},
    "fpr": {0},
    "selection_rate": set(),
    "accuracy": set(),
    "f1": {0, 1},
    "mcc": {0, 1},
}
"""Classes of which there must be rows for a rate to mean something."""
_ZERO = {"zero_division": 0.0}
_BY_SCIKIT_LEARN = {
    "recall": partial(sk.recall_score, **_ZERO),
    "precision": partial(sk.precision_score, **_ZERO),
    "specificity": partial(sk.recall_score, pos_label=0, **_ZERO),
    "fpr": lambda *rows, **weight: 1 - sk.recall_score(*rows, pos_label=0, **weight),
    "selection_rate": lambda _, called, sample_weight: np.average(
        called, weights=sample_weight
    ),
    "accuracy": sk.accuracy_score,
    "f1": partial(sk.f1_score, **_ZERO),
    "mcc": sk.matthews_corrcoef,
}


def rate(name, y, called, weight):
    """Return a rate of decisions; NaN where the rows leave it without a meaning."""
    there = weight > 0
    y, called, weight = y[there], called[there], weight[there]
    if not len(y) or not NEEDS[name] <= set(y.tolist()):
        return math.nan
    with warnings.catch_warnings(action="ignore"):
        return _BY_SCIKIT_LEARN[name](y, called, sample_weight=weight)


def by_group(name, over, groups, y, called, weight):
    values = [
        rate(name, *(rows[groups == group] for rows in (y, called, weight)))
        for group in np.unique(groups)
    ]
    values = [value for value in values if not math.isnan(value)]
    if over == "gap":
        return max(values) - min(values) if values else 0.0
    return max(values) if name == "fpr" else min(values)


def loss(aim, bounds, penalty, groups, y, called, weight):
    """Return the penalised loss of decisions.

    `bounds` are of (name, over or None, sign, bound).
    """
    total = 1 - rate(aim, y, called, weight)
    if aim == "mcc":
        total /= 2
    for name, over, sign, bound in bounds:
        if over is None:
            value = rate(name, y, called, weight)
        else:
            value = by_group(name, over, groups, y, called, weight)
        missed = bound - value if sign == ">=" else value - bound
        total += penalty * max(missed, 0.0)
    return total


def at_all_thresholds(aim, bounds, penalty, groups, y, score, weight):
    """Return thresholds, nobody's first, and the loss at each."""
    thresholds = [math.inf, *sorted(set(score.tolist()), reverse=True)]
    return thresholds, [
        loss(aim, bounds, penalty, groups, y, (score >= at).astype(int), weight)
        for at in thresholds
    ]
