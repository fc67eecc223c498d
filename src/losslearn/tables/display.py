"""What the main job reports to while it runs."""

from typing import Protocol

from losslearn.metrics.as_written import AsWritten
from losslearn.training.loop import Record


class Display(Protocol):
    """What the job reports to while it runs."""

    def metric(self, written: AsWritten) -> None:
        """Show losses as this metric is written from now on."""

    def stage(self, name: str) -> None:
        """Show what is being done."""

    def fit_progress(self, step: int, n_steps: int, error: float) -> None:
        """Show how far a universal surrogate is."""

    def watch(self, record: Record) -> None:
        """Show a look at the validation rows."""


class Silent:
    """Shows nothing."""

    def metric(self, written: AsWritten) -> None: ...  # noqa: D102

    def stage(self, name: str) -> None: ...  # noqa: D102

    def fit_progress(self, step: int, n_steps: int, error: float) -> None: ...  # noqa: D102

    def watch(self, record: Record) -> None: ...  # noqa: D102
