"""One column of numbers on a common scale: mean 0, deviation 1, nothing far out."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_HUGE = 1e100
"""Values beyond are taken as this, and smaller differences than its inverse as none, so
that no square overflows or vanishes."""
_HEAVY_TAIL = 50.0
"""A column that reaches farther than this many typical distances from its median is
pulled in by asinh. The normal distribution does not reach 10 in a million rows, the
exponential one not 30; amounts of money do."""
_ROUNDING = 1e-14
"""A column whose values differ by less, relative to their size, is constant."""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Puts numbers on the scale of the training rows.

    The steps: missing values become the median; the median is taken off; a
    heavy-tailed column is pulled in by asinh; the result is kept to the range of the
    training rows, widened on both sides by its own width; then mean 0, deviation 1.
    """

    median: float
    tail: float
    """What asinh divides by; 0 where it is not applied."""
    low: float
    high: float
    mean: float
    deviation: float

    def __post_init__(self) -> None:
        """Reject numbers that no column can have led to.

        Raises:
            ValueError: If one is not finite, or a width is not positive.
        """
        values = [getattr(self, field.name) for field in fields(self)]
        is_ordered = self.tail >= 0 and self.deviation > 0 and self.low < self.high
        if not np.isfinite(values).all() or not is_ordered:
            raise ValueError(f"not a scale: {self}")

    @classmethod
    def fit(cls, values: Floats) -> "Scale | None":
        """Take the scale from a column of the training rows.

        Args:
            values: Its numbers, NaN where missing, at least one of them known.

        Returns:
            The scale; None for a constant column, which has none.
        """
        known = values[~np.isnan(values)]
        known = known.clip(-_HUGE, _HUGE)
        low, high = float(known.min()), float(known.max())
        if high - low <= max(_ROUNDING * max(-low, high), 1 / _HUGE):
            return None
        median = float(np.median(known))
        known -= median
        tail = _tail(known)
        if tail:
            known = np.arcsinh(known / tail)
        low, high = float(known.min()), float(known.max())
        mean = float(known.sum()) / len(values)  # a missing value counts as 0
        width = high - low
        square = float(np.square((known - mean) / width).sum())
        square += (len(values) - len(known)) * (mean / width) ** 2
        return cls(
            median=median,
            tail=tail,
            low=low - width,
            high=high + width,
            mean=mean,
            deviation=width * (square / len(values)) ** 0.5,
        )

    def apply(self, values: Floats) -> Floats:
        """Return the values on this scale; none is missing or infinite."""
        scaled = values.clip(-_HUGE, _HUGE)
        scaled -= self.median
        scaled[np.isnan(scaled)] = 0.0
        if self.tail:
            scaled = np.arcsinh(scaled / self.tail)
        np.clip(scaled, self.low, self.high, out=scaled)
        scaled -= self.mean
        scaled /= self.deviation
        return scaled


def _tail(centred: Floats) -> float:
    """Return the typical distance from the median of a heavy-tailed column, else 0.

    Values at the median do not count: they may be most of the column.
    """
    distance = np.abs(centred)
    farthest = float(distance.max())
    typical = max(float(np.median(distance[distance > 0])), 1 / _HUGE)
    return typical if farthest > _HEAVY_TAIL * typical else 0.0
