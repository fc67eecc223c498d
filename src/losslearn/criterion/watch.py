"""What a criterion warns of, once: a loss without a gradient, and one that is slow."""

import warnings

from losslearn.criterion.stream import StreamLearner

_SLOW_SECONDS = 0.5
"""A call of the criterion that takes longer on average is warned of."""
_ENOUGH_CALLS = 20
"""Calls of which an average says something."""
_TO_THE_LOOP = 8
"""Frames from a warning to the loop: our four and PyTorch's three before it."""


class Watch:
    """Warns of what a user can do something about; knows what it has `warned` of."""

    def __init__(self, name: str) -> None:
        """Take the name of the loss."""
        self.warned: set[str] = set()
        self._name = name
        self._seconds, self._calls = 0.0, 0

    def add(self, seconds: float) -> None:
        """Count a call that the criterion took so long for."""
        self._seconds += seconds
        self._calls += 1

    def look(self, stream: StreamLearner) -> None:
        """Warn where there is a reason to."""
        if stream.is_dead and "dead" not in self.warned:
            self._warn(
                "dead",
                f"The loss {self._name!r} does not change with the scores (it is "
                f"{stream.queue_loss():.4g} on the latest rows), or its learned "
                "surrogate does not: there is no gradient to follow, and the model is "
                "trained by the usual loss alone until there is. If that value is the "
                "best there is, nothing is wrong. Otherwise look at whether the metric "
                "uses the scores it gets, and whether the model's scores differ from "
                "row to row.",
            )
        per_call = self._seconds / max(self._calls, 1)
        if self._calls >= _ENOUGH_CALLS and per_call > _SLOW_SECONDS:
            self._warn(
                "slow",
                f"Fitting the loss {self._name!r} takes {per_call:.1f} s a step, most "
                "of it in your metric. Raise `learn_every` or lower `set_size`, or let "
                "the metric take many sets a call (see `declare_metric`).",
            )

    def _warn(self, kind: str, message: str) -> None:
        if kind not in self.warned:
            self.warned.add(kind)
            warnings.warn(message, RuntimeWarning, stacklevel=_TO_THE_LOOP)
