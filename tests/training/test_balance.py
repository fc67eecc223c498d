import math

import pytest
import torch
from core_cases import objective_of

from losslearn import Sets, get_true_loss
from losslearn.surrogate.network import SetSurrogate
from losslearn.tasks.tokens import ScoreTokens
from losslearn.training.sampling import SetSampler
from losslearn.training.trust import Balance

Y_TRUE = (torch.arange(200) % 5 == 0).long()


class Ranks(SetSurrogate):
    """Lower where positives score higher, or where they score lower."""

    def __init__(self, sign: float) -> None:
        super().__init__(ScoreTokens())
        self.sign = sign

    def forward(self, sets):
        return 0.1 * self.sign * ((1 - 2 * sets.target) * sets.score).mean(-1)


def balance_of(surrogate: SetSurrogate, usual_weight: float = 5.0):
    objective = objective_of(surrogate, usual_weight=usual_weight)
    return Balance(objective, get_true_loss("auc")), objective


def read(balance: Balance) -> None:
    generator = torch.Generator().manual_seed(0)
    sampler = SetSampler(Y_TRUE, batch_size=100, generator=generator)
    target = Y_TRUE[sampler.draw(16).rows]
    noise, step = torch.randn(2, 16, 100, generator=generator)
    sets = Sets(target, noise + target, sampler.weight)
    both = (sets._replace(score=sets.score + by * step) for by in (0.1, -0.1))
    balance.read(*both)


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
    balance, objective = balance_of(Ranks(-1.0), usual_weight=0.0)
    read(balance)
    assert objective.weights == (0.0, 1.0)


def test_the_usual_loss_counts_less_after_a_good_round_and_more_after_a_bad_one():
    balance, objective = balance_of(Ranks(1.0))
    balance.end_round(is_behind=False)
    assert objective.weights.usual == pytest.approx(5 / 3)
    balance.end_round(is_behind=True)
    balance.end_round(is_behind=True)
    assert objective.weights.usual == pytest.approx(15)
    assert objective.weights.learned == 1.0


def test_the_usual_loss_comes_back_from_nothing():
    balance, objective = balance_of(Ranks(1.0), usual_weight=0.0)
    balance.end_round(is_behind=False)
    assert objective.weights.usual == 0.0
    balance.end_round(is_behind=True)
    assert objective.weights.usual == pytest.approx(0.3)


@pytest.mark.parametrize(("start", "most"), [(5.0, 20.0), (50.0, 50.0)])
def test_the_usual_loss_leaves_something_of_the_learned_loss(start, most):
    balance, objective = balance_of(Ranks(1.0), usual_weight=start)
    for _ in range(9):
        balance.end_round(is_behind=True)
    assert objective.weights.usual == most
    balance.end_round(is_behind=False)
    assert objective.weights.usual == pytest.approx(most / 3)
