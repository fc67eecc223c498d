"""The steps of Algorithm 1 against updates written by hand."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from losslearn.metrics import TrueLoss, get_true_loss
from losslearn.models.networks import row_scorer, score_sets
from losslearn.surrogate.network import SetSurrogate
from losslearn.surrogate.objective import LearnedObjective
from losslearn.tasks.usual import CrossEntropy
from losslearn.training.algorithm import SurrogateLearner, model_step, surrogate_step
from losslearn.training.recipe import BilevelConfig
from losslearn.training.sampling import SetSampler

F1 = get_true_loss("f1")


class Line(nn.Module):
    """Two features, no offset."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor([0.3, -0.7], dtype=torch.double))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x @ self.w


@pytest.fixture
def batch() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(3, 8, 2, generator=generator, dtype=torch.double)
    y_true = torch.tensor([[1, 1, 1, 0, 0, 0, 0, 0]]).expand(3, 8)
    weight = torch.rand(3, 8, generator=generator, dtype=torch.double)
    return x, y_true, weight


def make_surrogate(seed: int = 0) -> SetSurrogate:
    torch.manual_seed(seed)
    return SetSurrogate(loss_scale=0.5).double()


def slope(function, at: torch.Tensor, step: float = 1e-6) -> torch.Tensor:
    """Gradient of a function of a tensor by central differences."""
    gradient = torch.zeros_like(at)
    for i in range(at.numel()):
        move = torch.zeros(at.numel(), dtype=at.dtype)
        move[i] = step
        move = move.reshape(at.shape)
        gradient.view(-1)[i] = (function(at + move) - function(at - move)) / (2 * step)
    return gradient


def test_model_step_is_the_update_of_line_6(batch):
    x, y_true, weight = batch
    surrogate, model = make_surrogate(), Line()
    before = model.w.detach().clone()

    def loss_at(w: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return surrogate(y_true, x @ w, sample_weight=weight).mean()

    expected = before - 0.1 * slope(loss_at, before)
    expected_value = loss_at(before).item()
    value = model_step(
        model,
        surrogate,
        torch.optim.SGD(model.parameters(), lr=0.1),
        x,
        y_true,
        sample_weight=weight,
    )
    assert torch.allclose(model.w, expected, atol=1e-8)
    assert value.item() == pytest.approx(expected_value)


def test_model_step_leaves_the_surrogate_alone(batch):
    x, y_true, weight = batch
    surrogate, model = make_surrogate(), Line()
    before = [p.detach().clone() for p in surrogate.parameters()]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model_step(model, surrogate, optimizer, x, y_true, sample_weight=weight)
    assert all(map(torch.equal, before, surrogate.parameters()))


def test_surrogate_step_is_the_update_of_line_11(batch):
    x, y_true, weight = batch
    surrogate = make_surrogate()
    y_score = x @ Line().w.detach()
    loss = torch.tensor([0.9, 0.1, 0.4], dtype=torch.double)
    last = surrogate.decoder[-1].weight
    before = last.detach().clone()

    def error_at(weights: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            last.copy_(weights)
            value = surrogate(y_true, y_score, sample_weight=weight)
            last.copy_(before)
        return (value - loss).abs().mean()

    # in units of the loss's spread, which is 0.5 here
    expected = before - 0.1 * slope(error_at, before) / 0.5
    expected_error = error_at(before).item()
    error = surrogate_step(
        surrogate,
        torch.optim.SGD(surrogate.parameters(), lr=0.1),
        y_true,
        y_score,
        loss,
        sample_weight=weight,
    )
    assert error.item() == pytest.approx(expected_error)
    assert torch.allclose(last, expected, atol=1e-8)


def test_set_without_a_loss_is_left_out_of_the_fit(batch):
    x, y_true, weight = batch
    y_score = x @ Line().w.detach()

    def stepped(keep: list[int], loss: list[float]) -> tuple[float, torch.Tensor]:
        surrogate = make_surrogate()
        error = surrogate_step(
            surrogate,
            torch.optim.SGD(surrogate.parameters(), lr=0.1),
            y_true[keep],
            y_score[keep],
            torch.tensor(loss, dtype=torch.double),
            sample_weight=weight[keep],
        )
        return error.item(), surrogate.decoder[-1].weight.detach()

    error, moved = stepped([0, 1, 2], [0.9, torch.nan, 0.4])
    expected_error, expected = stepped([0, 2], [0.9, 0.4])
    assert error == pytest.approx(expected_error)
    assert torch.allclose(moved, expected)


def test_step_is_clipped_to_the_norm(batch):
    x, y_true, weight = batch
    model = Line()
    before = model.w.detach().clone()
    model_step(
        model,
        CrossEntropy(),
        torch.optim.SGD(model.parameters(), lr=1.0),
        x,
        y_true,
        sample_weight=weight,
        max_grad_norm=1e-3,
    )
    assert (model.w - before).norm().item() == pytest.approx(1e-3, rel=1e-2)


def make_learner(config: BilevelConfig, loss: TrueLoss = F1) -> SurrogateLearner:
    generator = torch.Generator().manual_seed(0)
    surrogate = make_surrogate()
    return SurrogateLearner(surrogate, loss, config, generator=generator)


def table() -> tuple[torch.Tensor, SetSampler]:
    generator = torch.Generator().manual_seed(5)
    y_true = (torch.rand(400, generator=generator) < 0.2).long()
    x = torch.randn(400, 2, generator=generator, dtype=torch.double)
    x[:, 0] += y_true
    return x, SetSampler(y_true, batch_size=50, generator=generator)


def test_surrogate_gets_closer_to_the_true_loss():
    x, sampler = table()
    learner = make_learner(BilevelConfig(surrogate_lr=1e-2))
    first = learner.learn(row_scorer(Line(), x), sampler, steps=1)
    learner.learn(row_scorer(Line(), x), sampler, steps=200)
    assert learner.learn(row_scorer(Line(), x), sampler, steps=10) < 0.3 * first


def test_learning_leaves_model_and_batchnorm_parameters_alone():
    x, sampler = table()
    model = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Linear(4, 1)).double()
    before = [p.detach().clone() for p in model.parameters()]
    make_learner(BilevelConfig()).learn(row_scorer(model, x), sampler, steps=3)
    assert all(map(torch.equal, before, model.parameters()))


def test_copy_of_a_learner_learns_on_its_own():
    x, sampler = table()
    learner = make_learner(BilevelConfig())
    before = learner.surrogate.decoder[-1].weight.detach().clone()
    learner.copy().learn(row_scorer(Line(), x), sampler, steps=3)
    assert torch.equal(learner.surrogate.decoder[-1].weight, before)


def test_model_step_through_the_learned_objective_lowers_a_true_loss():
    x, sampler = table()
    model, loss = Line(), get_true_loss("auc")
    learner = make_learner(BilevelConfig(surrogate_lr=1e-2, n_sets=8, replay=1), loss)
    objective = LearnedObjective(learner.surrogate)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    rows = sampler.draw(64)

    def true_loss() -> float:
        with torch.no_grad():
            scores = score_sets(model, x[rows])
        return loss(sampler.y_set.expand(64, 50), scores).mean().item()

    before = true_loss()
    for _ in range(100):
        learner.learn(row_scorer(model, x), sampler, steps=2)
        sets, y_true = sampler.draw(8), sampler.y_set.expand(8, 50)
        model_step(model, objective, optimizer, x[sets], y_true)
    assert true_loss() < before - 0.1


@pytest.mark.parametrize("cross_entropy_weight", [0.0, 0.7])
def test_a_step_by_the_slope_is_the_one_through_the_graph(cross_entropy_weight):
    x, sampler = table()
    sets, y_true = sampler.draw(3), sampler.y_set.expand(3, 50)
    learned = LearnedObjective(
        make_surrogate(), cross_entropy_weight=cross_entropy_weight
    )

    def through_the_graph(*args, **kwargs):
        return learned(*args, **kwargs)

    models, losses = (Line(), Line()), []
    for model, objective in zip(models, (learned, through_the_graph), strict=True):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
        losses.append(model_step(model, objective, optimizer, x[sets], y_true))
        assert not torch.equal(model.w, Line().w)
    torch.testing.assert_close(*losses)
    torch.testing.assert_close(models[0].w, models[1].w)


def count_calls(config: BilevelConfig, turns: int) -> list[int]:
    """Sets valued in each of some turns."""
    x, sampler = table()
    true_loss = get_true_loss("f1")
    learner = make_learner(config, true_loss)
    valued = []

    def counted(y_true, y_score, *, sample_weight=None):
        valued.append(len(y_score))
        return true_loss(y_true, y_score, sample_weight=sample_weight)

    learner._true_loss = replace(true_loss, function=counted)
    for _ in range(turns):
        learner.learn(row_scorer(Line(), x), sampler, steps=2)
    return valued


def test_replay_values_a_share_of_the_sets_after_the_first_turn():
    assert count_calls(BilevelConfig(n_sets=4), 4) == [8, 2, 2, 2]
    assert count_calls(BilevelConfig(n_sets=4, replay=1), 3) == [8, 8, 8]
    assert count_calls(BilevelConfig(n_sets=4, replay=3), 3) == [8, 3, 3]


def test_replayed_sets_keep_their_scores_and_values_and_the_oldest_go():
    x, sampler = table()
    learner = make_learner(BilevelConfig(n_sets=2, replay=2, perturbation=0.0))
    seen = []
    fit = learner._fit

    def watched(y_true, y_score, loss, *rest):
        sets = zip(y_score.flatten(0, 1), loss.flatten(), strict=True)
        seen.append({float(value): score for score, value in sets})
        return fit(y_true, y_score, loss, *rest)

    learner._fit = watched
    for _ in range(3):
        learner.learn(row_scorer(Line(), x), sampler, steps=2)
    first, second, third = seen
    assert [len(turn) for turn in seen] == [4, 4, 4]
    assert len(first.keys() & second.keys()) == 2
    assert len(second.keys() & third.keys()) == 2
    assert not first.keys() & third.keys()
    assert all(torch.equal(first[key], second[key]) for key in first.keys() & second)
    true_loss = learner._true_loss
    for value, score in third.items():
        expected = true_loss(sampler.y_set, score, sample_weight=sampler.weight)
        assert value == pytest.approx(expected.item())


def test_surrogate_gets_close_with_replay_too():
    x, sampler = table()
    learner = make_learner(BilevelConfig(surrogate_lr=1e-2, replay=4))
    scores = row_scorer(Line(), x)
    first = learner.learn(scores, sampler, steps=1)
    for _ in range(50):
        learner.learn(scores, sampler, steps=4)
    assert learner.learn(scores, sampler, steps=10) < 0.5 * first
