"""Metrics as their users write them: higher is better; those of money stand elsewhere.

Written from the counts, since each fit takes thousands of their values.
"""

import numpy as np
from scipy.stats import rankdata
from sklearn.metrics import average_precision_score, roc_auc_score

from losslearn_bench.decisions.metrics import FLOOR, PENALTY, Array

COST = 0.5
"""Of a row called positive that is not, where a positive one brings its amount."""


def accuracy(y_true: Array, y_pred: Array) -> float:
    """Return the share of rows decided right."""
    return float((y_true == y_pred).mean())


def f1(y_true: Array, y_pred: Array) -> float:
    """Return F1, 0 where nobody is called positive."""
    found = float((y_true * y_pred).sum())
    return 2 * found / float(y_true.sum() + y_pred.sum())


def mcc(y_true: Array, y_pred: Array) -> float:
    """Return Matthews' correlation coefficient, 0 where all are decided alike."""
    n, positive, called = len(y_true), float(y_true.sum()), float(y_pred.sum())
    spread = positive * (n - positive) * called * (n - called)
    gap = n * float((y_true * y_pred).sum()) - positive * called
    return gap / spread**0.5 if spread > 0 else 0.0


def f1_at_precision(y_true: Array, y_pred: Array) -> float:
    """Return F1, less five times what lacks of a precision of .8."""
    precision = float(y_true[y_pred == 1].mean()) if y_pred.any() else 0.0
    return f1(y_true, y_pred) - PENALTY * max(FLOOR - precision, 0.0)


def average_precision(y_true: Array, y_score: Array) -> float:
    """Return the mean precision over the recalls."""
    return float(average_precision_score(y_true, y_score))


def spearman(y_true: Array, y_score: Array, *, amount: Array) -> float:
    """Return the rank correlation of scores with what each row brings."""
    ranks = rankdata(y_score), rankdata(y_true * amount)
    if min(np.ptp(one) for one in ranks) == 0:
        return 0.0
    return float(np.corrcoef(*ranks)[0, 1])


def stability(y_true: Array, y_score: Array, *, group: Array) -> float:
    """Return the mean of the groups' areas under the ROC curve less their deviation."""
    parts = [(y_true[group == one], y_score[group == one]) for one in np.unique(group)]
    areas = [roc_auc_score(y, score) for y, score in parts if 0 < y.mean() < 1]
    return float(np.mean(areas) - np.std(areas))


def made_profit(y_true: Array, y_pred: Array, *, amount: Array) -> float:
    """Return the mean gain: a positive row called brings its amount, others cost."""
    return float((y_pred * np.where(y_true == 1, amount, -COST)).mean())
