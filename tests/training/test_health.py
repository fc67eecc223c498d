import math

import pytest
import torch
from criterion_cases import own_loss
from torch import nn

from losslearn import Sets, get_true_loss
from losslearn.models.predictor import TorchPredictor
from losslearn.models.rows import Rows
from losslearn.training.algorithm import draw_moved
from losslearn.training.sampling import SetSampler
from losslearn.training.trust import GradientHealth

N_SETS, N = 2_000, 6
Y_TRUE = torch.tensor([1, 1, 0, 0, 0, 0])
Y_SCORE = torch.randn(N, generator=torch.Generator().manual_seed(1))
WEIGHT = torch.ones(N)


class Fake:
    """A surrogate that is a known function of the scores."""

    def __init__(self, function) -> None:
        self.function = function

    def __call__(self, sets):
        assert sets.weight is not None
        assert sets.target.shape == sets.score.shape
        return self.function(sets.score)


def sets_of(n_sets: int, weight: torch.Tensor = WEIGHT) -> Sets:
    """The same set many times."""
    return Sets(Y_TRUE.expand(n_sets, N), Y_SCORE.expand(n_sets, N), weight)


def along(direction):
    direction = torch.as_tensor(direction, dtype=torch.float32)
    return lambda y_score: y_score @ direction


def bowl(y_score):
    """Of gradient (1, 2, ... 6) times the scores; to and fro it changes linearly."""
    return 0.5 * (y_score.square() * torch.arange(1.0, N + 1)).sum(-1)


def moved(sets: Sets, *, seed: int = 0, strength: float = 0.1) -> tuple[Sets, Sets]:
    """The sets with their scores moved one way, and the other."""
    generator = torch.Generator().manual_seed(seed)
    step = strength * torch.randn(sets.score.shape, generator=generator)
    there, back = (sets._replace(score=sets.score + one) for one in (step, -step))
    return there, back


def read(true, learned, *, readings: int = 1, n_sets: int = N_SETS, strength=0.1):
    health = GradientHealth(own_loss(lambda _, y_score: true(y_score)))
    for seed in range(readings):
        sets = sets_of(n_sets)
        health.read(Fake(learned), *moved(sets, seed=seed, strength=strength))
    return health


def standard_error(cosine: float) -> float:
    """Of a correlation of normal pairs, which the changes of linear functions are."""
    return (1 - cosine**2) / math.sqrt(N_SETS)


@pytest.mark.parametrize("factor", [1.0, 0.01, 300.0])
def test_a_surrogate_that_is_the_loss_up_to_scale_has_cosine_1_and_its_negative_less_1(
    factor,
):
    true = along([1, 2, 0, 0, -1, 3])
    for sign in (1, -1):
        health = read(true, lambda s, by=sign * factor: by * true(s) + 7)
        assert health.cosine == pytest.approx(sign, abs=1e-3)  # of single precision
        assert health.dead_share == 0
        assert not health.is_dead


A, B = [1.0, 2, 0, 0, -1, 3], [2.0, 0, 1, 0, 0, 1]
EXACT = 5 / math.sqrt(15 * 6)  # 1*2 + 3*1 over the norms


@pytest.mark.parametrize(
    ("true", "learned", "cosine"),
    [
        (along(A), along(B), EXACT),
        (along(A), along([-b for b in B]), -EXACT),
        (along([1, 0, 0, 0, 0, 0]), along([0, 1, 1, 0, 0, 0]), 0.0),
        (
            bowl,
            along(B),
            torch.cosine_similarity(
                Y_SCORE * torch.arange(1.0, N + 1), torch.tensor(B), dim=0
            ).item(),
        ),
    ],
)
def test_it_estimates_the_cosine_of_known_gradients(true, learned, cosine):
    found = read(true, learned).cosine
    # four standard errors: a false alarm is one in 16,000 seeds
    assert abs(found - cosine) < 4 * standard_error(cosine)


def test_strength_and_units_do_not_matter_to_linear_functions():
    usual = read(along(A), along(B)).cosine
    weak = read(along(A), along(B), strength=0.01)
    assert weak.cosine == pytest.approx(usual, abs=1e-3)
    other_units = read(along(A), lambda s: along(B)(s) / 50)
    assert other_units.cosine == pytest.approx(usual)


def test_without_a_reading_nothing_is_known():
    health = GradientHealth(get_true_loss("auc"))
    assert math.isnan(health.cosine)
    assert math.isnan(health.dead_share)
    assert not health.is_dead


@pytest.mark.parametrize("value", [0.0, 0.3])
def test_a_constant_loss_is_dead(value):
    health = read(lambda s: s[..., 0] * 0 + value, along(B))
    assert health.dead_share == 1
    assert math.isnan(health.cosine)
    assert health.is_dead


def test_a_constant_surrogate_is_dead_too():
    health = read(along(A), lambda s: s[..., 0] * 0)
    assert health.dead_share == 0
    assert math.isnan(health.cosine)
    assert health.is_dead


def test_dead_share_is_that_of_the_directions_without_a_change():
    # of the sign of one score: changes only where the noise takes it across 0
    def step(y_score):
        return (y_score[..., 0] > 0).float()

    reach = abs(Y_SCORE[0] / 2).item()  # in deviations of the moves
    expected = math.erf(reach / math.sqrt(2))
    found = read(step, along(B), strength=2.0).dead_share
    assert 0.2 < expected < 0.8
    # four standard errors
    assert abs(found - expected) < 4 * math.sqrt(expected * (1 - expected) / N_SETS)


def test_sets_without_a_loss_are_left_out():
    def half_known(y_score):
        values = along(A)(y_score)
        every_other = torch.arange(len(values)) % N_SETS % 2 == 0
        return torch.where(every_other, values, torch.nan)

    health = read(half_known, along(B))
    assert abs(health.cosine - EXACT) < 4 * math.sqrt(2) * standard_error(EXACT)
    assert health.dead_share == 0
    nothing = read(lambda s: s[..., 0] * torch.nan, along(B))
    assert math.isnan(nothing.cosine)
    assert math.isnan(nothing.dead_share)
    assert not nothing.is_dead


def test_old_readings_fade():
    health = read(lambda s: s[..., 0] * 0, along(B), n_sets=100)
    health._true_loss = own_loss(lambda _, s: along(A)(s))
    kept = 100.0
    for seed in range(3):
        health.read(Fake(along(A)), *moved(sets_of(100), seed=seed))
        kept *= 0.9
        new = 100 * sum(0.9**age for age in range(seed + 1))
        assert health.dead_share == pytest.approx(kept / (kept + new))
        assert health.is_dead == (health.dead_share >= 0.95)


@pytest.mark.parametrize("takes_weight", [True, False])
def test_only_a_loss_that_takes_weights_is_given_any(takes_weight):
    seen = []

    def function(y_true, y_score, *, sample_weight=None):
        seen.append(sample_weight)
        return (y_true * y_score).sum(-1)

    weight = torch.arange(1.0, N + 1)
    health = GradientHealth(own_loss(function, takes_weight=takes_weight))
    health.read(Fake(along(B)), *moved(sets_of(4, weight)))
    assert [w if w is None else w.tolist() for w in seen] == (
        [weight.tolist()] if takes_weight else [None]
    )


def test_the_state_goes_on_and_is_not_shared():
    health = read(along(A), along(B), readings=2, n_sets=50)
    restored = GradientHealth(health._true_loss)
    restored.load_state_dict(health.state_dict())
    assert restored.cosine == health.cosine
    kept = restored.state_dict()
    restored._sums[0] = 0.0
    assert kept == health.state_dict()


def test_a_gradient_right_in_the_scores_and_wrong_in_the_weights_is_found_out():
    # few rows, on which the learned loss is wrong, have features ten times as large
    target = (torch.arange(500) % 5 == 0).long()
    rows = Rows(1.0 + 9.0 * target.unsqueeze(-1).float(), target)
    generator = torch.Generator().manual_seed(0)
    sampler = SetSampler(target, batch_size=100, generator=generator)
    predictor = TorchPredictor(nn.Linear(1, 1, bias=False), rows, lr=0.1)
    true = own_loss(lambda _, y_score: y_score.mean(-1))

    def learned(sets):
        return ((1 - 2 * sets.target) * sets.score).mean(-1)

    by_scores, by_weights = GradientHealth(true), GradientHealth(true)
    drawn = sampler.draw(1_000)
    sets = rows.sets(drawn, predictor.scores(drawn.rows))
    by_scores.read(learned, *moved(sets))
    both = draw_moved(predictor, sampler, 16, 0.1, generator=generator)
    by_weights.read(learned, *both)
    assert by_scores.cosine == pytest.approx(0.8 - 0.2, abs=0.1)
    assert by_weights.cosine == pytest.approx(-1, abs=1e-3)
    assert (by_scores.trust, by_weights.trust) == (1.0, 0.0)
