"""Out-of-fold scores: what a booster says of rows that it was not grown on."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from losslearn.models.boosted.library import (
    Data,
    Floats,
    Library,
    Numbers,
    Parameters,
)

SHARES = (1.0, 0.5, 0.25, 2.0)
"""Of the trees at which log-loss is lowest, what else may be best for a metric."""


_MOST_HELD_OUT = 200_000
"""Rows of a fold that tell where its log-loss falls no more."""


class HeldOut(NamedTuple):
    """What fold boosters say of the rows that they were not grown on."""

    n_rounds: dict[float, int]
    """By share, how many trees; at 1 the mean log-loss of all rows is lowest."""
    scores: dict[float, Floats]
    """By share, the score of each row with so many."""


def cross_fitted(
    library: Library, data: Data, fold: NDArray[np.integer], parameters: Parameters
) -> HeldOut:
    """Grow a booster without each fold in turn, until its log-loss falls no more."""
    n_folds, most = int(fold.max()) + 1, library.most_rounds(parameters)
    grown = [
        library.grow(
            data.taken(np.flatnonzero(fold != one)),
            parameters,
            n_rounds=most,
            held_out=data.taken(_fewer(np.flatnonzero(fold == one))),
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
    scores = {share: np.empty(len(fold)) for share in SHARES}
    for one, (trees, _) in enumerate(grown):
        own = np.flatnonzero(fold == one)
        features = data.features.some(own)
        score, done = np.zeros(len(own)), 0
        for share, n in sorted(n_rounds.items()):
            n_here = min(n, trees.n_rounds)
            if n_here > done:  # each tree is asked once
                score = score + trees.scores(features, n_here - done, start=done)
            scores[share][own], done = score, n_here
    return HeldOut(n_rounds, scores)


def _fewer(rows: Numbers) -> Numbers:
    """Return rows spread over all of them, where they are too many."""
    return rows[:: -(-len(rows) // _MOST_HELD_OUT)]
