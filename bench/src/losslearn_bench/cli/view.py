"""What a running grid shows: cells done, jobs under way, the latest losses."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from losslearn.cli.progress import format_loss
from losslearn_bench.grid.running import Progress as GridProgress
from losslearn_bench.grid.workers import Outcome


class GridView:
    """Live lines on a terminal; elsewhere a line for each job that ended."""

    def __init__(self, out: Console) -> None:
        """Make the bar; nothing is shown before the context is entered."""
        self._out = out
        self._bar = Progress(
            TextColumn("cells"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(elapsed_when_finished=False),
        )
        self._task = self._bar.add_task("cells", total=None)
        self._live = Live(console=out, refresh_per_second=2, transient=True)
        self._latest: Outcome | None = None

    def watch(self, progress: GridProgress) -> None:
        """Show the progress."""
        self._bar.update(self._task, total=progress.n_cells, completed=progress.n_done)
        if progress.latest is not None and progress.latest is not self._latest:
            self._latest = progress.latest
            self._live.console.print(_ended(progress.latest), soft_wrap=True)
        now = time.monotonic()
        running = [
            Text(f"  {now - start:5.0f} s  {job.name}")
            for job, start in progress.running.items()
        ]
        self._live.update(Group(self._bar, *running))

    def __enter__(self) -> Self:
        """Start to draw, where there is a terminal."""
        if self._out.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop drawing."""
        if self._live.is_started:
            self._live.stop()


def _ended(outcome: Outcome) -> Text:
    """Return the line of a job that ended."""
    if outcome.error is not None:
        return Text(f"failed: {outcome.job.name}: {outcome.error}", style="red")
    losses = " ".join(format_loss(line["losses"]["test"]) for line in outcome.lines)
    seconds = sum(line["seconds"] for line in outcome.lines)
    return Text(f"{outcome.job.name}: test loss {losses} ({seconds:.1f} s)")
