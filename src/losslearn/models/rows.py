"""Rows of a table: what a model is trained on, or judged by."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from jaxtyping import Float, Integer, Shaped
from torch import Tensor

from losslearn.metrics import Sets
from losslearn.metrics.columns import NO_COLUMNS, Columns, take_rows


class Drawn(NamedTuple):
    """Sets of rows, by their numbers in the table."""

    rows: Integer[Tensor, "*sets n"]
    weight: Float[Tensor, "*#sets n"] | None = None
    """Of each place; 0 where nothing fills it. One axis: the same in all sets."""

    def each(self) -> Iterator["Drawn"]:
        """Yield the sets one by one."""
        if self.weight is None or self.weight.ndim == 1:
            yield from (Drawn(rows, self.weight) for rows in self.rows)
        else:
            yield from map(Drawn, self.rows, self.weight)


class Rows(NamedTuple):
    """A table, and which of its rows are meant; on one device."""

    x: Float[Tensor, "table features"]
    target: Shaped[Tensor, "table ..."]
    """Of each row of the table."""
    numbers: Integer[Tensor, " rows"] | None = None
    """Which rows of the table, in this order; None for all."""
    columns: Columns = NO_COLUMNS
    """What the true loss needs to know of each row of the table besides."""
    groups: Integer[Tensor, " table"] | None = None
    """Which unit each row belongs to, where units stay whole, as queries do."""
    score_shape: tuple[int, ...] = ()
    """Of the scores that a model gives a row; () for one."""
    weight: Float[Tensor, " table"] | None = None
    """What each row of the table counts for, those meant above 0; None: all alike."""

    @property
    def n_rows(self) -> int:
        """How many rows are meant."""
        return len(self.x if self.numbers is None else self.numbers)

    def own(self, values: Tensor) -> Tensor:
        """Return the values of these rows, of one value for each row of the table."""
        return values if self.numbers is None else values[self.numbers.long()]

    def sets(self, drawn: Drawn, score: Tensor) -> Sets:
        """Return drawn sets with their scores, and what their rows weigh in all."""
        columns = take_rows(self.columns, drawn.rows)
        if self.target.ndim == 1:  # in half of the time that an index takes
            target = self.target.take(drawn.rows)
        else:
            target = self.target[drawn.rows]
        return Sets(_numbers(target), score, self.weights(drawn), columns)

    def weights(self, drawn: Drawn) -> Tensor | None:
        """Return what each drawn row counts for: its own weight times its place's."""
        if self.weight is None:
            return drawn.weight
        own = self.weight.take(drawn.rows)
        return own if drawn.weight is None else own * drawn.weight

    def whole(self, score: Tensor) -> Sets:
        """Return all of these rows as one set, with their scores."""
        columns = {name: self.own(column) for name, column in self.columns.items()}
        weight = None if self.weight is None else self.own(self.weight)
        return Sets(_numbers(self.own(self.target)), score, weight, columns)

    def to(self, device: str | torch.device) -> "Rows":
        """Return the same rows on a device."""
        return Rows(
            self.x.to(device),
            self.target.to(device),
            None if self.numbers is None else self.numbers.to(device),
            {name: column.to(device) for name, column in self.columns.items()},
            None if self.groups is None else self.groups.to(device),
            self.score_shape,
            None if self.weight is None else self.weight.to(device),
        )


def _numbers(target: Tensor) -> Tensor:
    """Return targets in a type that losses can count with: rows keep them in a byte."""
    return target if target.is_floating_point() else target.long()
