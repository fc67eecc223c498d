"""Metrics as their users write them: plain functions, higher is better.

Positive is whom one calls (bank) or refuses (credit); what else a metric needs of each
row are its keyword-only arguments.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

CALL, SALE = 1.0, 10.0
"""Bank: cost of a call, and what a sale brings where all bring the same."""
LOST, MARGIN, INSTEAD = 0.75, 0.05, 21_000.0
"""Credit as in Bahnsen et al. (2014): share of a loan that a default loses, share of it
that a paid one earns, and what the next client, who may default, costs on average."""
REMINDER, RESCUED = 2_000.0, 0.1
"""Credit: cost of talking to a client, and share of a default that this rescues."""
EARNED, HANDLING, DEFAULTED = 0.15, 100.0, 0.6
"""German credit: share that a paid loan earns, cost of any loan, share that is lost."""
FLOOR, PENALTY = 0.8, 5.0
"""Least precision or recall, and what each unit below costs."""
LEAST_RECALL = 0.6
TOP = 0.05


def savings(y_true: Array, y_pred: Array, *, missed: Array) -> float:
    """Return the share that is saved of the cheaper of calling nobody and everybody."""
    cost = np.where(y_pred == 1, CALL, y_true * missed).sum()
    return float(1 - cost / min((y_true * missed).sum(), CALL * len(y_true)))


def profit(y_true: Array, y_pred: Array, *, missed: Array) -> float:
    """Return the mean gain: what each sale brings, less the calls."""
    return float((y_pred * (y_true * missed - CALL)).mean())


def fixed_profit(y_true: Array, y_pred: Array) -> float:
    """Return the mean gain where each sale brings the same."""
    return float((y_pred * (y_true * SALE - CALL)).mean())


def refusal_cost(amount: Array) -> Array:
    """Return what refusing a good client costs."""
    return np.asarray(np.maximum(MARGIN * amount + INSTEAD, 0))


def credit_savings(y_true: Array, y_pred: Array, *, amount: Array) -> float:
    """Return the share saved of the cheaper of refusing nobody and everybody."""
    missed, refused = y_true * LOST * amount, (1 - y_true) * refusal_cost(amount)
    cost = np.where(y_pred == 1, refused, missed).sum()
    return float(1 - cost / min(missed.sum(), refused.sum()))


def rescued(y_true: Array, y_pred: Array, *, amount: Array) -> float:
    """Return the mean gain of reminding clients, in thousands."""
    return float((y_pred * (y_true * RESCUED * amount - REMINDER)).mean() / 1_000)


def five_to_one(y_true: Array, y_pred: Array) -> float:
    """Return minus the mean cost: 5 for a bad client accepted, 1 for a good refused."""
    return -float((5 * y_true * (1 - y_pred) + (1 - y_true) * y_pred).mean())


def loan_profit(y_true: Array, y_pred: Array, *, amount: Array) -> float:
    """Return the mean profit of the loans granted."""
    earned = np.where(y_true == 1, -DEFAULTED * amount, EARNED * amount) - HANDLING
    return float(((1 - y_pred) * earned).mean())


def accuracy_less_gap(y_true: Array, y_pred: Array, *, group: Array) -> float:
    """Return accuracy less the largest gap of the groups' true positive rates."""
    rates = [
        share(y_pred[(group == one) & (y_true == 1)] == 1) for one in np.unique(group)
    ]
    return float((y_true == y_pred).mean()) - (max(rates) - min(rates))


def worst_group(y_true: Array, y_pred: Array, *, group: Array) -> float:
    """Return the lowest balanced accuracy of a group."""
    right = y_true == y_pred
    return min(
        (share(right[own & (y_true == 1)]) + share(right[own & (y_true == 0)])) / 2
        for own in (group == one for one in np.unique(group))
    )


def share(is_so: Array) -> float:
    """Return the share of true values; 0 of none."""
    return float(is_so.mean()) if len(is_so) else 0.0


def recall_at_precision(y_true: Array, y_pred: Array) -> float:
    """Return recall, less five times what lacks of a precision of .8."""
    precision = share(y_true[y_pred == 1] == 1) if y_pred.any() else 1.0
    return share(y_pred[y_true == 1] == 1) - PENALTY * max(FLOOR - precision, 0.0)


def f_half_at_recall(y_true: Array, y_pred: Array) -> float:
    """Return F-beta with beta .5, less five times what lacks of a recall of .6."""
    found = float((y_true * y_pred).sum())
    f = 1.25 * found / (0.25 * float(y_true.sum()) + float(y_pred.sum()))
    recall = share(y_pred[y_true == 1] == 1)
    return f - PENALTY * max(LEAST_RECALL - recall, 0.0)


def top_lift(y_true: Array, y_score: Array) -> float:
    """Return how many times more positives the highest 5 % hold than chance."""
    n_top = max(round(TOP * len(y_true)), 1)
    top = np.argsort(-y_score, kind="stable")[:n_top]
    return float(y_true[top].mean() / y_true.mean())


def amex(y_true: Array, y_score: Array) -> float:
    """Return the mean of normalised Gini and the defaults caught in the top 4 %.

    As the American Express competition has it, negative rows counting 20 times.
    """
    order = np.argsort(-y_score, kind="stable")
    y = y_true[order]
    weight = np.where(y == 0, 20.0, 1.0)
    caught = y[weight.cumsum() <= 0.04 * weight.sum()].sum() / y.sum()
    return float((_gini(y) / _gini(np.sort(y)[::-1]) + caught) / 2)


def _gini(y: Array) -> float:
    weight = np.where(y == 0, 20.0, 1.0)
    found, rows = y.cumsum() / y.sum(), weight.cumsum() / weight.sum()
    return float(((found - rows) * weight).sum())
