"""Pictures of a fit of two classes."""

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from losslearn import Sets, as_true_loss, get_true_loss
from losslearn.tasks.pictures import draw_scores, draw_thresholds, loss_by_threshold
from losslearn.tasks.rules.simple import ConstantRule, ThresholdRule
from losslearn.tasks.thresholds import evaluate


def make_rows(n: int = 60) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return (rng.random(n) < 0.3).astype(np.int64), rng.normal(size=n)


@pytest.fixture
def ax() -> Axes:
    return Figure().subplots()


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
    y, y_score = make_rows()
    y_score = y_score.round(1)
    thresholds, losses = loss_by_threshold(loss, y, y_score)
    np.testing.assert_array_equal(thresholds, np.unique(y_score))
    for threshold, got in zip(thresholds, losses, strict=True):
        rows = (torch.from_numpy(y), torch.from_numpy(y_score))
        expected = evaluate(loss, *rows, threshold=float(threshold))
        assert got == pytest.approx(expected)


def test_a_loss_without_threshold_shows_the_error_rate(ax):
    y, y_score = make_rows()
    sets = Sets(torch.from_numpy(y), torch.from_numpy(y_score))
    rule = ThresholdRule(0.5)
    draw_thresholds(ax, get_true_loss("auc"), sets, rule, threshold=0.5)
    assert "roc_auc_loss needs none" in ax.get_title()
    assert "error_rate" in ax.get_ylabel()
    chosen = ax.lines[-1].get_xydata()[0]
    np.testing.assert_allclose(chosen, [0.5, np.mean((y_score >= 0.5) != y)])


def test_a_rule_without_a_threshold_is_a_line_across(ax):
    y, y_score = make_rows()
    sets = Sets(torch.from_numpy(y), torch.from_numpy(y_score))
    rule, loss = ConstantRule("everybody"), get_true_loss("error_rate")
    draw_thresholds(ax, loss, sets, rule, threshold=None)
    np.testing.assert_allclose(ax.lines[-1].get_ydata(), np.mean(y == 0))
    assert ax.texts[0].get_text().startswith("everybody: 0.")
    draw_scores(ax, y, y_score, threshold=None)
