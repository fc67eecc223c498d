"""Measuring an iteration, with a table of it."""

import json
from pathlib import Path

from rich.progress import Progress

from losslearn.cli.reporting import console, note
from losslearn.cli.running import use_one_thread
from losslearn.report.figures import write_whole
from losslearn_bench.tables import runtime_table
from losslearn_bench.tables.complexity import DESIGNS, measure_iterations


def measure_runtime(out: Path) -> None:
    """Measure every design, and write the lines and the table.

    Raises:
        OSError: If the files cannot be written.
    """
    use_one_thread()
    with Progress(console=console(stderr=True)) as progress:
        task = progress.add_task("designs", total=len(DESIGNS))
        rows = measure_iterations(finished=lambda _: progress.advance(task))
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    write_whole(out / "runtime.jsonl", lines.encode())
    table = runtime_table(rows)
    write_whole(out / "runtime.md", table.encode())
    console().print(table, markup=False, soft_wrap=True)
    note(f"table written to {out / 'runtime.md'}")
