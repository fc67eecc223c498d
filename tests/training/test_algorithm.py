"""The steps of Algorithm 1 against updates written by hand."""

from dataclasses import replace

import pytest
import torch
from core_cases import StepBySgd, new_learner, new_surrogate, objective_of, step_model
from torch import nn

from losslearn._fast import as_written
from losslearn.metrics import Sets, TrueLoss, get_true_loss
from losslearn.models.networks import score_sets
from losslearn.models.predictor import TorchPredictor
from losslearn.models.rows import Drawn, Rows
from losslearn.surrogate.fitter import SurrogateFitter
from losslearn.surrogate.network import SetSurrogate
from losslearn.surrogate.objective import LearnedObjective
from losslearn.tasks.cross_entropy import CrossEntropy
from losslearn.training.algorithm import draw_scored
from losslearn.training.lower import SurrogateLearner
from losslearn.training.recipe import Recipe
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
    return new_surrogate(loss_scale=0.5).double()


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
            return surrogate(Sets(y_true, x @ w, weight)).mean()

    expected = before - 0.1 * slope(loss_at, before)
    expected_value = loss_at(before).item()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    value = step_model(model, surrogate, optimizer, x, y_true, weight)
    assert torch.allclose(model.w, expected, atol=1e-8)
    assert value.item() == pytest.approx(expected_value)


def test_model_step_leaves_the_surrogate_alone(batch):
    x, y_true, weight = batch
    surrogate, model = make_surrogate(), Line()
    before = [p.detach().clone() for p in surrogate.parameters()]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    step_model(model, objective_of(surrogate), optimizer, x, y_true, weight)
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
            value = surrogate(Sets(y_true, y_score, weight))
            last.copy_(before)
        return (value - loss).abs().mean()

    # in units of the loss's spread, which is 0.5 here
    expected = before - 0.1 * slope(error_at, before) / 0.5
    expected_error = error_at(before).item()
    fitter = SurrogateFitter(surrogate, CrossEntropy(), lr=0.1)
    fitter.descent = StepBySgd(surrogate.parameters(), lr=0.1)
    error = fitter.step(Sets(y_true, y_score, weight), loss)
    assert error.item() == pytest.approx(expected_error)
    assert torch.allclose(last, expected, atol=1e-8)


def test_set_without_a_loss_is_left_out_of_the_fit(batch):
    x, y_true, weight = batch
    y_score = x @ Line().w.detach()

    def stepped(keep: list[int], loss: list[float]) -> tuple[float, torch.Tensor]:
        surrogate = make_surrogate()
        fitter = SurrogateFitter(surrogate, CrossEntropy(), lr=0.1)
        fitter.descent = StepBySgd(surrogate.parameters(), lr=0.1)
        sets = Sets(y_true[keep], y_score[keep], weight[keep])
        error = fitter.step(sets, torch.tensor(loss, dtype=torch.double))
        return error.item(), surrogate.decoder[-1].weight.detach()

    error, moved = stepped([0, 1, 2], [0.9, torch.nan, 0.4])
    expected_error, expected = stepped([0, 2], [0.9, 0.4])
    assert error == pytest.approx(expected_error)
    assert torch.allclose(moved, expected)


def test_step_is_clipped_to_the_norm(batch):
    x, y_true, _ = batch
    rows, moved = Rows(x[0], y_true[0]), []
    for max_grad_norm in (1e-3, 2e-3):
        model = Line()
        before = model.w.detach().clone()
        with as_written():
            predictor = TorchPredictor(model, rows, lr=1.0, max_grad_norm=max_grad_norm)
        sgd = torch.optim.SGD(model.parameters(), lr=1.0)
        predictor.descent.optimizer = sgd
        predictor.descend(CrossEntropy(), Drawn(torch.arange(8)[None]))
        moved.append((model.w - before).norm().item())
    assert moved == pytest.approx([1e-3, 2e-3], rel=1e-2)


def make_learner(config: Recipe, loss: TrueLoss = F1) -> SurrogateLearner:
    return new_learner(make_surrogate(), loss, config)


def table() -> tuple[Rows, SetSampler]:
    generator = torch.Generator().manual_seed(5)
    y_true = (torch.rand(400, generator=generator) < 0.2).long()
    x = torch.randn(400, 2, generator=generator, dtype=torch.double)
    x[:, 0] += y_true
    return Rows(x, y_true), SetSampler(y_true, batch_size=50, generator=generator)


def drawer(model: nn.Module, rows: Rows, sampler: SetSampler):
    """What draws sets of a model's scores."""
    predictor = TorchPredictor(model, rows, lr=1e-3)
    return lambda n_sets: draw_scored(predictor, sampler, n_sets)


def test_surrogate_gets_closer_to_the_true_loss():
    x, sampler = table()
    learner = make_learner(Recipe(surrogate_lr=1e-2))
    first = learner.learn(drawer(Line(), x, sampler), steps=1)
    learner.learn(drawer(Line(), x, sampler), steps=200)
    assert learner.learn(drawer(Line(), x, sampler), steps=10) < 0.3 * first


def test_learning_leaves_model_and_batchnorm_parameters_alone():
    x, sampler = table()
    model = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Linear(4, 1)).double()
    before = [p.detach().clone() for p in model.parameters()]
    make_learner(Recipe()).learn(drawer(model, x, sampler), steps=3)
    assert all(map(torch.equal, before, model.parameters()))


def test_model_step_through_the_learned_objective_lowers_a_true_loss():
    rows, sampler = table()
    model, loss = Line(), get_true_loss("auc")
    learner = make_learner(Recipe(surrogate_lr=1e-2, n_sets=8, replay=1), loss)
    objective = LearnedObjective(learner.fitter)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    drawn = sampler.draw(64)

    def true_loss() -> float:
        with torch.no_grad():
            score = score_sets(model, rows.x[drawn.rows])
        return loss(rows.sets(drawn, score)).mean().item()

    before = true_loss()
    for _ in range(100):
        learner.learn(drawer(model, rows, sampler), steps=2)
        sets = sampler.draw(8).rows
        step_model(model, objective, optimizer, rows.x[sets], rows.target[sets])
    assert true_loss() < before - 0.1


@pytest.mark.parametrize("usual_weight", [0.0, 0.7])
def test_a_step_by_the_slope_is_the_one_through_the_graph(usual_weight):
    rows, sampler = table()
    sets = sampler.draw(3)
    y_true = rows.target[sets.rows]
    learned = objective_of(make_surrogate(), usual_weight=usual_weight)

    def through_the_graph(sets):
        return learned(sets)

    models, losses = (Line(), Line()), []
    for model, objective in zip(models, (learned, through_the_graph), strict=True):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
        x = rows.x[sets.rows]
        losses.append(step_model(model, objective, optimizer, x, y_true))
        assert not torch.equal(model.w, Line().w)
    torch.testing.assert_close(*losses)
    torch.testing.assert_close(models[0].w, models[1].w)


def count_calls(config: Recipe, turns: int) -> list[int]:
    """Sets valued in each of some turns."""
    x, sampler = table()
    true_loss = get_true_loss("f1")
    learner = make_learner(config, true_loss)
    valued = []

    def counted(y_true, y_score, *, sample_weight=None):
        valued.append(len(y_score))
        return true_loss(Sets(y_true, y_score, sample_weight))

    learner.true_loss = replace(true_loss, function=counted)
    for _ in range(turns):
        learner.learn(drawer(Line(), x, sampler), steps=2)
    return valued


def test_replay_values_a_share_of_the_sets_after_the_first_turn():
    assert count_calls(Recipe(n_sets=4), 4) == [8, 2, 2, 2]
    assert count_calls(Recipe(n_sets=4, replay=1), 3) == [8, 8, 8]
    assert count_calls(Recipe(n_sets=4, replay=3), 3) == [8, 3, 3]


def test_replayed_sets_keep_their_scores_and_values_and_the_oldest_go():
    x, sampler = table()
    learner = make_learner(Recipe(n_sets=2, replay=2, perturbation=0.0))
    seen = []
    fit = learner.fitter.fit

    def watched(sets, loss):
        values = zip(sets.score.flatten(0, 1), loss.flatten(), strict=True)
        seen.append({float(value): score for score, value in values})
        targets = sets.target.flatten(0, 1)
        assert torch.equal(targets, targets[:1].expand_as(targets))  # stratified
        return fit(sets, loss)

    learner.fitter.fit = watched
    for _ in range(3):
        learner.learn(drawer(Line(), x, sampler), steps=2)
    first, second, third = seen
    assert [len(turn) for turn in seen] == [4, 4, 4]
    assert len(first.keys() & second.keys()) == 2
    assert len(second.keys() & third.keys()) == 2
    assert not first.keys() & third.keys()
    assert all(torch.equal(first[key], second[key]) for key in first.keys() & second)
    true_loss = learner.true_loss
    target = x.target[sampler.draw(1).rows[0]]
    for value, score in third.items():
        expected = true_loss(Sets(target, score, sampler.weight))
        assert value == pytest.approx(expected.item())


def test_surrogate_gets_close_with_replay_too():
    x, sampler = table()
    learner = make_learner(Recipe(surrogate_lr=1e-2, replay=4))
    draw = drawer(Line(), x, sampler)
    first = learner.learn(draw, steps=1)
    for _ in range(50):
        learner.learn(draw, steps=4)
    assert learner.learn(draw, steps=10) < 0.5 * first
