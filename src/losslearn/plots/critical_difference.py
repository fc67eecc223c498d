"""Average ranks of methods, and which of them cannot be told apart."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from losslearn.plots.figures import new_figure
from losslearn.plots.palette import INK, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROW = 0.32
"""Height of a row of names, in inches."""


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
    n_rows = (len(names) + 1) // 2
    depth = 0.35 * len(groups) + 0.6
    figure = new_figure(8.2, 1.2 + _ROW * (depth + n_rows))
    ax = figure.subplots()
    highest = max(len(names), 2)
    ax.set_xlim(0.2 - 0.25 * highest, 0.8 + 1.25 * highest)
    ax.set_ylim(-depth - n_rows, 1.6)
    ax.axis("off")
    _draw_axis(ax, highest, critical_difference)
    for level, group in enumerate(groups):
        ranks = [average_ranks[place] for place in group]
        height = -0.35 * (level + 1)
        ends = (min(ranks) - 0.03, max(ranks) + 0.03)
        ax.plot(ends, (height, height), color=VERMILION, linewidth=4)
    _draw_names(ax, names, average_ranks, depth, highest)
    if title is not None:
        figure.suptitle(title, fontsize=11)
    return figure


def _draw_axis(ax: "Axes", highest: int, critical_difference: float | None) -> None:
    """Draw the axis of ranks, the critical difference above it."""
    ax.plot((1, highest), (0, 0), color=INK, linewidth=1.2)
    for rank in range(1, highest + 1):
        ax.plot((rank, rank), (0, 0.16), color=INK, linewidth=1.2)
        ax.text(rank, 0.28, str(rank), ha="center", va="bottom", fontsize=9)
    ax.text(0.9, 0.0, "best", ha="right", va="center", fontsize=9, color=INK)
    if critical_difference is not None:
        ends = (1, 1 + critical_difference)
        ax.plot(ends, (1.15, 1.15), color=INK, linewidth=1.2, marker="|", markersize=7)
        label = f"critical difference {critical_difference:.2f}"
        ax.text(ends[1] + 0.1, 1.15, label, ha="left", va="center", fontsize=9)


def _draw_names(
    ax: "Axes",
    names: Sequence[str],
    average_ranks: Sequence[float],
    depth: float,
    highest: int,
) -> None:
    """Lead from each rank to its name, the better half at the left."""
    order = sorted(range(len(names)), key=lambda place: average_ranks[place])
    n_left = (len(order) + 1) // 2
    for position, place in enumerate(order):
        is_left = position < n_left
        row = position if is_left else len(order) - 1 - position
        height = -depth - row
        edge = 0.8 if is_left else highest + 0.2
        rank = average_ranks[place]
        ax.plot((rank, rank, edge), (0, height, height), color=INK, linewidth=0.9)
        ax.text(
            edge + (-0.08 if is_left else 0.08),
            height,
            f"{names[place]}  ({rank:.2f})",
            ha="right" if is_left else "left",
            va="center",
            fontsize=10,
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
