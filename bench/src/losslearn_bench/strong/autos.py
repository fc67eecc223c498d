"""`auto` beside boosters with the best decision, and beside each model alone."""

import math
import statistics
from collections.abc import Mapping

from losslearn_bench.strong.contrasts import (
    OURS,
    Cells,
    Key,
    Losses,
    judge,
    losses_of,
    pair,
)
from losslearn_bench.strong.jobs import AUTO, MODELS
from losslearn_bench.strong.outside import OUTSIDE
from losslearn_bench.tables.markdown import markdown_table, paragraphs
from losslearn_bench.tables.outcomes import count_verdicts
from losslearn_bench.tables.significance import average_ranks

_HEADER = ("against", "cells", "wins / ties / losses", "by Holm", "mean worse")
_HOW = """\
Ranks are of mean test losses, 1 is best, over the cells that all of a row's rivals \
have; *mean worse* counts cells where the mean loss of `auto` is higher."""


def auto_section(cells: Cells) -> str:
    """Return what is known of `auto` in Markdown; nothing without lines of it."""
    found = {key.goal: _rivals(key.goal, cells) for key in cells if key.model == AUTO}
    if not found:
        return ""
    names = list(dict.fromkeys(name for own in found.values() for name in own))
    rows = [_row(name, found) for name in names if name != AUTO]
    outside = [AUTO, *map(_decided, OUTSIDE)]
    return paragraphs(
        "## `auto`",
        _HOW,
        markdown_table(_HEADER, rows),
        _ranks(found, outside),
        _ranks(found, names) if len(names) > len(outside) else "",
        _seconds(cells),
    ).rstrip()


def _decided(name: str) -> str:
    return f"{name} + decision"


def _rivals(goal: str, cells: Cells) -> dict[str, Losses]:
    """Return the losses of all that a goal was tried by."""
    lines = cells[Key(goal, AUTO)]
    found = {AUTO: losses_of(lines, OURS)}
    found |= {_decided(name): losses_of(lines, name) for name in OUTSIDE}
    for model in MODELS:
        alone = cells.get(Key(goal, model))
        if model != AUTO and alone is not None:
            found[model] = losses_of(alone, OURS)
    return found


def _row(name: str, found: Mapping[str, dict[str, Losses]]) -> list[str]:
    pairs = [
        pair(Key(goal, AUTO), own[AUTO], own[name])
        for goal, own in found.items()
        if name in own
    ]
    tally = judge([one for one in pairs if one is not None])
    worse = sum(statistics.fmean(one.gaps) < 0 for one in tally.contrasts)
    n = len(tally.contrasts)
    counts = count_verdicts(tally.verdicts), count_verdicts(tally.by_holm)
    return [name, str(n), *counts, f"{worse} of {n}"]


def _ranks(found: Mapping[str, dict[str, Losses]], names: list[str]) -> str:
    table = []
    for own in found.values():
        there = [own.get(name, {}) for name in names]
        splits = set.intersection(*(set(losses) for losses in there))
        table.append(
            [
                statistics.fmean(losses[n] for n in sorted(splits))
                if splits
                else math.nan
                for losses in there
            ]
        )
    ranking = average_ranks(table)
    if not ranking.n_datasets:
        return ""
    said = [
        f"{name} {rank:.2f}" for name, rank in zip(names, ranking.ranks, strict=True)
    ]
    return f"Average ranks over {ranking.n_datasets} cells: {', '.join(said)}."


def _seconds(cells: Cells) -> str:
    spent = [
        line["seconds"]["estimator"]
        for key, lines in cells.items()
        if key.model == AUTO
        for line in lines
    ]
    return (
        f"A fit takes {statistics.median(spent):.1f} s in the median and "
        f"{max(spent):.1f} s at most."
    )
