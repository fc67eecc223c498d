"""The figure of a fit."""

import sys

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from losslearn.metrics.as_written import AsWritten
from losslearn.report.learning_curves import (
    draw_fit,
    draw_surrogate_error,
    draw_values,
    warm_up_end,
)


def record(method: str, iteration: int, seconds: float, loss: float, gap: float):
    keys = ("method", "iteration", "seconds", "validation_loss", "surrogate_error")
    return dict(zip(keys, (method, iteration, seconds, loss, gap), strict=True))


NAN = float("nan")
HISTORY = [
    record("surrogate", 10, 1.0, 0.9, NAN),
    record("surrogate", 20, 2.0, 0.5, NAN),
    record("surrogate", 30, 4.0, 0.3, 0.1),
    record("surrogate", 40, 6.0, 0.4, 0.05),
    record("cross_entropy", 10, 1.0, 0.9, NAN),
    record("cross_entropy", 20, 2.0, 0.5, NAN),
    record("cross_entropy", 30, 3.0, 0.45, NAN),
    record("cross_entropy", 40, 4.0, 0.44, NAN),
]


@pytest.fixture
def ax() -> Axes:
    return Figure().subplots()


@pytest.mark.parametrize("n_pictures", [0, 1, 2])
def test_a_fit_gives_a_png_with_its_title_and_its_pictures(monkeypatch, n_pictures):
    figures, drawn = [], []
    savefig = Figure.savefig
    monkeypatch.setattr(
        Figure,
        "savefig",
        lambda self, *args, **options: (
            figures.append(self),
            savefig(self, *args, **options),
        ),
    )
    history = [look | {"cosine": 0.5} for look in HISTORY]
    png = draw_fit(
        history,
        written=AsWritten("f1_loss"),
        chosen="surrogate",
        pictures=[drawn.append] * n_pictures,
        title="my fit",
    )
    assert png.startswith(b"\x89PNG")
    (figure,) = figures
    assert figure.get_suptitle() == "my fit"
    assert len(drawn) == n_pictures
    panels = [ax for ax in figure.axes if ax.get_visible()]
    *own, cosine = [ax for ax in panels if ax not in drawn]  # which shares its x axis
    assert len(own) == 2
    assert all(ax.get_xlabel() and ax.get_ylabel() for ax in own)
    assert "cosine" in cosine.get_ylabel()


def test_without_matplotlib_it_is_an_import_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError):
        draw_fit(HISTORY, written=AsWritten("f1_loss"), chosen="surrogate")


def test_the_warm_up_ends_where_the_methods_part():
    assert warm_up_end(HISTORY) == 20
    assert warm_up_end(HISTORY[2:4] + HISTORY[6:]) == 0
    assert warm_up_end([]) == 0


def test_the_losses_are_drawn_with_their_best_and_the_early_ones_cut_off(ax):
    draw_values(ax, HISTORY, written=AsWritten("f1_loss"), chosen="surrogate")
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend == [
        "warm-up, shared by both",
        "learned surrogate (best 0.3, used)",
        "cross-entropy (best 0.44)",
    ]
    marked = [line.get_xydata()[0] for line in ax.lines if len(line.get_xdata()) == 1]
    np.testing.assert_array_equal(marked, [[30, 0.3], [40, 0.44]])
    assert ax.get_ylim() == pytest.approx((0.3 - 0.08 * 0.6, 0.9 + 0.35 * 0.6))
    settled = [look | {"iteration": 10 * look["iteration"]} for look in HISTORY]
    early = [record(r["method"], 1, 0.1, 9.0, NAN) for r in (HISTORY[0], HISTORY[4])]
    other = Figure().subplots()
    draw_values(
        other, early + settled, written=AsWritten("f1_loss"), chosen="surrogate"
    )
    assert other.get_ylim()[1] < 1.2


def test_a_metric_to_be_raised_is_drawn_as_it_is_written(ax):
    draw_values(ax, HISTORY, written=AsWritten("f1", 1.0, -1.0), chosen="surrogate")
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend[1:] == [
        "learned surrogate (best 0.7, used)",
        "cross-entropy (best 0.56)",
    ]
    marked = [line.get_xydata()[0] for line in ax.lines if len(line.get_xdata()) == 1]
    np.testing.assert_allclose(marked, [[30, 0.7], [40, 0.56]])
    assert ax.get_ylabel() == "f1, higher is better"


def test_the_surrogate_error_is_drawn_or_said_to_be_absent(ax):
    draw_surrogate_error(ax, HISTORY)
    (line,) = ax.lines
    np.testing.assert_array_equal(line.get_xydata(), [[30, 0.1], [40, 0.05]])
    other = Figure().subplots()
    draw_surrogate_error(other, HISTORY[:2])
    assert [text.get_text() for text in other.texts] == ["not learned during this fit"]
