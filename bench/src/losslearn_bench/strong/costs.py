"""What fits cost beside the booster by its usual loss alone."""

import statistics
from collections.abc import Sequence

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
    """Return medians and worst of seconds, and of their ratios, by model.

    Ratios of all seconds together stand beside: a fit of milliseconds weighs little.
    """
    rows = []
    for model in models:
        own = [line for line in lines if line["model"] == model]
        seconds = [_own_seconds(line) for line in own]
        starts = [line["seconds"]["start"] for line in own if line["seconds"]["start"]]
        ratios = [_ratios(own, of) for of in ("usual", "control")]
        rows.append([model, str(len(own)), _spread(seconds), *ratios, _spread(starts)])
    return markdown_table(_COLUMNS, rows)


def _own_seconds(line: Line) -> float:
    spent: dict[str, float] = line["seconds"]
    return spent["estimator"] - spent["start"]


def _ratios(lines: Sequence[Line], of: str) -> str:
    """Return the fits' seconds over others, of lines that have them."""
    pairs = [
        (_own_seconds(line), line["seconds"][of])
        for line in lines
        if line["seconds"].get(of)
    ]
    if not pairs:
        return ""
    in_all = sum(ours for ours, _ in pairs) / sum(theirs for _, theirs in pairs)
    return _spread([ours / theirs for ours, theirs in pairs], f", in all {in_all:.1f}")


def _spread(values: Sequence[float], more: str = "") -> str:
    if not values:
        return ""
    return f"{statistics.median(values):.1f} (at most {max(values):.1f}{more})"
