"""Average ranks of methods, and which of them cannot be told apart."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from losslearn.report.figures import new_figure
from losslearn.report.palette import INK, VERMILION

_LETTER = 0.16
"""More than the width of any letter, in inches."""


def draw_critical_difference(
    average_ranks: Mapping[str, float], critical_difference: float, *, title: str
) -> Figure:
    """Draw average ranks on an axis, best at the left, bars joining what is not apart.

    Two methods are, where their ranks differ by the critical difference or more: the
    diagram of Demšar (2006), "Statistical Comparisons of Classifiers over Multiple Data
    Sets".
    """
    import pandas as pd
    from scikit_posthocs import critical_difference_diagram

    labels, ranks = list(average_ranks), np.array(list(average_ranks.values()))
    apart = np.abs(ranks[:, None] - ranks) >= critical_difference
    longest = max(map(len, labels)) + len(" (9.99)")
    figure = new_figure(4.2 + 2 * _LETTER * longest, 0.3 * (len(labels) // 2) + 2.2)
    ax = figure.subplots()
    critical_difference_diagram(
        pd.Series(ranks, index=labels),
        pd.DataFrame(np.where(apart, 0.0, 1.0), index=labels, columns=labels),
        ax=ax,
        label_fmt_left="{label} ({rank:.2f})",
        label_fmt_right="({rank:.2f}) {label}",
        elbow_props={"color": INK, "linewidth": 0.9},
        crossbar_props={"color": VERMILION, "linewidth": 4},
        label_props={"fontsize": 10},
    )
    title = f"{title}\ncritical difference {critical_difference:.2f}"
    figure.suptitle(title, fontsize=11)
    for _ in range(2):  # the layout comes near to one in which all text has room
        figure.draw_without_rendering()
    return figure
