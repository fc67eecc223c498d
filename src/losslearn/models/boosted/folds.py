"""Out-of-fold scores: what a booster says of rows that it was not grown on."""

import numpy as np
from numpy.typing import NDArray

from losslearn.models.boosted.library import (
    Data,
    Floats,
    Library,
    Parameters,
)

_MOST_HELD_OUT = 200_000
"""Rows of a fold that tell where its log-loss falls no more."""


def cross_fitted(
    library: Library,
    data: Data,
    fold: NDArray[np.integer],
    parameters: Parameters,
    *,
    n_rounds: int,
    share: float = 1.0,
) -> Floats:
    """Return each row's score by a booster that was grown without its fold.

    Args:
        library: Grows them.
        data: All rows.
        fold: Of each row, from 0.
        parameters: Of the boosters.
        n_rounds: How many trees they have at most.
        share: Of the trees at which the mean log-loss of all rows is lowest, how many
            say the score.
    """
    grown, n_folds = [], int(fold.max()) + 1
    for one in range(n_folds):
        rest = data.taken(np.flatnonzero(fold != one))
        out = data.taken(_fewer(np.flatnonzero(fold == one)))
        grown.append(library.grow(rest, parameters, n_rounds=n_rounds, held_out=out))
    # a curve that ended goes on with its last value: it had stopped falling
    length = max(len(one.curve) for one in grown)
    curves = [one.curve + one.curve[-1:] * (length - len(one.curve)) for one in grown]
    sizes = np.bincount(fold, minlength=n_folds)
    best = int(np.average(curves, axis=0, weights=sizes).argmin()) + 1
    n, score = max(round(share * best), 1), np.empty(len(fold))
    for one, (trees, _) in enumerate(grown):
        rows = np.flatnonzero(fold == one)
        features = data.features.some(rows)
        score[rows] = trees.scores(features, min(n, trees.n_rounds))
    return score


def _fewer(rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return rows spread over all of them, where they are too many."""
    return rows[:: -(-len(rows) // _MOST_HELD_OUT)]
