import numpy as np
import pytest
import torch

from losslearn.tasks.calibration import Platt


def draw(slope: float, intercept: float, n: int = 50_000):
    generator = torch.Generator().manual_seed(0)
    y_score = 3 * torch.randn(n, generator=generator) + 100
    log_odds = slope * (y_score - 100) + intercept
    y_true = torch.rand(n, generator=generator) < torch.sigmoid(log_odds)
    return y_score, y_true.long()


def test_known_line_is_found():
    curve = Platt.fit(*draw(0.7, -1.5))
    assert curve.slope == pytest.approx(0.7, rel=0.05)
    assert curve.intercept + 100 * curve.slope == pytest.approx(-1.5, rel=0.05)


def test_scores_the_wrong_way_round_give_the_prevalence():
    y_score, y_true = draw(-0.7, -1.5)
    curve = Platt.fit(y_score, y_true)
    assert curve.slope == 0
    assert curve.probability(np.zeros(1)) < 0.5


def test_equal_scores_give_the_prevalence():
    y_true = torch.tensor([0, 0, 0, 1] * 100)
    curve = Platt.fit(torch.full((400,), 2.0), y_true)
    assert curve.probability(np.array([2.0])) == pytest.approx(0.25, abs=0.01)
