"""The compiled models against PyTorch's, step by step."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from losslearn._fast import as_written, fastest
from losslearn._fast.kernels.feed_forward import keep
from losslearn._fast.predictor import CompiledPredictor
from losslearn.metrics import Sets, get_true_loss
from losslearn.models.networks import MLP, Linear, gather_rows, score_sets
from losslearn.models.predictor import TorchPredictor
from losslearn.models.rows import Drawn, Rows
from losslearn.surrogate.fitter import SurrogateFitter, Weights
from losslearn.surrogate.network import SetSurrogate
from losslearn.surrogate.objective import LearnedObjective
from losslearn.tasks.binary import Binary
from losslearn.tasks.cross_entropy import CrossEntropy
from losslearn.tasks.task import Frame
from losslearn.tasks.tokens import ScoreTokens
from losslearn.training.loop import Trainer
from losslearn.training.recipe import Recipe


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


def make_predictor(
    model: nn.Module, x: torch.Tensor, y_true: torch.Tensor, **adam
) -> CompiledPredictor:
    settings = {"lr": 1e-2, "max_grad_norm": 1.0, **adam}
    predictor = fastest(TorchPredictor(model, Rows(x, y_true), **settings))
    assert isinstance(predictor, CompiledPredictor)
    return predictor


def make_objective(
    kind: str, dtype: torch.dtype = torch.float32
) -> CrossEntropy | LearnedObjective:
    if kind == "cross_entropy":
        return CrossEntropy()
    torch.manual_seed(1)
    view = ScoreTokens(standardize=kind != "framed")
    surrogate = SetSurrogate(view, loss_shift=0.4, loss_scale=0.2).to(dtype)
    objective = LearnedObjective(
        fastest(SurrogateFitter(surrogate, CrossEntropy(), lr=1e-3))
    )
    if kind in ("blend", "framed"):
        objective.weights = Weights(0.3, 0.7)
    if kind == "framed":
        objective.fitter.set_frame(Frame(0.2, 0.7))
    return objective


def step(predictor, rows, weight, objective) -> torch.Tensor:
    """Take the steps; return the gradient of the last one."""
    predictor.descend(objective, Drawn(rows, weight))
    return predictor.descent.flat.grad.double()


@pytest.mark.parametrize("name", ["linear", "mlp"])
@pytest.mark.parametrize("kind", ["learned", "blend", "framed", "cross_entropy"])
def test_hundred_steps_have_pytorchs_scores_and_gradients(name, kind):
    """Each from the same weights: Adam would blow rounding up along the way."""
    x = draw_table(500, 7)
    settings = {"dropout": 0.0} if name == "mlp" else {}
    model = make_model(name, x, **settings)
    exact = copy.deepcopy(model).double()
    y_true = (torch.arange(500) % 3 == 0).long()
    fused = make_predictor(model, x, y_true, max_grad_norm=None)
    objective, reference = make_objective(kind), make_objective(kind, torch.float64)
    generator = torch.Generator().manual_seed(0)
    weight = 0.1 + torch.rand(40, generator=generator)
    for _ in range(100):
        exact.load_state_dict(model.state_dict())
        rows = torch.randint(500, (1, 40), generator=generator)
        twin = make_predictor(copy.deepcopy(model), x, y_true)
        scores = twin.scores(rows)[0]
        grad = step(fused, rows, weight, objective)
        exact.zero_grad()
        expected = exact(x[rows[0]].double())
        torch.testing.assert_close(scores.double(), expected, rtol=1e-4, atol=1e-5)
        reference(Sets(y_true[rows[0]], expected, weight.double())).sum().backward()
        expected_grad = torch.cat([p.grad.reshape(-1) for p in exact.parameters()])
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
    fused = make_predictor(model, x, torch.arange(50) % 2, max_grad_norm=None)
    rows = torch.randint(50, (1, n), generator=torch.Generator().manual_seed(seed))
    y_true = rows[0] % 2
    grad = step(fused, rows, None, make_objective("blend"))
    expected = {}
    for other in (single, double):
        dtype = next(other.parameters()).dtype
        objective = make_objective("blend", dtype)
        objective(Sets(y_true, other(x[rows[0]].to(dtype)))).backward()
        gradients = [p.grad.reshape(-1).double() for p in other.parameters()]
        expected[dtype] = torch.cat(gradients)
    # where deviations are tiny, single precision is not exact in PyTorch either
    rounding = (expected[torch.float32] - expected[torch.float64]).abs().max()
    error = (grad - expected[torch.float64]).abs().max()
    assert error <= 20 * rounding + 1e-4 * expected[torch.float64].abs().max() + 1e-7


@pytest.mark.parametrize("name", ["linear", "mlp"])
@pytest.mark.parametrize("kind", ["blend", "framed", "cross_entropy"])
def test_steps_down_any_objective_are_those_in_one_call(name, kind):
    x, y_true = draw_table(300, 5), (torch.arange(300) % 10 < 3).long()
    weight = 0.1 + torch.rand(30, generator=torch.Generator().manual_seed(1))
    sets = torch.randint(300, (4, 30), generator=torch.Generator().manual_seed(0))
    ends = []
    for at_once in (True, False):
        # with next to no movement, rounding is not blown up by Adam
        fused = make_predictor(make_model(name, x), x, y_true, lr=1e-7)
        objective = make_objective(kind)
        torch.manual_seed(3)
        # one that is not known is any
        down = objective if at_once else lambda found, one=objective: one(found)
        grad = step(fused, sets, weight, down)
        ends.append([grad, fused.descent.moments[1]])
    for mine, other in zip(*ends, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-3, atol=1e-5)


def test_clipped_steps_go_where_pytorchs_do():
    x, y_true = draw_table(300, 5), (torch.arange(300) % 10 < 3).long()
    model = make_model("linear", x)
    other = copy.deepcopy(model)
    fused = make_predictor(model, x, y_true, max_grad_norm=0.01)
    with as_written():
        reference = fastest(
            TorchPredictor(other, Rows(x, y_true), lr=1e-2, max_grad_norm=0.01)
        )
    assert type(reference) is TorchPredictor
    sets = torch.randint(300, (100, 30), generator=torch.Generator().manual_seed(0))
    for predictor in (fused, reference):
        predictor.descend(CrossEntropy(), Drawn(sets))
    for mine, theirs in zip(model.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)


def test_dropout_by_the_same_masks_gives_the_same_scores_and_gradients():
    x = draw_table(400, 8)
    n, widths = 60, (8, 16, 9, 5, 1)
    model = make_model("mlp", x, hidden=widths[1:-1], dropout=0.3)
    exact = copy.deepcopy(model).double()
    rows = torch.randint(400, (1, n), generator=torch.Generator().manual_seed(0))
    y_true = (torch.arange(400) % 3 == 0).long()
    torch.manual_seed(11)
    seed = int(torch.randint(2**31 - 1 - len(widths), ()))
    for layer, units in enumerate(widths[1:-1], start=1):
        given = GivenDropout()
        place = np.arange(units * n).reshape(units, n)
        given.mask = torch.from_numpy(_keep(seed + layer, place, 0.3)).T.double()
        exact.layers[4 * layer - 1] = given
    twin = copy.deepcopy(model)
    torch.manual_seed(11)
    scores = make_predictor(twin, x, y_true).scores(rows)[0]
    fused = make_predictor(model, x, y_true, max_grad_norm=None)
    torch.manual_seed(11)
    grad = step(fused, rows, None, CrossEntropy())
    expected = exact(x[rows[0]].double())
    CrossEntropy()(Sets(y_true[rows[0]], expected)).backward()
    torch.testing.assert_close(scores.double(), expected, rtol=1e-4, atol=1e-5)
    gradient = torch.cat([p.grad.reshape(-1) for p in exact.parameters()])
    torch.testing.assert_close(grad, gradient, rtol=1e-3, atol=1e-6)


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
    y_true = torch.arange(100) % 2
    rows = torch.arange(40).unsqueeze(0)

    def value(move: float) -> tuple[float, torch.Tensor]:
        model = make_model("mlp", x, hidden=(6,), dropout=0.3)
        with torch.no_grad():
            model.layers[0].weight[2, 1] += move
        twin = make_predictor(copy.deepcopy(model), x, y_true)
        fused = make_predictor(model, x, y_true, max_grad_norm=None)
        torch.manual_seed(5)
        scores = twin.scores(rows)[0].double()
        torch.manual_seed(5)
        grad = step(fused, rows, None, CrossEntropy()).clone()
        return float(CrossEntropy()(Sets(y_true[:40], scores))), grad

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
    fused = make_predictor(model, x, y_true, lr=0.0, max_grad_norm=None)
    descent = fused.descent
    rows = torch.arange(200).unsqueeze(0)
    ours, theirs = [], []
    for _ in range(n_draws):
        step(fused, rows, None, CrossEntropy())
        ours.append(descent.flat.grad.clone())
        descent.zero_grad()
        CrossEntropy()(Sets(y_true[:200], model(x[:200]))).backward()
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
    scores = make_predictor(model, x, torch.arange(200) % 2).scores(rows)
    with torch.no_grad():
        expected = score_sets(other.train(), gather_rows(x, rows))
    torch.testing.assert_close(scores, expected, rtol=1e-4, atol=1e-5)
    for mine, theirs in zip(model.buffers(), other.buffers(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-6)


def make_trainer(model: nn.Module, x: torch.Tensor) -> Trainer:
    y_true = (x[:, 1] > 1).long()
    recipe = Recipe(batch_size=50, max_iter=10)
    settings = {"lr": recipe.rate, "max_grad_norm": recipe.max_grad_norm}
    return Trainer(
        fastest(TorchPredictor(model, Rows(x, y_true), **settings)),
        Rows(x[:50], y_true[:50]),
        get_true_loss("f1"),
        Binary(),
        recipe,
        generator=torch.Generator().manual_seed(0),
    )


@pytest.mark.parametrize("name", ["linear", "mlp"])
def test_built_in_models_train_in_the_fast_form(name):
    x = draw_table(200, 6)
    trainer = make_trainer(make_model(name, x), x)
    assert isinstance(trainer.predictor, CompiledPredictor)


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
    assert type(trainer.predictor) is TorchPredictor
    before = [p.detach().clone() for p in model.parameters()]
    trainable = [p.requires_grad for p in model.parameters()]
    fitter = SurrogateFitter(SetSurrogate(ScoreTokens()), CrossEntropy(), lr=1e-3)
    objective = LearnedObjective(fastest(fitter), usual_weight=1.0)
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
    for model in (Own(6), nn.Linear(6, 1)):
        assert type(make_trainer(model, x).predictor) is TorchPredictor


def test_model_whose_parameters_were_exchanged_goes_on_in_the_general_path():
    x = draw_table(200, 6)
    trainer = make_trainer(make_model("linear", x), x)
    trainer.iterate(CrossEntropy())
    weight = trainer.predictor.model.layers.weight
    weight.data = torch.full_like(weight, 5.0)
    trainer.iterate(CrossEntropy())
    assert weight.detach().allclose(torch.tensor(5.0), atol=0.1)
    assert not weight.detach().equal(torch.full_like(weight, 5.0))


def test_general_path_gives_the_same_model_as_the_fast_one():
    x = draw_table(400, 5)
    fast = make_trainer(make_model("linear", x), x)
    with as_written():
        general = make_trainer(make_model("linear", x), x)
    assert type(general.predictor) is TorchPredictor
    for _ in range(30):
        for trainer in (fast, general):
            trainer.iterate(CrossEntropy())
    models = (t.predictor.model.parameters() for t in (fast, general))
    for mine, other in zip(*models, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-3, atol=1e-4)
