"""Baseline objectives in plain Python, slow and obvious, from their definitions.

Each takes lists: the targets, the scores and the weights of the rows of one set.
"""

import math
from itertools import pairwise as neighbours


def gradient(function, values, step=1e-6):
    """Central finite differences of a function of a list."""
    slopes = []
    for i in range(len(values)):
        above, below = list(values), list(values)
        above[i] += step
        below[i] -= step
        slopes.append((function(above) - function(below)) / (2 * step))
    return slopes


def sigmoid(score):
    return 1 / (1 + math.exp(-score))


def mean_over_rows(losses, weight):
    return sum(w * loss for w, loss in zip(weight, losses, strict=True)) / sum(weight)


# Losses of rows.


def cross_entropy(y_true, y_score, weight, pos_weight=1.0):
    losses = [
        -pos_weight * math.log(sigmoid(s)) if y == 1 else -math.log(1 - sigmoid(s))
        for y, s in zip(y_true, y_score, strict=True)
    ]
    return mean_over_rows(losses, weight)


def focal(y_true, y_score, weight, gamma=2.0, alpha=None):
    losses = []
    for y, s in zip(y_true, y_score, strict=True):
        p = sigmoid(s) if y == 1 else 1 - sigmoid(s)
        balance = 1.0 if alpha is None else alpha if y == 1 else 1 - alpha
        losses.append(-balance * (1 - p) ** gamma * math.log(p))
    return mean_over_rows(losses, weight)


# Losses of pairs.


def pairwise(y_true, y_score, weight, kind="logistic"):
    total = pairs = 0.0
    for y_i, s_i, w_i in zip(y_true, y_score, weight, strict=True):
        for y_j, s_j, w_j in zip(y_true, y_score, weight, strict=True):
            if y_i == 1 and y_j == 0:
                lead = s_i - s_j
                hinge = max(0.0, 1 - lead)
                loss = math.log(1 + math.exp(-lead)) if kind == "logistic" else hinge
                total += w_i * w_j * loss
                pairs += w_i * w_j
    return total / pairs


# Losses of whole sets.


def jaccard_of_errors(y_true, wrong, weight):
    """Jaccard loss of the set of positives when the rows `wrong` are misclassified."""
    rows = range(len(y_true))
    truth = {i for i in rows if y_true[i] == 1}
    called = {i for i in rows if (y_true[i] == 1) != (i in wrong)}
    union = sum(weight[i] for i in truth | called)
    if union == 0:
        return 0.0
    return 1 - sum(weight[i] for i in truth & called) / union


def lovasz(y_true, errors, weight):
    """Integral over levels t of the Jaccard loss of the rows with an error above t."""
    levels = sorted({0.0, *errors})
    return sum(
        (high - low)
        * jaccard_of_errors(
            y_true, {i for i, error in enumerate(errors) if error >= high}, weight
        )
        for low, high in neighbours(levels)
    )


def lovasz_hinge(y_true, y_score, weight):
    errors = [
        max(0.0, 1 - s if y == 1 else 1 + s)
        for y, s in zip(y_true, y_score, strict=True)
    ]
    return lovasz(y_true, errors, weight)


def lovasz_softmax(y_true, y_score, weight):
    errors = [abs(y - sigmoid(s)) for y, s in zip(y_true, y_score, strict=True)]
    return lovasz(y_true, errors, weight)


def soft_cells(y_true, called, weight):
    """Soft true positives, false positives, false negatives and true negatives."""
    tp = fp = fn = tn = 0.0
    for y, p, w in zip(y_true, called, weight, strict=True):
        tp += w * y * p
        fp += w * (1 - y) * p
        fn += w * y * (1 - p)
        tn += w * (1 - y) * (1 - p)
    return tp, fp, fn, tn


def soft_f1(y_true, y_score, weight, slope=1.0, offset=0.0):
    called = [sigmoid(slope * (s - offset)) for s in y_score]
    tp, fp, fn, _ = soft_cells(y_true, called, weight)
    precision, recall = tp / (tp + fp), tp / (tp + fn)
    return 1 - 2 * precision * recall / (precision + recall)


def soft_jaccard(y_true, y_score, weight):
    tp, fp, fn, _ = soft_cells(y_true, [sigmoid(s) for s in y_score], weight)
    return 1 - tp / (tp + fp + fn)


def any_loss(y_true, y_score, weight, metric, amplification=73.0):
    called = [sigmoid(amplification * (sigmoid(s) - 0.5)) for s in y_score]
    tp, fp, fn, tn = soft_cells(y_true, called, weight)
    recall, specificity = tp / (tp + fn), tn / (tn + fp)
    values = {
        "f1": tp / (tp + (fp + fn) / 2),
        "accuracy": (tp + tn) / (tp + fp + fn + tn),
        "gmean": math.sqrt(recall * specificity),
        "balanced_accuracy": (recall + specificity) / 2,
    }
    return 1 - values[metric]


# Global Objectives.


def hinge_row(margin):
    return max(0.0, 1 - margin)


def logistic_row(margin):
    return math.log2(1 + math.exp(-margin))


def wrong_row(margin, y):
    """1 for an error, where a score at the threshold is called positive."""
    return float(margin < 0 if y == 1 else margin <= 0)


def global_objective(
    y_true, y_score, weight, target, thresholds, multipliers, row="logistic"
):
    """The Lagrangian; `row` may be "counted", for the true numbers of errors."""
    rows = list(zip(y_true, y_score, weight, strict=True))
    n_pos = sum(w for y, _, w in rows if y == 1)
    n_neg = sum(w for y, _, w in rows if y == 0)
    total = 0.0
    for t, (b, multiplier) in enumerate(zip(thresholds, multipliers, strict=True), 1):
        anchor = t / (len(thresholds) + 1)
        losses = {0: 0.0, 1: 0.0}
        for y, s, w in rows:
            margin = s - b if y == 1 else b - s
            losses[y] += (
                w
                * {
                    "hinge": hinge_row(margin),
                    "logistic": logistic_row(margin),
                    "counted": wrong_row(margin, y),
                }[row]
            )
        if target == "auc_pr":
            total += (
                (1 + multiplier) * losses[1]
                + multiplier * anchor / (1 - anchor) * losses[0]
                - multiplier * n_pos
            ) / n_pos
        else:
            total += losses[1] / n_pos + multiplier * (losses[0] / n_neg - anchor)
    return total / len(thresholds)


# Evolution strategies.


def antithetic_gradient(loss, y_score, noise, size):
    """The mean over moves e of (loss(s + size e) - loss(s - size e)) e / (2 size)."""
    slopes = [0.0] * len(y_score)
    for move in noise:
        there = loss([s + size * e for s, e in zip(y_score, move, strict=True)])
        back = loss([s - size * e for s, e in zip(y_score, move, strict=True)])
        for i, e in enumerate(move):
            slopes[i] += (there - back) * e / (2 * size * len(noise))
    return slopes
