"""True losses in plain Python, slow and obvious, written from their definitions.

Each takes lists: the targets, the scores (or labels) and the weights of the rows.
"""

import math
from itertools import pairwise


def cells(y_true, y_pred, weight):
    """Weights of the true positives, false positives, false and true negatives."""
    tp = fp = fn = tn = 0.0
    for y, called, w in zip(y_true, y_pred, weight, strict=True):
        if y == 1 and called:
            tp += w
        elif y == 0 and called:
            fp += w
        elif y == 1:
            fn += w
        else:
            tn += w
    return tp, fp, fn, tn


def ratio(numerator, denominator):
    return 0.0 if denominator == 0 else numerator / denominator


# Losses of labels.


def error_rate(y_true, y_pred, weight):
    tp, fp, fn, tn = cells(y_true, y_pred, weight)
    return 1 - (tp + tn) / (tp + fp + fn + tn)


def fbeta_loss(y_true, y_pred, weight, beta=2.0):
    tp, fp, fn, _ = cells(y_true, y_pred, weight)
    precision, recall = ratio(tp, tp + fp), ratio(tp, tp + fn)
    return 1 - ratio((1 + beta**2) * precision * recall, beta**2 * precision + recall)


def f1_loss(y_true, y_pred, weight):
    return fbeta_loss(y_true, y_pred, weight, beta=1.0)


def jaccard_loss(y_true, y_pred, weight):
    tp, fp, fn, _ = cells(y_true, y_pred, weight)
    return 1 - ratio(tp, tp + fp + fn)


def mcc_loss(y_true, y_pred, weight):
    """By the correlation of two 0/1 variables, 0 where one is constant."""
    total = math.fsum(weight)
    mean_true = math.fsum(w * y for y, w in zip(y_true, weight, strict=True)) / total
    mean_pred = math.fsum(w * p for p, w in zip(y_pred, weight, strict=True)) / total
    rows = list(zip(y_true, y_pred, weight, strict=True))
    if len({p for _, p, w in rows if w > 0}) == 1:
        return 0.5
    covariance = math.fsum(w * (y - mean_true) * (p - mean_pred) for y, p, w in rows)
    variance_true = math.fsum(w * (y - mean_true) ** 2 for y, _, w in rows)
    variance_pred = math.fsum(w * (p - mean_pred) ** 2 for _, p, w in rows)
    mcc = covariance / math.sqrt(variance_true * variance_pred)
    return (1 - mcc) / 2


def balanced_error(y_true, y_pred, weight):
    tp, fp, fn, tn = cells(y_true, y_pred, weight)
    return 1 - (tp / (tp + fn) + tn / (fp + tn)) / 2


def gmean_loss(y_true, y_pred, weight):
    tp, fp, fn, tn = cells(y_true, y_pred, weight)
    return 1 - math.sqrt(tp / (tp + fn) * tn / (fp + tn))


def kappa_loss(y_true, y_pred, weight):
    tp, fp, fn, tn = cells(y_true, y_pred, weight)
    total = tp + fp + fn + tn
    agreed = (tp + tn) / total
    by_chance = ((tp + fp) * (tp + fn) + (fn + tn) * (fp + tn)) / total**2
    return (1 - (agreed - by_chance) / (1 - by_chance)) / 2


def called_positive(y_score, threshold):
    return [int(score >= threshold) for score in y_score]


def best_over_thresholds(loss, y_true, y_score, weight):
    """The lowest loss over every way to cut the scores in two; a part may be empty."""
    return min(
        loss(y_true, called_positive(y_score, threshold), weight)
        for threshold in [*set(y_score), math.inf]
    )


# Losses of scores.


def roc_auc_loss(y_true, y_score, weight):
    wrong = pairs = 0.0
    for y_i, s_i, w_i in zip(y_true, y_score, weight, strict=True):
        for y_j, s_j, w_j in zip(y_true, y_score, weight, strict=True):
            if y_i == 1 and y_j == 0:
                pairs += w_i * w_j
                wrong += w_i * w_j * (1.0 if s_i < s_j else 0.5 if s_i == s_j else 0.0)
    return wrong / pairs


def cut_points(y_true, y_score, weight):
    """(TP, FP) with the threshold at each distinct score, highest first."""
    return [
        cells(y_true, called_positive(y_score, threshold), weight)[:2]
        for threshold in sorted(set(y_score), reverse=True)
    ]


def roc_points(y_true, y_score, weight):
    """Corners (false positive rate, true positive rate) of the ROC curve."""
    cuts = cut_points(y_true, y_score, weight)
    n_pos, n_neg = cuts[-1]
    return [(0.0, 0.0), *((fp / n_neg, tp / n_pos) for tp, fp in cuts)]


def partial_auc_loss(y_true, y_score, weight, max_fpr=0.1):
    """McClish: the area left of `max_fpr`, mapped so that chance is 1/2, all is 1."""
    points = roc_points(y_true, y_score, weight)
    area = 0.0
    for (x0, y0), (x1, y1) in pairwise(points):
        end = min(x1, max_fpr)
        if end <= x0:
            continue
        y_end = y0 + (y1 - y0) * (end - x0) / (x1 - x0)
        area += (end - x0) * (y0 + y_end) / 2
    chance, most = max_fpr**2 / 2, max_fpr
    return 1 - (1 + (area - chance) / (most - chance)) / 2


def average_precision_loss(y_true, y_score, weight):
    value = recall_before = 0.0
    cuts = cut_points(y_true, y_score, weight)
    n_pos = cuts[-1][0]
    for tp, fp in cuts:
        value += (tp / n_pos - recall_before) * ratio(tp, tp + fp)
        recall_before = tp / n_pos
    return 1 - value


def equal_error_rate(y_true, y_score, weight):
    """By bisection along the ROC curve for the point with FPR = 1 - TPR."""
    points = roc_points(y_true, y_score, weight)
    for (x0, y0), (x1, y1) in pairwise(points):
        if x0 <= 1 - y0 and x1 >= 1 - y1:
            low, high = 0.0, 1.0
            for _ in range(60):
                middle = (low + high) / 2
                x, y = x0 + middle * (x1 - x0), y0 + middle * (y1 - y0)
                low, high = (middle, high) if x < 1 - y else (low, middle)
            return x0 + high * (x1 - x0)
    raise AssertionError("every ROC curve crosses the diagonal")


def recall_at_precision(y_true, y_score, weight, precision=0.8):
    cuts = cut_points(y_true, y_score, weight)
    n_pos = cuts[-1][0]
    recalls = [tp / n_pos for tp, fp in cuts if ratio(tp, tp + fp) > precision - 1e-9]
    return 1 - max(recalls, default=0.0)


def precision_at_k(y_true, y_score, weight, k=0.05):
    """Walk down the ranking, filling places; tied rows take theirs in equal parts."""
    total = sum(weight)
    places = left = min(k, total) if isinstance(k, int) else k * total
    right = 0.0
    for score in sorted(set(y_score), reverse=True):
        tied = [
            (y, w)
            for y, s, w in zip(y_true, y_score, weight, strict=True)
            if s == score
        ]
        group = sum(w for _, w in tied)
        if group == 0:
            continue
        taken = min(left, group)
        right += taken / group * sum(w for y, w in tied if y == 1)
        left -= taken
    return 1 - right / places
