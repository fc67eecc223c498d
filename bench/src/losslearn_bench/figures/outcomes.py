"""What a method changes against its control, each repetition shown."""

import math
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from losslearn.report.figures import new_figure, tidy
from losslearn.report.palette import BLUE, GREY, INK, VERMILION
from losslearn_bench.tables.outcomes import Contrast
from losslearn_bench.tables.significance import Verdict

_COLOURS: dict[Verdict, str] = {"win": BLUE, "tie": GREY, "loss": VERMILION}
_PLURAL: dict[Verdict, str] = {"win": "wins", "tie": "ties", "loss": "losses"}

Cells = Sequence[Contrast]


def percent_changes(cell: Contrast) -> list[float]:
    """Return the change of each test loss against the control's in %.

    Infinite where the control's loss alone is 0; without repetitions in which both are
    0, since no share of nothing is a change.
    """
    return [
        100 * (ours / control - 1) if control else math.inf
        for ours, control in zip(cell.ours, cell.control, strict=True)
        if ours or control
    ]


def draw_outcomes(
    cells: Cells,
    *,
    title: str,
    limit: float,
    note: str | None = None,
    partial: Collection[str] = (),
) -> Figure:
    """Draw a point for each repetition and a bar at their mean, a row for each cell.

    Points are coloured by the verdict; how many there are of each, and what a triangle
    is, stands below with the note. A row says where both losses are 0. Points further
    out than `limit` % are drawn as a triangle there; partial data sets get an asterisk.
    """
    figure = new_figure(7.5, 0.27 * len(cells) + 1.7)
    ax = figure.subplots()
    for place, cell in enumerate(cells):
        _draw_cell(ax, place, cell, limit)
    ax.axvline(0, color=INK, linewidth=0.9, zorder=1)
    ax.set_xlim(-1.06 * limit, 1.06 * limit)
    stars = {key.dataset: "*" * (key.dataset in partial) for key, *_ in cells}
    labels = [f"{key.dataset}{stars[key.dataset]}  {key.metric}" for key, *_ in cells]
    ax.set_yticks(range(len(cells)), labels, fontsize=9)
    ax.set_ylim(len(cells) - 0.4, -0.6)
    ax.set_xlabel("change of the test loss against the control (%)\nleft is better")
    tidy(ax, grid="x")
    figure.suptitle(title, fontsize=11)
    _explain(figure, cells, limit, note)
    return figure


def _draw_cell(ax: Axes, place: int, cell: Contrast, edge: float) -> None:
    changes = np.asarray(percent_changes(cell))
    if n_zero := len(cell.ours) - len(changes):
        text = f"both losses 0 in {n_zero} of {len(cell.ours)}"
        look: dict[str, Any] = {"va": "center", "fontsize": 8, "color": GREY}
        ax.text(0.01, place, text, transform=ax.get_yaxis_transform(), **look)
    colour = _COLOURS[cell.verdict]
    within = np.abs(changes) <= edge
    beyond = ("<", changes < -edge), (">", changes > edge)
    for marker, chosen in (("o", within), *beyond):
        shown = changes[chosen].clip(-edge, edge)
        at = np.full(len(shown), place)
        ax.plot(shown, at, marker, color=colour, alpha=0.55, markeredgewidth=0)
    if len(changes) and abs(changes.mean()) <= edge:
        ax.plot(changes.mean(), place, "|", color=colour, markersize=14, mew=2.5)


def _explain(figure: Figure, cells: Cells, edge: float, note: str | None) -> None:
    """Say below the figure what colours, bars and triangles stand for."""
    from matplotlib.lines import Line2D

    counts = Counter(cell.verdict for cell in cells)
    marks = [
        ("o", colour, f"{counts[name]} {name if counts[name] == 1 else _PLURAL[name]}")
        for name, colour in _COLOURS.items()
    ]
    marks.append(("|", INK, "mean"))
    if any(abs(change) > edge for cell in cells for change in percent_changes(cell)):
        marks.append((">", INK, f"further than {edge:.0f} %"))
    handles = [
        Line2D([], [], marker=marker, linestyle="", color=colour, label=label)
        for marker, colour, label in marks
    ]
    legend_below(figure, handles, note, columnspacing=1.2)


def legend_below(
    figure: Figure, handles: Sequence[Artist], note: str | None, **look: float
) -> None:
    """Put a legend below the figure, in one row under a note."""
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=len(handles),
        frameon=False,
        title=note,
        title_fontsize=9,
        **look,
    )
