"""Trees grown by the usual loss, as many as are best for rows held out."""

import math
from typing import Protocol

from losslearn.models.boosted.library import (
    Data,
    Library,
    Parameters,
    Table,
    Trees,
    as_table,
)
from losslearn.models.rows import Rows
from losslearn.models.solution import Setting

_SHARES = (1.0, 0.5, 0.25, 2.0)
"""Of the trees at which log-loss is lowest, what else may be best for a metric."""


class Grows(Protocol):
    """What goes on from grown trees."""

    library: Library
    parameters: Parameters
    table: Table

    @property
    def data(self) -> Data:
        """The rows in the library's form."""

    def start_from(self, trees: Trees, share: float) -> None:
        """Go on from trees, so many in shares of what is best for the usual loss."""


class BoostedSolution:
    """Grows trees until the log-loss of rows held out falls no more.

    Fewer or more of them, which may be better for a metric, stand only where they are
    clearly so: where a metric is noisy, chance would choose.
    """

    needs_gain = True
    lr: float | None = None
    share = 0.15

    def __init__(self, predictor: Grows, held_out: Rows | None) -> None:
        """Grow nothing yet."""
        self._predictor, self._held_out = predictor, held_out
        self._trees: Trees | None = None
        self._best = 0

    def path(self, n_looks: int) -> list[Setting]:
        """Return how long to grow, what is best for the usual loss first."""
        return [Setting(share=share) for share in _SHARES[:n_looks]]

    def solve(self, setting: Setting, *, deadline: float = math.inf) -> Setting:
        """Grow the trees; a penalty and a deadline are not looked at."""
        del deadline
        if setting.length is not None:
            trees, n_rounds = self._grown(setting.length), setting.length
        else:
            trees = self._trees = self._trees or self._until_best()
            n_rounds = max(round(setting.share * self._best), 1)
            if n_rounds > trees.n_rounds:
                trees = self._trees = self._further(trees, n_rounds)
        self._predictor.start_from(trees.first(n_rounds), setting.share)
        return setting._replace(length=n_rounds)

    def _until_best(self) -> Trees:
        own = self._predictor
        assert self._held_out is not None, "by which it is found out"
        table = as_table(self._held_out, own.table.categorical)
        found = own.library.grow(
            own.data,
            own.parameters,
            n_rounds=own.library.most_rounds(own.parameters),
            held_out=own.library.data(table, own.parameters, like=own.data),
        )
        self._best = min(range(len(found.curve)), key=found.curve.__getitem__) + 1
        return found.trees

    def _further(self, trees: Trees, n_rounds: int) -> Trees:
        own = self._predictor
        more = own.library.more
        return more(own.data, trees, own.parameters, n_rounds=n_rounds)

    def _grown(self, n_rounds: int) -> Trees:
        own = self._predictor
        return own.library.grow(own.data, own.parameters, n_rounds=n_rounds).trees
