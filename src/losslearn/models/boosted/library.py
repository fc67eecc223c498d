"""What is asked of a library of boosted trees."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from losslearn.models.rows import Rows

Floats = NDArray[np.float64]
Matrix = NDArray[np.float32]
Numbers = NDArray[np.int64]
Parameters = Mapping[str, Any]


class Table(NamedTuple):
    """Rows as a library takes them; NaN is a missing value."""

    x: Matrix
    y: Numbers
    weight: Floats | None = None
    categorical: tuple[int, ...] = ()
    """Places of the features that are codes of categories."""

    def taken(self, rows: NDArray[Any]) -> "Table":
        """Return some of the rows."""
        weight = None if self.weight is None else self.weight[rows]
        return self._replace(x=self.x[rows], y=self.y[rows], weight=weight)


def as_table(rows: Rows, categorical: tuple[int, ...] = ()) -> Table:
    """Return rows as a library takes them."""
    weight = None if rows.weight is None else rows.own(rows.weight)
    return Table(
        rows.own(rows.x).numpy(),
        rows.own(rows.target).numpy().astype(np.int64),
        None if weight is None else weight.double().numpy(),
        categorical,
    )


class Trees(Protocol):
    """A grown booster."""

    @property
    def file(self) -> bytes:
        """All of it, as the library itself writes and reads it."""

    @property
    def n_rounds(self) -> int:
        """How many trees there are."""

    def first(self, n_rounds: int) -> "Trees":
        """Return the booster of the first trees alone."""

    def scores(
        self, x: Matrix, n_rounds: int | None = None, *, start: int = 0
    ) -> Floats:
        """Return raw scores, in log-odds, of so many trees from one on, or all."""

    def leaves(self, x: Matrix, tree: int) -> Numbers:
        """Return the leaf of a tree that each row falls into."""


class Corrections(Protocol):
    """Trees that are added to a booster, in its own file, one along each slope."""

    def add(self, slope: Floats, curvature: Floats) -> Floats:
        """Grow one tree; return what it adds to each row's score."""

    def scores(self, x: Matrix, n_trees: int, *, start: int) -> Floats:
        """Return what so many of them, from one on, add to other rows' scores."""

    def cut(self, n_trees: int) -> None:
        """Take the last ones away again, so that so many are left."""

    def trees(self) -> Trees:
        """Return the whole booster, which gives probabilities as before."""


class Grown(NamedTuple):
    """A booster, and how it did on the way."""

    trees: Trees
    curve: list[float]
    """Log-loss of the rows held out, after each tree; empty without any."""


class Library(Protocol):
    """A library of boosted trees."""

    name: str

    def native(self, given: Parameters) -> Parameters:
        """Return the parameters of its classifier of two classes as it takes them.

        The number of trees is the most that are grown; how many there are is found out.

        Raises:
            ValueError: If one cannot be kept.
        """

    def parameters(self, given: Parameters, *, seed: int) -> dict[str, Any]:
        """Return a booster's parameters: the user's, else ours."""

    def most_rounds(self, parameters: Parameters) -> int:
        """Return how many trees are grown at most."""

    def grow(
        self,
        table: Table,
        parameters: Parameters,
        *,
        n_rounds: int,
        held_out: Table | None = None,
    ) -> Grown:
        """Grow a booster by log-loss; with rows held out, until it falls no more."""

    def more(
        self, table: Table, trees: Trees, parameters: Parameters, *, n_rounds: int
    ) -> Trees:
        """Grow a booster on, by log-loss, to so many trees in all."""

    def read(self, file: bytes) -> Trees:
        """Return the booster of a file."""

    def correct(
        self, table: Table, trees: Trees, parameters: Parameters
    ) -> Corrections:
        """Return what adds trees to a booster that was grown on a table."""


PATIENCE = 50
"""Trees without a lower log-loss of the rows held out, after which growing ends."""
CORRECTION = {"leaves": 15, "least_rows": 50, "rate": 0.3}
"""Of the trees that follow another slope than the usual loss's."""
