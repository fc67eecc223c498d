"""A progress bar for the fit of a surrogate, where somebody may watch."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from losslearn.surrogate.universal import FitProgress

if TYPE_CHECKING:
    from rich.progress import Progress


@contextmanager
def fit_bar(name: str) -> Iterator[FitProgress]:
    """Give what draws a bar on stderr, if it is a terminal, from the first step on."""
    bar: Progress | None = None

    def show(step: int, n_steps: int, error: float) -> None:
        nonlocal bar
        if not sys.stderr.isatty():
            return
        if bar is None:
            from rich.console import Console
            from rich.progress import Progress

            bar = Progress(console=Console(stderr=True))
            bar.add_task("")
            bar.start()
        text = f"fitting a surrogate of {name}, error {error:.3g}"
        bar.update(bar.task_ids[0], completed=step, total=n_steps, description=text)

    try:
        yield show
    finally:
        if bar is not None:
            bar.stop()
