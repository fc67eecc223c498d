"""A profit with an amount of its own for each row, and rows to earn it on."""

import numpy as np
import torch

from losslearn import declare_metric

UNITS = {"amount": (2.0, 3.0), "fee": (0.0, 1.0)}


@declare_metric(greater_is_better=True, batched=True)
def profit(y_true, y_pred, *, amount):
    return (y_pred * np.where(y_true == 1, amount, -0.5)).mean(-1)


def profit_of_one_set(y_true, y_pred, *, amount):
    return float((y_pred * np.where(y_true == 1, amount, -0.5)).mean())


def by_hand(y_true, y_score, amount, threshold):
    """The loss of one set, a row at a time."""
    total = 0.0
    for target, score, worth in zip(y_true, y_score, amount, strict=True):
        if score >= threshold:
            total += worth if target == 1 else -0.5
    return -total / len(y_true)


def draw(n_sets: int = 3, n: int = 40, seed: int = 0):
    generator = torch.Generator().manual_seed(seed)
    y_true = (torch.rand(n_sets, n, generator=generator) < 0.4).long()
    y_true[:, 0], y_true[:, 1] = 0, 1
    y_score = torch.randn(n_sets, n, generator=generator) + y_true
    columns = {
        name: 3 * torch.rand(n_sets, n, generator=generator, dtype=torch.float64)
        for name in UNITS
    }
    return y_true, y_score, columns


def table(n: int, seed: int):
    """Rows whose amount, not whose class, hangs on the second feature."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4)).astype(np.float32)
    amount = np.exp(X[:, 1] + 0.3 * rng.normal(size=n)) / 2
    y = (X[:, 0] + rng.normal(size=n) > 1.2).astype(int)
    return X, y, amount
