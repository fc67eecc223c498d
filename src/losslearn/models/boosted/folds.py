"""Out-of-fold scores: what a booster says of rows that it was not grown on."""

from typing import NamedTuple

import numpy as np

from losslearn.models.boosted.library import Floats, Library, Numbers, Parameters, Table

SHARES = (1.0, 0.5, 0.25, 2.0)
"""Of the trees at which log-loss is lowest, what else may be best for a metric."""


class HeldOut(NamedTuple):
    """What fold boosters say of the rows that they were not grown on."""

    n_rounds: dict[float, int]
    """By share, how many trees; at 1 the mean log-loss of all rows is lowest."""
    scores: dict[float, Floats]
    """By share, the score of each row with so many."""


def cross_fitted(
    library: Library, table: Table, fold: Numbers, parameters: Parameters
) -> HeldOut:
    """Grow a booster without each fold in turn, until its log-loss falls no more."""
    n_folds, most = int(fold.max()) + 1, library.most_rounds(parameters)
    grown = [
        library.grow(
            table.taken(np.flatnonzero(fold != one)),
            parameters,
            n_rounds=most,
            held_out=table.taken(np.flatnonzero(fold == one)),
        )
        for one in range(n_folds)
    ]
    # a curve that ended goes on with its last value: it had stopped falling
    curves = [one.curve for one in grown]
    length = max(map(len, curves))
    full = [curve + curve[-1:] * (length - len(curve)) for curve in curves]
    sizes = np.bincount(fold, minlength=n_folds)
    best = int(np.average(full, axis=0, weights=sizes).argmin()) + 1
    n_rounds = {share: min(max(round(share * best), 1), length) for share in SHARES}
    scores = {share: np.empty(len(table.y)) for share in SHARES}
    for one, (trees, _) in enumerate(grown):
        rows = np.flatnonzero(fold == one)
        x = table.x[rows]
        for share, n in n_rounds.items():
            scores[share][rows] = trees.scores(x, min(n, trees.n_rounds))
    return HeldOut(n_rounds, scores)
