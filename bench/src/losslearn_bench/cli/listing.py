"""What can be compared, and on which data."""

from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from losslearn.cli.reporting import console, print_json
from losslearn_bench.datasets import DATASETS, DatasetStatus, find_dataset
from losslearn_bench.grid.methods import METHODS
from losslearn_bench.peers import available_peers
from losslearn_bench.tables.published import TABLE_1

_STYLES = {"complete": None, "partial": "yellow", "not available here": "dim"}


def print_methods() -> None:
    """Print every method, what it is meant for, and what is missing for it."""
    missing = available_peers()
    heads = ("method", "title", "tiers", "metrics", "missing")
    table = Table(*heads, box=SIMPLE_HEAD, show_edge=False)
    for name, method in METHODS.items():
        metrics = "all" if method.metrics is None else " ".join(method.metrics)
        tiers = " ".join(method.tiers)
        table.add_row(name, method.title, tiers, metrics, missing.get(name) or "")
    console().print(table)


def print_datasets(out: Console, *, data_dir: Path | None, as_json: bool) -> None:
    """Print the paper's Table 1, and the other sets, with what is on this machine."""
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
    heads = ("rows\nhere", "rows\nin all", "fea-\ntures\nhere", "in\nall")
    for head in (*heads, "share\npos.", "in\nTable 1"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("state", min_width=len("available"))
    for status in statuses:
        info, found, printed = status.info, status.found, TABLE_1.get(status.info.name)
        table.add_row(
            info.name,
            "-" if found is None else f"{found.n_rows:,}",
            f"{info.n_rows:,}",
            "-" if found is None else f"{found.n_features}",
            f"{info.n_features}",
            "-" if status.pos_rate is None else f"{status.pos_rate:.4f}",
            "-" if printed is None else f"{printed.pos_rate:.4f}",
            status.state,
            style=_STYLES[status.state],
            end_section=info.name == list(TABLE_1)[-1],
        )
    return table


def _as_json(status: DatasetStatus) -> dict[str, Any]:
    info, found, printed = status.info, status.found, TABLE_1.get(status.info.name)
    table_1 = None
    if printed:
        n_rows = printed.n_train + printed.n_test
        table_1 = {"rows": n_rows, "positive_fraction": printed.pos_rate}
    return {
        "name": info.name,
        "title": info.title,
        "state": status.state,
        "expected": _counts(info.n_rows, info.n_features, info.pos_rate),
        "found": found and _counts(found.n_rows, found.n_features, status.pos_rate),
        "table_1": table_1,
        "source": status.source,
        "path": None if status.path is None else str(status.path),
        "openml_id": info.openml_id,
        "origin": info.origin,
        "licence": info.licence,
        "notes": info.notes,
        "how_to_get": status.how_to_get,
    }


def _counts(n_rows: int, n_features: int, share: float | None) -> dict[str, Any]:
    return {"rows": n_rows, "features": n_features, "positive_fraction": share}
