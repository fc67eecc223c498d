"""Figures of a fit and of the studies, and the page that holds them.

Drawing needs the extra `plots`; the page does not.
"""

from losslearn.plots.convergence import draw_convergence
from losslearn.plots.critical_difference import (
    draw_critical_difference,
    indistinguishable,
)
from losslearn.plots.figures import render, save_figure
from losslearn.plots.learning_curves import (
    draw_fit,
    draw_losses,
    draw_scores,
    draw_surrogate_error,
    draw_thresholds,
    loss_by_threshold,
    warm_up_end,
)
from losslearn.plots.outcomes import Cell, draw_outcomes, percent_change
from losslearn.plots.page import Picture, Section, Table, Text, write_page
from losslearn.plots.single_parameter import (
    animate_single_parameter,
    draw_single_parameter,
)
from losslearn.plots.surfaces import draw_surfaces

__all__ = [
    "Cell",
    "Picture",
    "Section",
    "Table",
    "Text",
    "animate_single_parameter",
    "draw_convergence",
    "draw_critical_difference",
    "draw_fit",
    "draw_losses",
    "draw_outcomes",
    "draw_scores",
    "draw_single_parameter",
    "draw_surfaces",
    "draw_surrogate_error",
    "draw_thresholds",
    "indistinguishable",
    "loss_by_threshold",
    "percent_change",
    "render",
    "save_figure",
    "warm_up_end",
    "write_page",
]
