import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss

from losslearn.baselines import CrossEntropy


@pytest.mark.parametrize("weighted", [False, True])
def test_cross_entropy_is_scikit_learns_log_loss(weighted):
    rng = np.random.default_rng(0)
    y_true = rng.integers(0, 2, (3, 50))
    y_score = rng.normal(scale=3, size=(3, 50))
    weight = rng.uniform(0.1, 2, 50) if weighted else None
    got = CrossEntropy()(
        torch.from_numpy(y_true),
        torch.from_numpy(y_score),
        sample_weight=None if weight is None else torch.from_numpy(weight),
    )
    for i in range(3):
        probability = 1 / (1 + np.exp(-y_score[i]))
        expected = log_loss(y_true[i], probability, sample_weight=weight)
        assert got[i].item() == pytest.approx(expected)


def test_cross_entropy_stays_finite_for_huge_scores():
    value = CrossEntropy()(torch.tensor([0, 1]), torch.tensor([1e4, -1e4]))
    assert value.item() == pytest.approx(1e4)
