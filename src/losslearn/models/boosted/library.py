"""What is asked of a library of boosted trees."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from losslearn.models.rows import Rows

Floats = NDArray[np.float64]
Matrix = NDArray[np.float32]
Numbers = NDArray[np.int64]
Parameters = Mapping[str, Any]


_VALUES = 2**20
"""Of a matrix, read at a time."""


class Features(NamedTuple):
    """Rows of a matrix, which may lie on a disk; NaN is a missing value."""

    matrix: Matrix
    """`[table, features]`, in a C-contiguous order."""
    numbers: NDArray[Any] | None = None
    """Which rows of it are meant, in this order; None for all."""

    @property
    def n_rows(self) -> int:
        """How many rows are meant."""
        return len(self.matrix if self.numbers is None else self.numbers)

    @property
    def n_at_a_time(self) -> int:
        """How many rows are read at a time."""
        return max(_VALUES // max(self.matrix.shape[1], 1), 1)

    def some(self, rows: NDArray[Any]) -> "Features":
        """Return some of the rows, by their places; none is read."""
        numbers = rows if self.numbers is None else self.numbers[rows]
        return self._replace(numbers=numbers)

    def read(self, rows: slice | NDArray[Any] | int) -> Matrix:
        """Return some of the rows, by their places, as a matrix."""
        return self.matrix[rows if self.numbers is None else self.numbers[rows]]

    def by_parts(self, function: Callable[[Matrix], NDArray[Any]]) -> NDArray[Any]:
        """Return what a function gives the rows, of which it sees a part at a time."""
        size = self.n_at_a_time
        begins = range(0, max(self.n_rows, 1), size)
        found = [function(self.read(slice(begin, begin + size))) for begin in begins]
        return found[0] if len(found) == 1 else np.concatenate(found)


class Table(NamedTuple):
    """Rows as a library takes them."""

    features: Features
    y: NDArray[Any]
    """Targets, 0 or 1."""
    weight: Floats | None = None
    categorical: tuple[int, ...] = ()
    """Places of the features that are codes of categories."""


def features_of(rows: Rows) -> Features:
    """Return the features of rows."""
    numbers = None if rows.numbers is None else rows.numbers.numpy()
    return Features(rows.x.numpy(), numbers)


def as_table(rows: Rows, categorical: tuple[int, ...] = ()) -> Table:
    """Return rows as a library takes them."""
    weight = None if rows.weight is None else rows.own(rows.weight)
    return Table(
        features_of(rows),
        rows.own(rows.target).numpy(),
        None if weight is None else weight.double().numpy(),
        categorical,
    )


class Data(Protocol):
    """A table in a library's own form, of which folds are taken without another."""

    features: Features
    """Of the same rows, as numbers."""

    def taken(self, rows: NDArray[Any]) -> "Data":
        """Return some of the rows, by their places, which rise."""


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
        self, features: Features, n_rounds: int | None = None, *, start: int = 0
    ) -> Floats:
        """Return raw scores, in log-odds, of so many trees from one on, or all."""

    def leaves(self, features: Features, tree: int) -> Numbers:
        """Return the leaf of a tree that each row falls into."""


class Corrections(Protocol):
    """Trees that are added to a booster, in its own file, one along each slope."""

    def add(self, slope: Floats, curvature: Floats) -> Floats:
        """Grow one tree; return what it adds to each row's score."""

    def scores(self, features: Features, n_trees: int, *, start: int) -> Floats:
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

    def data(
        self, table: Table, parameters: Parameters, *, like: Data | None = None
    ) -> Data:
        """Return a table in the library's own form, with what says how to make it.

        Rows held out are like those that are grown on.
        """

    def grow(
        self,
        data: Data,
        parameters: Parameters,
        *,
        n_rounds: int,
        held_out: Data | None = None,
    ) -> Grown:
        """Grow a booster by log-loss; with rows held out, until it falls no more."""

    def more(
        self, data: Data, trees: Trees, parameters: Parameters, *, n_rounds: int
    ) -> Trees:
        """Grow a booster on, by log-loss, to so many trees in all."""

    def read(self, file: bytes) -> Trees:
        """Return the booster of a file."""

    def correct(self, data: Data, trees: Trees, parameters: Parameters) -> Corrections:
        """Return what adds trees to a booster that was grown on a table."""


PATIENCE = 50
"""Trees without a lower log-loss of the rows held out, after which growing ends."""
CORRECTION = {"leaves": 15, "least_rows": 50, "rate": 0.3}
"""Of the trees that follow another slope than the usual loss's."""
