"""Figures of a fit and of the studies, and the page that holds them.

Drawing needs the extra `plots`; the page does not.
"""

from losslearn.report.figures import render, save_figure
from losslearn_bench.figures.convergence import draw_convergence
from losslearn_bench.figures.critical_difference import (
    draw_critical_difference,
    indistinguishable,
)
from losslearn_bench.figures.outcomes import Cell, draw_outcomes, percent_change
from losslearn_bench.figures.page import Picture, Section, Table, Text, write_page
from losslearn_bench.figures.single_parameter import (
    animate_single_parameter,
    draw_single_parameter,
)
from losslearn_bench.figures.surfaces import draw_surfaces

__all__ = [
    "Cell",
    "Picture",
    "Section",
    "Table",
    "Text",
    "animate_single_parameter",
    "draw_convergence",
    "draw_critical_difference",
    "draw_outcomes",
    "draw_single_parameter",
    "draw_surfaces",
    "indistinguishable",
    "percent_change",
    "render",
    "save_figure",
    "write_page",
]
