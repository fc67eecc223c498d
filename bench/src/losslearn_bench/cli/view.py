"""What a running grid shows: cells done, jobs under way, the latest losses."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.progress import Progress
from rich.text import Text

from losslearn.cli.progress import format_loss
from losslearn_bench.grid.running import Progress as GridProgress
from losslearn_bench.grid.running import Watcher
from losslearn_bench.grid.workers import Outcome


@contextmanager
def grid_view(out: Console) -> Iterator[Watcher]:
    """Give what shows a grid: live lines on a terminal, else a line for each job."""
    bar = Progress(*Progress.get_default_columns())
    task = bar.add_task("cells", total=None)
    told: list[Outcome] = []
    live = Live(console=out, refresh_per_second=2, transient=True)

    def watch(progress: GridProgress) -> None:
        bar.update(task, total=progress.n_cells, completed=progress.n_done)
        latest = progress.latest
        if latest is not None and (not told or told[-1] is not latest):
            told.append(latest)
            live.console.print(_ended(latest), soft_wrap=True)
        now = time.monotonic()
        jobs = progress.running.items()
        running = [Text(f"  {now - begin:5.0f} s  {job.name}") for job, begin in jobs]
        live.update(Group(bar, *running))

    if out.is_terminal:
        live.start()
    try:
        yield watch
    finally:
        live.stop()


def _ended(outcome: Outcome) -> Text:
    """Return the line of a job that ended."""
    if outcome.error is not None:
        return Text(f"failed: {outcome.job.name}: {outcome.error}", style="red")
    losses = " ".join(format_loss(line["losses"]["test"]) for line in outcome.lines)
    seconds = sum(line["seconds"] for line in outcome.lines)
    return Text(f"{outcome.job.name}: test loss {losses} ({seconds:.1f} s)")
