"""What there is of the data sets that have a name."""

from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from losslearn.cli.reporting import print_json
from losslearn_bench.datasets import DATASETS, DatasetStatus, find_dataset

_STYLES = {"complete": None, "partial": "yellow", "not available here": "dim"}


def print_datasets(out: Console, *, data_dir: Path | None, as_json: bool) -> None:
    """Print the paper's Table 1, and the other sets, with what is on this machine.

    Args:
        out: Where the table goes; JSON goes to stdout.
        data_dir: The local folder; None takes `LOSSLEARN_DATA`, else
            `../shared/datasets` where that exists.
        as_json: Whether to print JSON instead.

    Raises:
        FileNotFoundError: If a folder that was named does not exist.
        ValueError: If a file cannot be read.
    """
    statuses = [find_dataset(name, data_dir=data_dir) for name in DATASETS]
    if as_json:
        print_json([_as_json(status) for status in statuses])
        return
    out.print(_table(statuses), "")
    for status in statuses:
        info = status.info
        said = [f"{info.name}: {info.title}.", f"From {info.origin}."]
        said += [f"Licence: {info.licence}.", info.notes, status.how_to_get]
        # A command in the text can be copied, as it is not wrapped.
        out.print(" ".join(filter(None, said)), markup=False, soft_wrap=True)


def _table(statuses: list[DatasetStatus]) -> Table:
    # Without padding it fits 80 columns.
    table = Table(box=SIMPLE_HEAD, show_edge=False, padding=0)
    table.add_column("data set", no_wrap=True)
    for name in (
        "rows\nhere",
        "rows\nin all",
        "fea-\ntures\nhere",
        "in\nall",
        "share\npos.",
        "in\nTable 1",
    ):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("state", min_width=len("available"))
    n_paper = sum(status.info.paper_rows is not None for status in statuses)
    for index, status in enumerate(statuses, start=1):
        info, found = status.info, status.found
        table.add_row(
            info.name,
            "-" if found is None else f"{found.n_rows:,}",
            f"{info.n_rows:,}",
            "-" if found is None else f"{found.n_features}",
            f"{info.n_features}",
            _fraction(status.pos_rate),
            _fraction(info.paper_pos_rate),
            status.state,
            style=_STYLES[status.state],
            end_section=index == n_paper,
        )
    return table


def _fraction(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _as_json(status: DatasetStatus) -> dict[str, Any]:
    info, found = status.info, status.found
    in_paper = info.paper_rows is not None
    return {
        "name": info.name,
        "title": info.title,
        "state": status.state,
        "expected": {
            "rows": info.n_rows,
            "features": info.n_features,
            "positive_fraction": info.pos_rate,
        },
        "found": found
        and {
            "rows": found.n_rows,
            "features": found.n_features,
            "positive_fraction": status.pos_rate,
        },
        "table_1": {
            "rows": info.paper_rows,
            "positive_fraction": info.paper_pos_rate,
        }
        if in_paper
        else None,
        "source": status.source,
        "path": None if status.path is None else str(status.path),
        "openml_id": info.openml_id,
        "origin": info.origin,
        "licence": info.licence,
        "notes": info.notes,
        "how_to_get": status.how_to_get,
    }
