"""What fits cost beside the booster by its usual loss alone."""

import statistics
from collections.abc import Callable, Sequence

from losslearn_bench.grid.job import Line
from losslearn_bench.tables.markdown import markdown_table

_COLUMNS = (
    "",
    "fits",
    "without the start, s",
    "x the package's own booster",
    "x the usual branch, folds included",
    "universal start, s",
)


def cost_table(lines: Sequence[Line], models: Sequence[str]) -> str:
    """Return medians and worst of seconds, and of their ratios, by model."""
    rows = []
    for model in models:
        own = [line for line in lines if line["model"] == model]
        rows.append(
            [
                model,
                str(len(own)),
                _of(own, _own_seconds, ".1f"),
                _of(own, lambda line: _ratio(line, "usual"), ".1f"),
                _of(own, lambda line: _ratio(line, "control"), ".1f"),
                _of(own, _start, ".1f"),
            ]
        )
    return markdown_table(_COLUMNS, rows)


def _own_seconds(line: Line) -> float:
    spent: dict[str, float] = line["seconds"]
    return spent["estimator"] - spent["start"]


def _ratio(line: Line, of: str) -> float | None:
    seconds = line["seconds"].get(of)
    return _own_seconds(line) / seconds if seconds else None


def _start(line: Line) -> float | None:
    """Return the seconds of the universal start, where one was fitted."""
    seconds: float = line["seconds"]["start"]
    return seconds or None


def _of(lines: Sequence[Line], what: Callable[[Line], float | None], form: str) -> str:
    values = [value for line in lines if (value := what(line)) is not None]
    if not values:
        return ""
    return f"{statistics.median(values):{form}} (at most {max(values):{form}})"
