"""Which rows a model was fitted to, as a sample of hashes that a file can hold."""

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

_KEPT = 8_192
"""Hashes, of eight bytes."""
_FACTORS = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
"""Odd and without a pattern: one mixes each value in, one the whole."""


class Seen(NamedTuple):
    """How many rows of a table are equal to rows that a model was fitted to."""

    rows: int
    """Found by those that could be compared; for all rows at their rate."""
    compared: int


@dataclass(frozen=True, eq=False)
class SeenRows:
    """The rows that a model was fitted to, or those of the lowest hashes.

    The hash decides which are kept, so that of any table the same ones can be compared.
    Rows are equal that are so to the model, in whatever file they are.

    Attributes:
        hashes: In increasing order; all of them, or the lowest `_KEPT`.

    Example:
        >>> x = np.arange(12, dtype=np.float32).reshape(6, 2)
        >>> SeenRows.of(x[:4]).count(x[2:])
        Seen(rows=2, compared=4)
    """

    hashes: NDArray[np.uint64]

    @classmethod
    def of(cls, *parts: NDArray[np.float32]) -> Self | None:
        """Return them; None where most rows are equal to another, which says nothing.

        Args:
            parts: The rows as the model takes them, `[rows, features]` each.
        """
        every = np.concatenate([_hashes(part) for part in parts])
        distinct = np.unique(every)
        return cls(distinct[:_KEPT]) if 2 * len(distinct) >= len(every) else None

    def count(self, x: NDArray[np.float32]) -> Seen | None:
        """Return how many of these rows are among them; None if none can be compared.

        Args:
            x: The rows as the model takes them.
        """
        found = _hashes(x)
        if len(self.hashes) == _KEPT:
            found = found[found <= self.hashes[-1]]
        if len(found) == 0:
            return None
        share = np.isin(found, self.hashes).mean()
        return Seen(round(share * len(x)), len(found))


def _hashes(x: NDArray[np.float32]) -> NDArray[np.uint64]:
    """Return eight bytes for each row; of unequal rows they are so by chance only."""
    each, whole = _FACTORS
    found = np.zeros(len(x), np.uint64)
    for column in x.T:
        bits = (column + np.float32(0)).view(np.uint32)  # no -0.0
        found = (found ^ bits) * each
        found ^= found >> np.uint64(29)
    found *= whole
    return found ^ (found >> np.uint64(32))
