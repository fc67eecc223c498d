import sys

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from losslearn import SurrogateClassifier, as_true_loss, get_true_loss
from losslearn.report.learning_curves import (
    draw_fit,
    draw_losses,
    draw_scores,
    draw_surrogate_error,
    draw_thresholds,
    loss_by_threshold,
    warm_up_end,
)


def make_rows(n: int = 200) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(n, 3)).astype(np.float32)
    return X, (X[:, 0] + rng.normal(size=n) > 1).astype(np.int64)


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


@pytest.mark.parametrize("metric", ["f1", "auc", "f1_weighted"])
def test_a_fit_gives_a_png_with_its_title(metric, monkeypatch):
    figures = []
    savefig = Figure.savefig
    monkeypatch.setattr(
        Figure,
        "savefig",
        lambda self, *args, **options: (
            figures.append(self),
            savefig(self, *args, **options),
        ),
    )
    X, y = make_rows()
    classifier = SurrogateClassifier(
        metric,
        mode="scratch",
        model="linear",
        max_iter=6,
        rounds=1,
        catch_up=0,
        n_sets=1,
        random_state=0,
    ).fit(X, y)
    png = draw_fit(classifier, X, y, title="my fit")
    assert png.startswith(b"\x89PNG")
    (figure,) = figures
    assert figure.get_suptitle() == "my fit"
    *panels, cosine = figure.axes  # which shares its x axis with a panel
    assert all(ax.get_xlabel() and ax.get_ylabel() for ax in panels)
    assert "cosine" in cosine.get_ylabel()


def test_without_matplotlib_it_is_an_import_error(monkeypatch):
    X, y = make_rows()
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    classifier = SurrogateClassifier("f1", mode="scratch", max_iter=1)
    with pytest.raises(ImportError):
        draw_fit(classifier, X, y)


def test_the_warm_up_ends_where_the_methods_part():
    assert warm_up_end(HISTORY) == 20
    assert warm_up_end(HISTORY[2:4] + HISTORY[6:]) == 0
    assert warm_up_end([]) == 0


def test_the_losses_are_drawn_with_their_best_and_the_early_ones_cut_off(ax):
    draw_losses(ax, HISTORY, name="f1_loss", chosen="surrogate")
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
    draw_losses(other, early + settled, name="f1_loss", chosen="surrogate")
    assert other.get_ylim()[1] < 1.2


def test_the_surrogate_error_is_drawn_or_said_to_be_absent(ax):
    draw_surrogate_error(ax, HISTORY)
    (line,) = ax.lines
    np.testing.assert_array_equal(line.get_xydata(), [[30, 0.1], [40, 0.05]])
    other = Figure().subplots()
    draw_surrogate_error(other, HISTORY[:2])
    assert [text.get_text() for text in other.texts] == ["not learned during this fit"]


def test_each_class_is_a_distribution_of_its_own(ax, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        Axes, "hist", lambda _, scores, **how: drawn.append((scores, how))
    )
    y = np.array([0] * 90 + [1] * 10)
    draw_scores(ax, y, np.linspace(-1, 1, 100), threshold=5.0)
    for scores, how in drawn:
        assert len(scores) in (90, 10)
        assert how["weights"].sum() == pytest.approx(1)
        assert how["bins"][0] <= scores.min()
        assert scores.max() <= how["bins"][-1]
    low, high = ax.get_xlim()
    assert low < -1
    assert high > 5


@pytest.mark.parametrize("metric", ["f1", "f1_weighted"])
def test_the_loss_by_threshold_is_the_loss_at_each_threshold(metric):
    loss = as_true_loss(metric)
    _, y = make_rows(60)
    y_score = np.random.default_rng(0).normal(size=60).round(1)
    thresholds, losses = loss_by_threshold(loss, y, y_score)
    np.testing.assert_array_equal(thresholds, np.unique(y_score))
    for threshold, got in zip(thresholds, losses, strict=True):
        at = loss.with_threshold(float(threshold))
        expected = at(torch.from_numpy(y), torch.from_numpy(y_score))
        assert got == pytest.approx(float(expected))


def test_a_loss_without_threshold_shows_the_error_rate(ax):
    _, y = make_rows(60)
    y_score = np.random.default_rng(0).normal(size=60)
    draw_thresholds(ax, get_true_loss("auc"), y, y_score, threshold=0.5)
    assert "roc_auc_loss needs none" in ax.get_title()
    assert "error_rate" in ax.get_ylabel()
    chosen = ax.lines[-1].get_xydata()[0]
    np.testing.assert_allclose(chosen, [0.5, np.mean((y_score >= 0.5) != y)])
