"""Empty figures in one style, and figures as files."""

import io
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from losslearn._files import write_whole as write_whole
from losslearn.report.palette import GRID

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DPI = 130


def new_figure(width: float, height: float) -> "Figure":
    """Return an empty figure, in inches, unknown to any window or global state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    engine = ConstrainedLayoutEngine(hspace=0.06, wspace=0.06)
    figure = Figure(figsize=(width, height), layout=engine)
    FigureCanvasAgg(figure)
    return figure


def tidy(ax: "Axes", *, grid: Literal["x", "y"] = "y") -> None:
    """Leave the left and the lower spine and a faint grid behind the data."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis=grid, color=GRID, linewidth=0.6)
    ax.set_axisbelow(True)


def render(figure: "Figure", form: Literal["png", "svg"]) -> bytes:
    """Return the figure as a file's content; equal figures give equal bytes."""
    import matplotlib as mpl

    buffer = io.BytesIO()
    metadata = {"Date": None} if form == "svg" else {}
    # without, an SVG's names come from chance; a PNG bears no date anyway
    with mpl.rc_context({"svg.hashsalt": "losslearn", "svg.fonttype": "path"}):
        figure.savefig(buffer, format=form, dpi=_DPI, metadata=metadata)
    return buffer.getvalue()


def save_figure(figure: "Figure", stem: Path) -> list[Path]:
    """Write a figure as `stem.png` and `stem.svg`, each as `write_whole` does.

    A dot in the stem belongs to the name.
    """
    contents = {
        stem.with_name(f"{stem.name}.{form}"): render(figure, form)
        for form in ("png", "svg")
    }
    for path, content in contents.items():
        write_whole(path, content)
    return [*contents]
