import math

import pytest
import torch

from losslearn import get_true_loss
from losslearn.surrogate.network import SetSurrogate
from losslearn.surrogate.objective import LearnedObjective
from losslearn.training.algorithm import DrawnSets
from losslearn.training.sampling import SetSampler
from losslearn.training.trust import Balance

Y_TRUE = (torch.arange(200) % 5 == 0).long()


class Ranks(SetSurrogate):
    """Lower where positives score higher, or where they score lower."""

    def __init__(self, sign: float) -> None:
        super().__init__()
        self.sign = sign

    def forward(self, y_true, y_score, *, sample_weight=None):
        del sample_weight
        return 0.1 * self.sign * ((1 - 2 * y_true) * y_score).mean(-1)


def balance_of(surrogate: SetSurrogate, cross_entropy_weight: float = 5.0):
    objective = LearnedObjective(surrogate, cross_entropy_weight=cross_entropy_weight)
    return Balance(objective, get_true_loss("auc")), objective


def read(balance: Balance) -> None:
    generator = torch.Generator().manual_seed(0)
    sampler = SetSampler(Y_TRUE, batch_size=100, generator=generator)

    def draw(n_sets: int) -> DrawnSets:
        noise = torch.randn(n_sets, 100, generator=generator)
        return DrawnSets(noise + sampler.y_set)

    balance.read(draw, sampler, generator=generator)


def test_until_it_is_read_the_learned_loss_counts_in_full():
    balance, objective = balance_of(Ranks(1.0))
    assert objective.weights == (1.0, 5.0)
    assert math.isnan(balance.reading().cosine)


def test_a_right_gradient_is_followed_and_a_wrong_one_is_not():
    right, followed = balance_of(Ranks(1.0))
    wrong, left = balance_of(Ranks(-1.0))
    read(right)
    read(wrong)
    # the same draws, and the sign is all that differs
    assert right.health.cosine == pytest.approx(-wrong.health.cosine)
    assert right.health.cosine > 0.4  # of full trust
    assert followed.weights == (1.0, 5.0)
    assert left.weights == (0.0, 5.0)
    assert right.reading()[3:] == (1.0, 5.0)


def test_something_always_leads():
    balance, objective = balance_of(Ranks(-1.0), cross_entropy_weight=0.0)
    read(balance)
    assert objective.weights == (0.0, 1.0)


def test_cross_entropy_counts_less_after_a_good_round_and_more_after_a_bad_one():
    balance, objective = balance_of(Ranks(1.0))
    balance.end_round(is_behind=False)
    assert objective.weights.cross_entropy == pytest.approx(5 / 3)
    balance.end_round(is_behind=True)
    balance.end_round(is_behind=True)
    assert objective.weights.cross_entropy == pytest.approx(15)
    assert objective.weights.learned == 1.0


def test_cross_entropy_comes_back_from_nothing():
    balance, objective = balance_of(Ranks(1.0), cross_entropy_weight=0.0)
    balance.end_round(is_behind=False)
    assert objective.weights.cross_entropy == 0.0
    balance.end_round(is_behind=True)
    assert objective.weights.cross_entropy == pytest.approx(0.3)


@pytest.mark.parametrize(("start", "most"), [(5.0, 20.0), (50.0, 50.0)])
def test_cross_entropy_leaves_something_of_the_learned_loss(start, most):
    balance, objective = balance_of(Ranks(1.0), cross_entropy_weight=start)
    for _ in range(9):
        balance.end_round(is_behind=True)
    assert objective.weights.cross_entropy == most
    balance.end_round(is_behind=False)
    assert objective.weights.cross_entropy == pytest.approx(most / 3)
