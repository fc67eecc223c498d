"""Average ranks of methods, and which of them cannot be told apart."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from losslearn.report.figures import new_figure
from losslearn.report.palette import INK, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROW = 0.32
"""Height of a row of names, in inches."""
_NAME, _SMALL, _TITLE = 10, 9, 11
"""Sizes of the text, in points."""
_AXIS = 4.2
"""Length of the axis of ranks, in inches."""
_MARGIN = 0.2
"""Room around everything, in inches."""
_LEAD = 0.3
"""From an end of the axis to the names, in inches."""


def indistinguishable(
    average_ranks: Sequence[float], critical_difference: float
) -> list[tuple[int, ...]]:
    """Return the largest groups of methods whose ranks differ by less than allowed.

    Demšar (2006), "Statistical Comparisons of Classifiers over Multiple Data Sets",
    section 3.2.2.

    Args:
        average_ranks: Rank of each method, averaged over the data sets.
        critical_difference: Two methods differ where their ranks are at least this far
            apart.

    Returns:
        Places of the methods of each group, best first; none within another, none of
        one method alone.

    Example:
        >>> indistinguishable([3.0, 1.0, 1.4, 2.2], critical_difference=1.0)
        [(1, 2), (2, 3), (3, 0)]
    """
    order = sorted(range(len(average_ranks)), key=lambda place: average_ranks[place])
    groups: list[tuple[int, ...]] = []
    reached = 0
    for first, best in enumerate(order):
        end = first + 1
        while (
            end < len(order)
            and average_ranks[order[end]] - average_ranks[best] < critical_difference
        ):
            end += 1
        if end - first > 1 and end > reached:
            groups.append(tuple(order[first:end]))
            reached = end
    return groups


def draw_critical_difference(
    names: Sequence[str],
    average_ranks: Sequence[float],
    *,
    groups: Sequence[Sequence[int]],
    critical_difference: float | None = None,
    title: str | None = None,
) -> "Figure":
    """Draw the ranks on an axis, best at the left, bars joining each group.

    Args:
        names: What the methods are called.
        average_ranks: Rank of each, from 1, averaged over the data sets.
        groups: Places of methods that cannot be told apart, from `indistinguishable` or
            from another test.
        critical_difference: Its length is shown above the axis; None shows none.
        title: Stands above the figure.

    Returns:
        The diagram of Demšar (2006).

    Raises:
        ValueError: If names and ranks differ in number, there are fewer than two, or a
            group names a method that is not there.
        ImportError: If matplotlib is not installed.
    """
    _check(names, average_ranks, groups)
    highest = len(names)
    per_rank = _AXIS / (highest - 1)
    labels = [
        f"{name}  ({rank:.2f})" for name, rank in zip(names, average_ranks, strict=True)
    ]
    above = None
    if critical_difference is not None:
        above = f"critical difference {critical_difference:.2f}"
    reach = (critical_difference or 0.0) * per_rank + _width(above or "", _SMALL)
    left, right = _sides(labels, average_ranks)
    right = max(right, reach - _AXIS + 2 * _MARGIN)
    # a title is centred, and may be wider than what stands below it
    needed = _width(title or "", _TITLE) + 2 * _MARGIN
    spare = max(0.0, needed - (left + _AXIS + right)) / 2
    left, right = left + spare, right + spare
    n_rows = (len(names) + 1) // 2
    depth = 0.35 * len(groups) + 0.6
    head = 0.45 if title is not None else 0.0
    height = _ROW * (depth + n_rows + 1.6) + head
    figure = new_figure(left + _AXIS + right, height)
    figure.set_layout_engine("none")  # sizes are known
    ax = figure.add_axes((0, 0, 1, 1 - head / height))
    ax.set_xlim(1 - left / per_rank, highest + right / per_rank)
    ax.set_ylim(-depth - n_rows, 1.6)
    ax.axis("off")
    _draw_axis(ax, highest, critical_difference, above)
    for level, group in enumerate(groups):
        ranks = [average_ranks[place] for place in group]
        at = -0.35 * (level + 1)
        ends = (min(ranks) - 0.03, max(ranks) + 0.03)
        ax.plot(ends, (at, at), color=VERMILION, linewidth=4)
    _draw_names(ax, labels, average_ranks, depth, _LEAD / per_rank)
    if title is not None:
        figure.suptitle(title, fontsize=_TITLE, y=1 - 0.1 / height)
    return figure


def _width(text: str, size: float) -> float:
    """Return how wide a text is drawn, in inches."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    if not text:
        return 0.0
    path = TextPath((0, 0), text, size=size, prop=FontProperties())
    # hinting makes letters up to a tenth wider than their outlines
    return 1.1 * float(path.get_extents().width) / 72


def _halves(average_ranks: Sequence[float]) -> tuple[list[int], list[int]]:
    """Return the places of the better and of the worse half, best first."""
    order = sorted(range(len(average_ranks)), key=lambda place: average_ranks[place])
    n_left = (len(order) + 1) // 2
    return order[:n_left], order[n_left:]


def _sides(
    labels: Sequence[str], average_ranks: Sequence[float]
) -> tuple[float, float]:
    """Return the room that names need beside the axis, in inches."""
    better, worse = (
        max((_width(labels[place], _NAME) for place in half), default=0.0)
        for half in _halves(average_ranks)
    )
    best = _width("best", _SMALL)
    beside = _LEAD + 2 * _MARGIN
    return max(better, best) + beside, worse + beside


def _draw_axis(
    ax: "Axes", highest: int, critical_difference: float | None, above: str | None
) -> None:
    """Draw the axis of ranks, the critical difference above it."""
    ax.plot((1, highest), (0, 0), color=INK, linewidth=1.2)
    for rank in range(1, highest + 1):
        ax.plot((rank, rank), (0, 0.16), color=INK, linewidth=1.2)
        ax.text(rank, 0.28, str(rank), ha="center", va="bottom", fontsize=_SMALL)
    _beside(ax, "best", at=(1, 0.0), right=False, size=_SMALL)
    if critical_difference is not None and above is not None:
        ends = (1, 1 + critical_difference)
        ax.plot(ends, (1.15, 1.15), color=INK, linewidth=1.2, marker="|", markersize=7)
        _beside(ax, above, at=(ends[1], 1.15), right=True, size=_SMALL)


def _draw_names(
    ax: "Axes",
    labels: Sequence[str],
    average_ranks: Sequence[float],
    depth: float,
    lead: float,
) -> None:
    """Lead from each rank to its name, the better half at the left."""
    better, worse = _halves(average_ranks)
    rows = [*enumerate(better), *enumerate(reversed(worse))]
    for position, (row, place) in enumerate(rows):
        is_left = position < len(better)
        height = -depth - row
        edge = 1 - lead if is_left else len(labels) + lead
        rank = average_ranks[place]
        ax.plot((rank, rank, edge), (0, height, height), color=INK, linewidth=0.9)
        _beside(ax, labels[place], at=(edge, height), right=not is_left, size=_NAME)


def _beside(
    ax: "Axes", text: str, *, at: tuple[float, float], right: bool, size: float
) -> None:
    """Write beside a point, a few points of space between."""
    ax.annotate(
        text,
        at,
        xytext=(5 if right else -5, 0),
        textcoords="offset points",
        ha="left" if right else "right",
        va="center",
        fontsize=size,
        color=INK,
    )


def _check(
    names: Sequence[str],
    average_ranks: Sequence[float],
    groups: Sequence[Sequence[int]],
) -> None:
    if len(names) != len(average_ranks) or len(names) < 2:
        raise ValueError(
            "Each of at least two methods needs a name and a rank, got "
            f"{len(names)} names and {len(average_ranks)} ranks."
        )
    unknown = {place for group in groups for place in group} - set(range(len(names)))
    if unknown:
        raise ValueError(
            f"`groups` must hold places from 0 to {len(names) - 1}, got "
            f"{sorted(unknown)}."
        )
