"""Sets of rows: what every loss sees, and what a loss is."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from losslearn.metrics.columns import NO_COLUMNS, Columns, take_rows

Labels = Integer[Tensor, "*sets n"]
"""Targets, 0 or 1."""
Scores = Float[Tensor, "*sets n"]
Weights = Float[Tensor, "*#sets n"] | None
"""Weight of each row, none negative; all 1 if left out."""
PerSet = Float[Tensor, "*sets"]


class Sets(NamedTuple):
    """Sets of n rows each, one set or many of them at a time.

    Example:
        >>> target = torch.tensor([[0, 1, 1], [1, 0, 0]])
        >>> sets = Sets(target, torch.rand(2, 3), torch.tensor([[1.0, 2.0, 0.0]]))
        >>> sets.picked(torch.tensor([0])).target, sets.present().weight
        (tensor([[0, 1, 1]]), tensor([[1., 1., 0.]]))
    """

    target: Tensor
    """`[*sets, n, *target]`."""
    score: Tensor
    """`[*sets, n, *score]`."""
    weight: Tensor | None = None
    """Broadcastable to `[*sets, n]`; None weighs rows alike, 0 is an empty place."""
    columns: Columns = NO_COLUMNS
    """Further numbers of each row that the metric names, each as `weight`."""

    @property
    def shape(self) -> torch.Size:
        """The axes `[*sets, n]`: those that targets, scores and weights share."""
        shape = self.score.shape[: min(self.target.ndim, self.score.ndim)]
        while self.weight is not None and not _broadcasts(self.weight.shape, shape):
            shape = shape[:-1]
        return shape

    def picked(self, some: Tensor | slice | int) -> "Sets":
        """Return some of the sets: a number, numbers, a mask or a slice of an axis.

        A weight or a column that holds for all sets (one axis, or a first of 1) stays.
        """
        n_sets = len(self.score)

        def taken(values: Tensor) -> Tensor:
            if isinstance(some, Tensor) and some.dtype == torch.long:
                return values.index_select(0, some)  # in half of an index's time
            return values[some]

        def of(values: Tensor) -> Tensor:
            is_own = values.ndim > 1 and len(values) == n_sets
            if isinstance(some, int) and values.ndim > 1 and not is_own:
                return values[0]
            return taken(values) if is_own else values

        return Sets(
            taken(self.target),
            taken(self.score),
            None if self.weight is None else of(self.weight),
            {name: of(column) for name, column in self.columns.items()},
        )

    def to(self, device: torch.device) -> "Sets":
        """Return the same sets on a device."""
        return Sets(
            self.target.to(device),
            self.score.to(device),
            None if self.weight is None else self.weight.to(device),
            {name: column.to(device) for name, column in self.columns.items()},
        )

    def present(self) -> "Sets":
        """Return the same sets with weight 1 where a row is, 0 where there is none."""
        if self.weight is None:
            return self
        return self._replace(weight=(self.weight > 0).to(self.weight.dtype))


class TargetRows(NamedTuple):
    """Rows as a true loss sees them, without scores."""

    target: Tensor
    columns: Columns = NO_COLUMNS

    def columns_beside(
        self, target: Tensor, *, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Return columns for other targets of two classes, of rows of the same one."""
        if not self.columns:
            return {}
        picked = []
        for label in (0, 1):
            rows = torch.nonzero(self.target == label).squeeze(-1)
            places = torch.randint(len(rows), target.shape, generator=generator)
            picked.append(rows[places])
        return take_rows(self.columns, torch.where(target == 1, picked[1], picked[0]))


Loss = Callable[[Sets], Tensor]
"""One value per set, `[*sets]`; lower is better."""


def over_present(loss: Loss, sets: Sets) -> Tensor:
    """Return a loss that never sees the rows of weight 0, NaN for a set without rows.

    Sets that lack no row are judged in one call, each of the others in its own.
    """
    if sets.weight is None or bool((sets.weight > 0).all()):
        return loss(sets)
    *outer, n = shape = sets.shape
    target, score = (
        values.reshape(-1, n, *values.shape[len(shape) :]) for values in sets[:2]
    )
    by_row = {"": sets.weight, **sets.columns}  # no column is without a name
    columns = {name: v.expand(shape).reshape(-1, n) for name, v in by_row.items()}
    weight = columns.pop("")
    values = score.new_full((len(score),), torch.nan, dtype=value_dtype(score))
    is_there = weight > 0
    whole = is_there.all(-1)
    if bool(whole.any()):
        flat = Sets(target, score, weight, columns)
        values[whole] = loss(flat.picked(whole)).to(values.dtype)
    for i in (is_there.any(-1) & ~whole).nonzero().squeeze(-1).tolist():
        at = (slice(i, i + 1), is_there[i])
        own = Sets(target[at], score[at], weight[at], take_rows(columns, at))
        # one set alone stays alone, one of many one of many: losses may ask
        values[i] = loss(own if outer else own.picked(0)).squeeze()
    return values.reshape(outer)


def value_dtype(score: Tensor) -> torch.dtype:
    """Return the type of a loss of these scores: theirs, but at least single."""
    return torch.promote_types(score.dtype, torch.float32)


def _broadcasts(shape: torch.Size, to: torch.Size) -> bool:
    """Return whether values of one shape can be read as those of another."""
    return len(shape) <= len(to) and all(
        own in (1, wanted)
        for own, wanted in zip(reversed(shape), reversed(to), strict=False)
    )
