"""How long a fit may take."""

import math
import time
import warnings
from numbers import Real

from losslearn.metrics import TrueLoss
from losslearn.metrics.own.trying import least_calls

_LEAST_SHARE = 0.1
"""Share of the time that the training has at least."""


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
    left = max_time - end - (time.perf_counter() - begin)
    # were the rest to take all of it, there would be nothing to judge
    return max(left, _LEAST_SHARE * max_time)


def warn_if_too_little(max_time: float | None, true_loss: TrueLoss) -> str | None:
    """Warn that a metric takes longer than the fit may, and say so; else return None.

    That is known once the metric was tried.
    """
    if max_time is None or true_loss.own is None:
        return None
    cost, calls = true_loss.own.cost, least_calls(true_loss)
    if calls * cost <= max_time:
        return None
    said = (
        f"`{true_loss.name}` takes {cost:.2g} seconds a call, and a fit calls it some "
        f"{calls} times at least: {calls * cost:.3g} seconds, more than "
        "`max_time` (--max-time) leaves."
    )
    warnings.warn(said, RuntimeWarning, stacklevel=3)
    return said
