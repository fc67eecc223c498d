"""The compiled models against PyTorch's, step by step."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from losslearn._fast.descent import ClippedAdam
from losslearn._fast.fused import FusedModel, Weights
from losslearn._fast.kernels.feed_forward import keep
from losslearn.metrics import get_true_loss
from losslearn.models.networks import MLP, Linear, row_scorer
from losslearn.surrogate.network import SetSurrogate
from losslearn.surrogate.objective import LearnedObjective, fused_parts
from losslearn.tasks.usual import CrossEntropy
from losslearn.training.loop import Trainer, TrainingData
from losslearn.training.recipe import BilevelConfig


class GivenDropout(nn.Module):
    """Dropout by masks that are handed in."""

    def __init__(self) -> None:
        super().__init__()
        self.mask = torch.ones(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.mask


def make_model(name: str, x: torch.Tensor, *, seed: int = 0, **settings) -> nn.Module:
    torch.manual_seed(seed)
    kinds = {"linear": Linear, "mlp": MLP}
    model = kinds[name](x.shape[1], **settings)
    model.standardizer.fit(x)
    return model


def draw_table(n_rows: int, n_features: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    x = 2 * torch.randn(n_rows, n_features, generator=generator) + 1
    x[:, 0] = 5.0  # a constant feature
    return x


def make_fused(model: nn.Module, x: torch.Tensor, **adam) -> FusedModel:
    settings = {"lr": 1e-2, "max_grad_norm": 1.0, **adam}
    fused = FusedModel.of(model, ClippedAdam(model.parameters(), **settings), x)
    assert fused is not None
    return fused


def make_objective(kind: str) -> CrossEntropy | LearnedObjective:
    if kind == "cross_entropy":
        return CrossEntropy()
    torch.manual_seed(1)
    surrogate = SetSurrogate(loss_shift=0.4, loss_scale=0.2)
    objective = LearnedObjective(surrogate)
    if kind == "blend":
        objective.weights = Weights(0.3, 0.7)
    return objective


def step(fused: FusedModel, rows, y_true, weight, objective) -> torch.Tensor:
    parts = fused_parts(objective)
    return fused.steps(
        rows,
        y_true,
        sample_weight=weight,
        surrogate=parts.surrogate,
        weights=parts.weights,
    )


@pytest.mark.parametrize("name", ["linear", "mlp"])
@pytest.mark.parametrize("kind", ["learned", "blend", "cross_entropy"])
def test_hundred_steps_have_pytorchs_scores_and_gradients(name, kind):
    """Each from the same weights: Adam would blow rounding up along the way."""
    x = draw_table(500, 7)
    settings = {"dropout": 0.0} if name == "mlp" else {}
    model = make_model(name, x, **settings)
    exact = copy.deepcopy(model).double()
    fused = make_fused(model, x, max_grad_norm=None)
    objective, reference = make_objective(kind), make_objective(kind).double()
    generator = torch.Generator().manual_seed(0)
    y_true = (torch.arange(40) < 12).long()
    weight = 0.1 + torch.rand(40, generator=generator)
    for _ in range(100):
        exact.load_state_dict(model.state_dict())
        rows = torch.randint(500, (1, 40), generator=generator)
        scores = step(fused, rows, y_true, weight, objective)[0]
        exact.zero_grad()
        expected = exact(x[rows[0]].double())
        reference(y_true, expected, sample_weight=weight.double()).sum().backward()
        torch.testing.assert_close(scores.double(), expected, rtol=1e-4, atol=1e-5)
        expected_grad = torch.cat([p.grad.reshape(-1) for p in exact.parameters()])
        grad = fused._descent.flat.grad.double()
        torch.testing.assert_close(grad, expected_grad, rtol=1e-3, atol=2e-6)
        buffers = zip(model.buffers(), exact.buffers(), strict=True)
        for mine, other in buffers:
            torch.testing.assert_close(
                mine.double(), other.double(), rtol=1e-5, atol=1e-6
            )


@given(
    n_features=st.integers(2, 9),
    hidden=st.lists(st.integers(1, 12), max_size=3),
    n=st.integers(4, 30),
    seed=st.integers(0, 2**20),
)
def test_any_sizes_give_pytorchs_update(n_features, hidden, n, seed):
    x = draw_table(50, n_features, seed)
    model = make_model("mlp", x, seed=seed, hidden=hidden, dropout=0.0)
    single, double = copy.deepcopy(model), copy.deepcopy(model).double()
    fused = make_fused(model, x, max_grad_norm=None)
    rows = torch.randint(50, (1, n), generator=torch.Generator().manual_seed(seed))
    y_true = torch.arange(n) % 2
    step(fused, rows, y_true, None, make_objective("blend"))
    expected = {}
    for other in (single, double):
        dtype = next(other.parameters()).dtype
        objective = make_objective("blend").to(dtype)
        value = objective.surrogate(y_true, other(x[rows[0]].to(dtype)))
        value = 0.3 * value / objective.surrogate.loss_scale
        value = value + 0.7 * CrossEntropy()(y_true, other(x[rows[0]].to(dtype)))
        value.backward()
        gradients = [p.grad.reshape(-1).double() for p in other.parameters()]
        expected[dtype] = torch.cat(gradients)
    # where deviations are tiny, single precision is not exact in PyTorch either
    rounding = (expected[torch.float32] - expected[torch.float64]).abs().max()
    error = (fused._descent.flat.grad.double() - expected[torch.float64]).abs().max()
    assert error <= 20 * rounding + 1e-4 * expected[torch.float64].abs().max() + 1e-7


@pytest.mark.parametrize("name", ["linear", "mlp"])
@pytest.mark.parametrize("kind", ["blend", "cross_entropy"])
def test_steps_down_any_objective_are_those_in_one_call(name, kind):
    x = draw_table(300, 5)
    y_true = (torch.arange(30) < 9).long()
    weight = 0.1 + torch.rand(30, generator=torch.Generator().manual_seed(1))
    sets = torch.randint(300, (4, 30), generator=torch.Generator().manual_seed(0))
    ends = []
    for at_once in (True, False):
        # with next to no movement, rounding is not blown up by Adam
        fused = make_fused(make_model(name, x), x, lr=1e-7)
        objective = make_objective(kind)
        torch.manual_seed(3)
        if at_once:
            scores = step(fused, sets, y_true, weight, objective)
        else:
            scores = fused.descend(objective, sets, y_true, sample_weight=weight)
        flat = fused._descent.flat
        ends.append([scores, flat.grad, fused._descent.moments()[1]])
    for mine, other in zip(*ends, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-3, atol=1e-5)


def test_clipped_steps_go_where_pytorchs_do():
    x = draw_table(300, 5)
    model = make_model("linear", x)
    other = copy.deepcopy(model)
    fused = make_fused(model, x, max_grad_norm=0.01)
    adam = torch.optim.Adam(other.parameters(), lr=1e-2)
    y_true = (torch.arange(30) < 9).long()
    sets = torch.randint(300, (100, 30), generator=torch.Generator().manual_seed(0))
    step(fused, sets, y_true, None, CrossEntropy())
    for rows in sets:
        adam.zero_grad()
        CrossEntropy()(y_true, other(x[rows])).backward()
        nn.utils.clip_grad_norm_(other.parameters(), 0.01)
        adam.step()
    for mine, theirs in zip(model.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)


def test_dropout_by_the_same_masks_gives_the_same_scores_and_gradients():
    x = draw_table(400, 8)
    n, widths = 60, (8, 16, 9, 5, 1)
    model = make_model("mlp", x, hidden=widths[1:-1], dropout=0.3)
    exact = copy.deepcopy(model).double()
    rows = torch.randint(400, (1, n), generator=torch.Generator().manual_seed(0))
    y_true = (torch.arange(n) < 20).long()
    torch.manual_seed(11)
    seed = int(torch.randint(2**31 - 1 - len(widths), ()))
    for layer, units in enumerate(widths[1:-1], start=1):
        given = GivenDropout()
        place = np.arange(units * n).reshape(units, n)
        given.mask = torch.from_numpy(_keep(seed + layer, place, 0.3)).T.double()
        exact.layers[4 * layer - 1] = given
    fused = make_fused(model, x, max_grad_norm=None)
    torch.manual_seed(11)
    scores = step(fused, rows, y_true, None, CrossEntropy())[0]
    expected = exact(x[rows[0]].double())
    CrossEntropy()(y_true, expected).backward()
    torch.testing.assert_close(scores.double(), expected, rtol=1e-4, atol=1e-5)
    gradient = torch.cat([p.grad.reshape(-1) for p in exact.parameters()])
    torch.testing.assert_close(
        fused._descent.flat.grad.double(), gradient, rtol=1e-3, atol=1e-6
    )


def _keep(seed: int, place: np.ndarray, rate: float) -> np.ndarray:
    """The mask's hash, from its definition, in Python's integers."""

    def one(at: int) -> float:
        value = (at + seed * 0x9E3779B9) % 2**32
        for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
            value ^= value >> shift
            value = value * factor % 2**32
        value ^= value >> 16
        return 0.0 if (value >> 8) / 2**24 < rate else 1 / (1 - rate)

    return np.vectorize(one)(place).astype(np.float32)


@pytest.mark.parametrize("rate", [0.0, 0.2, 0.5])
def test_dropout_leaves_the_mean_alone(rate):
    masks = np.array(
        [[keep(seed, i, np.float32(rate)) for i in range(500)] for seed in range(40)]
    )
    assert set(np.unique(masks)) <= {0.0, np.float32(1) / (1 - np.float32(rate))}
    # 20,000 draws: four standard errors of a mean of 1
    assert masks.mean() == pytest.approx(1, abs=4 * (rate / (1 - rate) / 20_000) ** 0.5)
    agree = np.mean((masks[:-1] > 0) == (masks[1:] > 0))
    by_chance = rate**2 + (1 - rate) ** 2
    assert agree == pytest.approx(by_chance, abs=0.02)


def test_gradients_pass_dropout_where_scores_do():
    """A step of the same seed at nudged weights: the slope of the objective."""
    x = draw_table(100, 4)
    y_true = torch.arange(40) % 2
    rows = torch.arange(40).unsqueeze(0)

    def value(move: float) -> tuple[float, torch.Tensor]:
        model = make_model("mlp", x, hidden=(6,), dropout=0.3)
        with torch.no_grad():
            model.layers[0].weight[2, 1] += move
        fused = make_fused(model, x, max_grad_norm=None)
        torch.manual_seed(5)
        scores = step(fused, rows, y_true, None, CrossEntropy())
        grad = fused._descent.flat.grad.clone()
        return float(CrossEntropy()(y_true, scores[0].double())), grad

    slope = (value(1e-3)[0] - value(-1e-3)[0]) / 2e-3
    place = 2 * 4 + 1  # of that weight among the parameters
    assert float(value(0.0)[1][place]) == pytest.approx(slope, rel=2e-2, abs=1e-5)


@pytest.mark.slow
def test_dropout_spreads_gradients_as_pytorchs_does():
    # the masks differ from PyTorch's, so single steps do; over many draws at the same
    # weights, means and variances of the gradients must agree
    x, n_draws = draw_table(300, 6), 2_000
    y_true = (x[:, 1] > 1.5).long()
    model = make_model("mlp", x, hidden=(12, 6), dropout=0.4)
    descent = ClippedAdam(model.parameters(), lr=0.0)
    fused = FusedModel.of(model, descent, x)
    rows = torch.arange(200).unsqueeze(0)
    ours, theirs = [], []
    for _ in range(n_draws):
        step(fused, rows, y_true[:200], None, CrossEntropy())
        ours.append(descent.flat.grad.clone())
        descent.zero_grad()
        CrossEntropy()(y_true[:200], model(x[:200])).backward()
        theirs.append(descent.flat.grad.clone())
    ours, theirs = torch.stack(ours).double(), torch.stack(theirs).double()
    error = ((ours.var(0) + theirs.var(0)) / n_draws).sqrt()
    moves = error > 1e-9
    z_score = ((ours.mean(0) - theirs.mean(0)) / error)[moves]
    # of a few hundred standard normal numbers, dependent ones among them
    assert z_score.abs().max() < 5
    assert z_score.square().mean().sqrt() < 1.5
    # a variance of 2,000 draws is known to a few per cent; their sum much better
    assert float(ours.var(0).sum() / theirs.var(0).sum()) == pytest.approx(1, abs=0.05)


def test_scores_are_those_of_the_model_in_training_mode():
    x = draw_table(200, 6)
    model = make_model("mlp", x, dropout=0.0)
    other = copy.deepcopy(model)
    rows = torch.randint(200, (3, 20), generator=torch.Generator().manual_seed(0))
    scores = make_fused(model, x).scores(rows)
    expected = row_scorer(other, x)(rows)
    torch.testing.assert_close(scores, expected, rtol=1e-4, atol=1e-5)
    for mine, theirs in zip(model.buffers(), other.buffers(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-6)


def make_trainer(model: nn.Module, x: torch.Tensor) -> Trainer:
    y_true = (x[:, 1] > 1).long()
    return Trainer(
        model,
        TrainingData(x, y_true, x[:50], y_true[:50]),
        get_true_loss("f1"),
        BilevelConfig(batch_size=50, max_iter=10),
        generator=torch.Generator().manual_seed(0),
    )


@pytest.mark.parametrize("name", ["linear", "mlp"])
def test_built_in_models_train_in_the_fast_form(name):
    x = draw_table(200, 6)
    assert make_trainer(make_model(name, x), x)._fused is not None


def _hooked(model: MLP) -> nn.Module:
    model.layers[0].register_forward_hook(lambda *_: None)
    return model


def _frozen(model: MLP) -> nn.Module:
    model.layers[0].weight.requires_grad_(False)
    return model


def _exchanged(model: MLP) -> nn.Module:
    model.layers[2] = nn.LayerNorm(100)
    return model


def _other_rates(model: MLP) -> nn.Module:
    model.layers[3].p = 0.5
    return model


def _without_average(model: MLP) -> nn.Module:
    model.layers[2] = nn.BatchNorm1d(100, track_running_stats=False)
    return model


def _parametrized(model: MLP) -> nn.Module:
    nn.utils.parametrizations.weight_norm(model.layers[0])
    return model


UNUSUAL = [_hooked, _frozen, _exchanged, _other_rates, _without_average, _parametrized]


@pytest.mark.parametrize("change", UNUSUAL, ids=lambda change: change.__name__[1:])
def test_unusual_models_take_the_general_path_and_train(change):
    x = draw_table(200, 6)
    model = change(make_model("mlp", x, dropout=0.0))
    trainer = make_trainer(model, x)
    assert trainer._fused is None
    before = [p.detach().clone() for p in model.parameters()]
    trainable = [p.requires_grad for p in model.parameters()]
    objective = LearnedObjective(SetSurrogate(), cross_entropy_weight=1.0)
    for _ in range(3):
        trainer.iterate(objective)
    moved = [
        not torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True)
    ]
    assert moved == trainable


def test_derived_and_foreign_models_take_the_general_path():
    class Own(MLP):
        """Might do anything."""

    x = draw_table(200, 6)
    assert make_trainer(Own(6), x)._fused is None
    assert make_trainer(nn.Linear(6, 1), x)._fused is None


def test_model_whose_parameters_were_exchanged_goes_on_in_the_general_path():
    x = draw_table(200, 6)
    trainer = make_trainer(make_model("linear", x), x)
    trainer.iterate(CrossEntropy())
    weight = trainer.model.layers.weight
    weight.data = torch.full_like(weight, 5.0)
    trainer.iterate(CrossEntropy())
    assert weight.detach().allclose(torch.tensor(5.0), atol=0.1)
    assert not weight.detach().equal(torch.full_like(weight, 5.0))


def test_general_path_gives_the_same_model_as_the_fast_one():
    x = draw_table(400, 5)
    fast, general = (make_trainer(make_model("linear", x), x) for _ in range(2))
    general._fused = None
    for _ in range(30):
        for trainer in (fast, general):
            trainer.iterate(CrossEntropy())
    models = (fast.model.parameters(), general.model.parameters())
    for mine, other in zip(*models, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-3, atol=1e-4)
