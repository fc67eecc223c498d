"""How long a fit may take."""

import math
import time
from numbers import Real


def check_max_time(seconds: float | None) -> float | None:
    """Return how many seconds a fit may take; None for as many as it needs.

    Raises:
        ValueError: If it is no number above 0, or an infinite one.
    """
    if seconds is None or (isinstance(seconds, Real) and 0 < seconds < math.inf):
        return seconds
    raise ValueError(
        "`max_time` must be a finite number of seconds above 0, or None for no limit, "
        f"got {seconds!r}."
    )


def seconds_left(max_time: float | None, begin: float, end: float) -> float | None:
    """Return the seconds left for the training, what comes after it set aside."""
    if max_time is None:
        return None
    # were the end to take nearly all, there would be nothing to end
    return max(max_time - min(end, max_time / 2) - (time.perf_counter() - begin), 0.0)
