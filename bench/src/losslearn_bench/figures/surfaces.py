"""Figure 1: true losses over two scores, and the surfaces learned of them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from losslearn.report.figures import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = NDArray[np.floating]

_LOW_IS_DARK = "viridis"


def draw_surfaces(
    grid: Floats,
    titles: Sequence[str],
    true_losses: Sequence[Floats],
    surrogate_losses: Sequence[Floats],
    *,
    note: str | None = None,
) -> "Figure":
    """Draw each true loss above its surrogate, both in the same colours.

    Seen from above, because a wall of a surface hides what lies behind it.

    Args:
        grid: Scores that were tried for either row, evenly spaced and increasing,
            shape `[points]`.
        titles: One for each loss.
        true_losses: Values `[points, points]`; the positive row's score runs along the
            first axis, the negative row's along the second.
        surrogate_losses: Values of the surrogates in the same form.
        note: Stands below the figure.

    Returns:
        Two rows of surfaces, a column and a colour bar for each loss.

    Raises:
        ValueError: If the titles and both lists of values differ in length, or values
            do not fit the grid.
        ImportError: If matplotlib is not installed.
    """
    _check(grid, titles, true_losses, surrogate_losses)
    figure = new_figure(2.1 * len(titles) + 0.6, 6.2)
    axes = figure.subplots(2, len(titles), squeeze=False, sharex=True, sharey=True)
    columns = zip(titles, true_losses, surrogate_losses, strict=True)
    for column, (title, true, learned) in enumerate(columns):
        low = float(min(true.min(), learned.min()))
        high = float(max(true.max(), learned.max()))
        for ax, values in zip(axes[:, column], (true, learned), strict=True):
            colours = ax.pcolormesh(
                grid,
                grid,
                values,
                shading="nearest",
                cmap=_LOW_IS_DARK,
                vmin=low,
                vmax=high,
                rasterized=True,  # thousands of squares would bloat an SVG
            )
            ax.set_aspect("equal")
        axes[0, column].set_title(title, fontsize=10)
        axes[1, column].set_xlabel("score of i (target 0)", fontsize=8)
        figure.colorbar(colours, ax=axes[:, column], location="bottom", shrink=0.9)
    for ax, name in zip(axes[:, 0], ("true loss", "learned surrogate"), strict=True):
        ax.set_ylabel(f"{name}\n\nscore of j (target 1)", fontsize=8)
    if note is not None:
        figure.supxlabel(note, fontsize=9)
    return figure


def _check(
    grid: Floats,
    titles: Sequence[str],
    true_losses: Sequence[Floats],
    surrogate_losses: Sequence[Floats],
) -> None:
    """Reject tables that do not belong together."""
    if not len(titles) == len(true_losses) == len(surrogate_losses) > 0:
        raise ValueError(
            "Each loss needs a title, a true and a surrogate surface, got "
            f"{len(titles)}, {len(true_losses)} and {len(surrogate_losses)}."
        )
    expected = (len(grid), len(grid))
    for values in (*true_losses, *surrogate_losses):
        if values.shape != expected:
            raise ValueError(
                f"A surface must have the shape {expected}, a value for every pair "
                f"of grid points, got {values.shape}."
            )
