"""A progress bar for the fit of a surrogate, where somebody may watch."""

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class FitBar:
    """Draws a bar on stderr, if it is a terminal, from the first step on."""

    def __init__(self, name: str) -> None:
        """Say what is fitted."""
        self._name = name
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        """Draw nothing yet: often nothing has to be fitted."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the bar as it stands."""
        if self._bar is not None:
            self._bar.stop()

    def show(self, step: int, n_steps: int, error: float) -> None:
        """Show where the fit stands."""
        if not sys.stderr.isatty():
            return
        if self._bar is None or self._task is None:
            from rich.console import Console
            from rich.progress import Progress

            self._bar = Progress(console=Console(stderr=True))
            self._task = self._bar.add_task("", total=n_steps)
            self._bar.start()
        text = f"fitting a surrogate of {self._name}, error {error:.3g}"
        self._bar.update(self._task, completed=step, description=text)
