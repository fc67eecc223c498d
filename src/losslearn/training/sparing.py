"""What is done after the training, though a user's metric may fail there."""

from collections.abc import Callable
from typing import TypeVar

from losslearn.metrics import MetricError

T = TypeVar("T")


class Sparing:
    """Asks a metric again that failed, does without it then, and remembers it.

    Attributes:
        failure: The first one; None where there was none.

    Example:
        >>> sparing = Sparing()
        >>> sparing(lambda: 1, lambda: 2), sparing.failure
        (1, None)
    """

    def __init__(self, failure: MetricError | None = None) -> None:
        """Start with what failed before."""
        self.failure = failure

    def __call__(self, ask: Callable[[], T], otherwise: Callable[[], T]) -> T:
        """Return what is asked for, or else the other."""
        for _ in range(2):  # what fails once need not fail again
            try:
                return ask()
            except MetricError as error:
                self.failure = self.failure or error
        return otherwise()

    def __str__(self) -> str:
        """Return what went wrong, and that the rest is kept."""
        return f"{self.failure}; the best weights so far are kept"
