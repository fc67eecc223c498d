"""Which lines of a results file make up the table of a preset."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import get_args

from losslearn_bench.datasets import DATASETS
from losslearn_bench.grid.cells import Grid
from losslearn_bench.grid.job import Line
from losslearn_bench.grid.presets import Preset, Size, make_grid
from losslearn_bench.harness.budget import Protocol

PAPER_TABLES: tuple[Preset, ...] = ("table2", "table3")
"""Tables whose columns are given; the others take in whatever was run for them."""

Lines = Sequence[Line]


def table_lines(
    lines: Lines,
    preset: Preset,
    *,
    size: Size = "capped",
    protocol: Protocol = "honest",
    repetitions: int | None = None,
) -> list[Line]:
    """Return the lines of a preset's table: those with its budget, whoever ran them.

    The paper's tables take the methods and losses that they have a column for, on the
    paper's data sets and any of the user's own. The others take every method, data set
    and loss with their budget, so that a method or a data set run by name stands beside
    the rest.
    """
    grid = make_grid(preset, size=size, protocol=protocol)
    budget = grid.budget.as_dict()
    found = [
        line
        for line in lines
        if line["budget"] == budget
        and (repetitions is None or line["repetition"] < repetitions)
    ]
    if preset not in PAPER_TABLES:
        return found
    own = {(cell.tier, cell.method, cell.metric) for cell in grid.cells()}
    others = set(DATASETS) - set(grid.datasets)
    return [
        line
        for line in found
        if (line["tier"], line["method"], line["metric"]) in own
        and line["dataset"] not in others
    ]


def check_part(preset: Preset, part: Grid, whole: Grid) -> None:
    """Check that a table has a place for what was asked for, before it is run."""
    axes = ("tier", "method", "metric") if preset in PAPER_TABLES else ()
    for axis in axes:
        asked, own = getattr(part, f"{axis}s"), getattr(whole, f"{axis}s")
        has = list(dict.fromkeys(getattr(cell, axis) for cell in whole.cells()))
        strange = [name for name in asked if name not in has and asked != own]
        if strange:
            raise ValueError(
                f"The table of {preset!r} has a place for every {axis} of "
                f"{', '.join(has)}, got {', '.join(strange)}. "
                "`losslearn-bench run honest` takes any."
            )


def left_out(lines: Lines, shown: Lines, *, size: Size) -> dict[str, int]:
    """Return how many lines stand in no table, by the reason.

    Example:
        >>> line = {"budget": {"max_iter": 7}, "tier": "mlp"}
        >>> left_out([line], [], size="capped")
        {"of the budget {'max_iter': 7}, which is no preset's": 1}
    """
    seen = {_text(line) for line in shown}
    sizes = {
        _text(make_grid(preset, size=name, protocol=protocol).budget.as_dict()): name
        for name in sorted(get_args(Size), key=lambda name: name == size)
        for preset in get_args(Preset)
        for protocol in get_args(Protocol)
    }
    counts: Counter[str] = Counter()
    for line in (line for line in lines if _text(line) not in seen):
        found = sizes.get(_text(line["budget"]))
        if found is None:
            counts[f"of the budget {line['budget']}, which is no preset's"] += 1
        elif found == size:
            counts["of repetitions or losses that no table shows"] += 1
        else:
            counts[f"of the size {found}: `losslearn-bench report --size {found}`"] += 1
    return dict(counts)


def _text(value: object) -> str:
    """Return what two equal lines or budgets share."""
    return json.dumps(value, sort_keys=True)
