"""What a method changes against its control, each repetition shown."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from losslearn.report.figures import new_figure, tidy
from losslearn.report.palette import BLUE, GREY, INK, VERMILION
from losslearn_bench.tables.significance import Verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS: dict[Verdict, str] = {"win": BLUE, "tie": GREY, "loss": VERMILION}


class Cell(NamedTuple):
    """One comparison."""

    label: str
    """What was compared, such as data set and metric."""
    changes: Sequence[float | None]
    """Change of the test loss against the control in %, for each repetition; None where
    both losses are 0, since no share of nothing is a change."""
    outcome: Verdict
    """The verdict on all repetitions."""


def percent_change(
    ours: Sequence[float], control: Sequence[float]
) -> list[float | None]:
    """Return the change of each loss against its control in %.

    Returns:
        Below 0 where the method is better; None where both losses are 0, infinite
        where the control's alone is.

    Raises:
        ValueError: If the two differ in number.

    Example:
        >>> percent_change([0.5, 0.25, 0.0], [1.0, 0.25, 0.0])
        [-50.0, 0.0, None]
    """
    if len(ours) != len(control):
        raise ValueError(
            "Each loss needs the control's of the same repetition, got "
            f"{len(ours)} and {len(control)} losses."
        )
    changes: list[float | None] = []
    for own, other in zip(ours, control, strict=True):
        if other == 0:
            changes.append(None if own == 0 else math.inf)
        else:
            changes.append(100 * (own / other - 1))
    return changes


def draw_outcomes(
    cells: Sequence[Cell],
    *,
    title: str | None = None,
    limit: float | None = None,
    note: str | None = None,
) -> "Figure":
    """Draw a point for each repetition and a bar at their mean, a row for each cell.

    Args:
        cells: What to show, from top to bottom.
        title: Stands above the figure.
        limit: Points further out than this many % are drawn as a triangle there; None
            takes the largest finite change, so that only infinite ones are.
        note: Stands below the figure.

    Returns:
        Points coloured by the verdict; how many there are of each, and what a triangle
        is, stands below. A row says where both losses are 0.
    """
    _check(cells)
    figure = new_figure(7.5, 0.27 * len(cells) + 1.7)
    ax = figure.subplots()
    finite = [abs(x) for cell in cells for x in _known(cell) if math.isfinite(x)]
    edge = limit if limit is not None else max(finite, default=1.0)
    for place, cell in enumerate(cells):
        _draw_cell(ax, place, cell, edge)
    ax.axvline(0, color=INK, linewidth=0.9, zorder=1)
    if limit is not None:
        ax.set_xlim(-1.06 * limit, 1.06 * limit)
    ax.set_yticks(range(len(cells)), [cell.label for cell in cells], fontsize=9)
    ax.set_ylim(len(cells) - 0.4, -0.6)
    ax.set_xlabel("change of the test loss against the control (%)\nleft is better")
    tidy(ax, grid="x")
    if title is not None:
        figure.suptitle(title, fontsize=11)
    _explain(figure, cells, edge, note)
    return figure


def _known(cell: Cell) -> list[float]:
    """Return the changes of a cell that are any."""
    return [change for change in cell.changes if change is not None]


def _draw_cell(ax: "Axes", place: int, cell: Cell, edge: float) -> None:
    changes = np.asarray(_known(cell), dtype=np.float64)
    if n_zero := len(cell.changes) - len(changes):
        text = f"both losses 0 in {n_zero} of {len(cell.changes)}"
        ax.text(
            0.01,
            place,
            text,
            transform=ax.get_yaxis_transform(),
            va="center",
            fontsize=8,
            color=GREY,
        )
    colour = _COLOURS[cell.outcome]
    for marker, chosen in (
        ("o", np.abs(changes) <= edge),
        ("<", changes < -edge),
        (">", changes > edge),
    ):
        shown = changes[chosen].clip(-edge, edge)
        at = np.full(len(shown), place)
        ax.plot(shown, at, marker, color=colour, alpha=0.55, markeredgewidth=0)
    if len(changes) and abs(changes.mean()) <= edge:
        ax.plot(changes.mean(), place, "|", color=colour, markersize=14, mew=2.5)


def _check(cells: Sequence[Cell]) -> None:
    if not cells:
        raise ValueError("`cells` must hold at least one comparison, got none.")
    for cell in cells:
        if not cell.changes or any(map(math.isnan, _known(cell))):
            raise ValueError(
                f"`changes` of {cell.label!r} must hold numbers, got "
                f"{list(cell.changes)}. Leave out repetitions that failed."
            )


def _explain(
    figure: "Figure", cells: Sequence[Cell], edge: float, note: str | None
) -> None:
    """Say below the figure what colours, bars and triangles stand for."""
    from matplotlib.lines import Line2D

    plural = {"win": "wins", "tie": "ties", "loss": "losses"}
    marks: list[tuple[str, str, str]] = []
    for outcome, colour in _COLOURS.items():
        n = sum(cell.outcome == outcome for cell in cells)
        marks.append(("o", colour, f"{n} {outcome if n == 1 else plural[outcome]}"))
    marks.append(("|", INK, "mean"))
    if any(abs(change) > edge for cell in cells for change in _known(cell)):
        marks.append((">", INK, f"further than {edge:.0f} %"))
    handles = [
        Line2D([], [], marker=marker, linestyle="", color=colour, label=label)
        for marker, colour, label in marks
    ]
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=len(handles),
        frameon=False,
        columnspacing=1.2,
        title=note,
        title_fontsize=9,
    )
