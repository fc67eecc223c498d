"""What only a GPU can show; skipped where there is none."""

import copy
import gc
import io
import pickle

import pytest
import torch
from criterion_cases import batch, fed, table
from sklearn.metrics import f1_score
from torch import Tensor, nn

from losslearn import SurrogateClassifier, SurrogateLoss
from losslearn._fast import as_written, fastest
from losslearn._fast.cuda_graphs import GraphedFunction
from losslearn._fast.fitter import RecordedFitter
from losslearn.metrics import Sets, get_true_loss
from losslearn.models.networks import build_model
from losslearn.models.predictor import TorchPredictor
from losslearn.models.rows import Rows
from losslearn.surrogate.fitter import SurrogateFitter, Weights
from losslearn.surrogate.network import SetSurrogate
from losslearn.surrogate.objective import LearnedObjective
from losslearn.tasks.binary import Binary
from losslearn.tasks.cross_entropy import CrossEntropy
from losslearn.tasks.tokens import ScoreTokens
from losslearn.training.loop import Trainer
from losslearn.training.lower import make_learner
from losslearn.training.recipe import Recipe

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="no CUDA device on this machine"
)


@pytest.mark.parametrize("metric", ["f1", "auc", "average_precision"])
def test_an_iteration_never_waits_for_the_device(metric):
    device = torch.device("cuda")
    x = torch.randn(5_000, 20, device=device)
    y_true = (x[:, 0] > 1).long()
    recipe = Recipe(max_iter=100, batch_size=200, replay=2)
    generator = torch.Generator(device).manual_seed(0)
    loss = get_true_loss(metric)
    surrogate = SetSurrogate(ScoreTokens()).to(device)
    predictor = fastest(
        TorchPredictor(
            build_model("mlp", x),
            Rows(x, y_true),
            lr=recipe.rate,
            max_grad_norm=recipe.max_grad_norm,
        )
    )
    trainer = Trainer(
        predictor,
        Rows(x[:100], y_true[:100]),
        loss,
        Binary(),
        recipe,
        generator=generator,
    )
    learner = make_learner(surrogate, loss, Binary(), recipe, generator=generator)
    objective = LearnedObjective(learner.fitter, usual_weight=1.0)
    for _ in range(3):  # allocates and loads kernels
        trainer.iterate(objective, learner)
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(3):
            trainer.iterate(objective, learner)
    finally:
        torch.cuda.set_sync_debug_mode("default")


def loss_on_the_gpu(criterion: SurrogateLoss, seed: int) -> float:
    y_score, y_true = (rows.detach().cuda() for rows in batch(seed))
    y_score.requires_grad_()
    loss = criterion(y_score, y_true)
    loss.backward()
    assert y_score.grad.isfinite().all()
    return loss.item()


def test_a_criterion_follows_the_scores_to_the_gpu_and_back():
    criterion = fed("f1", blend=0.5)
    state = criterion.state_dict()
    assert loss_on_the_gpu(criterion, 0) > 0
    assert criterion.state_dict()["_extra_state"]["stream"]["device"] == "cuda"
    assert criterion.metrics()["blend"] > 0
    assert criterion(*batch(1)).device.type == "cpu"
    criterion.load_state_dict(state)
    fresh = fed("f1", blend=0.5)
    assert criterion(*batch(2)).item() == fresh(*batch(2)).item()


@pytest.mark.parametrize("map_location", [None, "cpu", "cuda"])
def test_a_run_on_the_gpu_is_resumed(map_location):
    criterion = fed("f1", blend=0.5)
    for seed in range(4):
        loss_on_the_gpu(criterion, seed)
    file = io.BytesIO()
    torch.save(criterion.state_dict(), file)
    file.seek(0)
    resumed = fed("f1", calls=0)
    resumed.load_state_dict(
        torch.load(file, weights_only=True, map_location=map_location)
    )
    copied = pickle.loads(pickle.dumps(criterion))
    for seed in range(4, 8):
        expected = loss_on_the_gpu(criterion, seed)
        assert loss_on_the_gpu(resumed, seed) == pytest.approx(expected, rel=1e-5)
        assert loss_on_the_gpu(copied, seed) == pytest.approx(expected, rel=1e-5)


def turns(n: int, *, graphed: bool, **settings: object) -> tuple[Tensor, list[Tensor]]:
    """Errors of a surrogate's turns on the GPU, and the weights that it ends with."""
    torch.manual_seed(0)
    generator = torch.Generator("cuda").manual_seed(0)
    loss = get_true_loss("f1")
    surrogate = SetSurrogate(ScoreTokens(**settings)).cuda()
    made = (surrogate, loss, Binary(), Recipe(replay=2))
    if graphed:
        learner = make_learner(*made, generator=generator)
        assert isinstance(learner.fitter, RecordedFitter)
    else:
        with as_written():
            learner = make_learner(*made, generator=generator)
        assert type(learner.fitter) is SurrogateFitter
    y_true = (torch.arange(64, device="cuda") < 20).long()
    weight = torch.linspace(0.5, 1.5, 64, device="cuda")

    def draw(n_sets: int) -> Sets:
        noise = torch.randn(n_sets, 64, device="cuda", generator=generator)
        return Sets(y_true.expand(n_sets, 64), noise + y_true, weight)

    errors = []
    for turn in range(n):
        if turn == n // 2:  # as a resume does: Adam's moments lie elsewhere
            learner.load_state_dict(copy.deepcopy(learner.state_dict()))
        steps = 3 if turn % 5 == 4 else 10
        errors.append(learner.learn(draw, steps=steps))
        learner.forget_sets()
    return torch.stack(errors), [p.detach() for p in surrogate.parameters()]


@pytest.mark.parametrize(
    "settings", [{}, {"standardize": False}, {"top_shares": (0.05,)}]
)
def test_a_graph_of_steps_equals_the_steps(settings):
    errors, weights = turns(40, graphed=True, **settings)
    expected, expected_weights = turns(40, graphed=False, **settings)
    torch.testing.assert_close(errors, expected, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(weights, expected_weights, rtol=1e-4, atol=1e-5)


def test_a_graph_of_the_learned_loss_equals_it():
    surrogate = SetSurrogate(ScoreTokens()).cuda()
    fitter = fastest(SurrogateFitter(surrogate, CrossEntropy(), lr=1e-3))
    assert isinstance(fitter, RecordedFitter)
    objective, plain = (
        LearnedObjective(one, usual_weight=0.3) for one in (fitter, fitter.part)
    )
    for seed in range(12):
        n = 20 if seed % 4 == 3 else 64  # an epoch's last batch
        torch.manual_seed(seed)
        y_true = (torch.rand(n, device="cuda") < 0.4).long()
        y_score, weight = torch.randn(n, device="cuda"), torch.rand(n, device="cuda")
        if seed == 8:
            objective.weights = plain.weights = Weights(0.5, 0.0)
        for got, expected in zip(
            objective.value_and_slope(Sets(y_true, y_score, weight)),
            plain.value_and_slope(Sets(y_true, y_score, weight)),
            strict=True,
        ):
            torch.testing.assert_close(got, expected)
        with torch.no_grad():  # as its next fit does
            for parameter in surrogate.parameters():
                parameter += 0.01 * torch.randn_like(parameter)
    assert any(fitter._graphed_slope._graphs.values())


def test_mixed_precision_goes_without_a_graph():
    x = torch.zeros(2, device="cuda")
    assert GraphedFunction.takes(x)
    with torch.autocast("cuda"):
        assert not GraphedFunction.takes(x)


def test_a_recorded_function_is_recorded_anew_where_it_must_be():
    state, factor = [torch.ones(3, device="cuda")], [2.0]
    n_runs = 0

    def scale(x: Tensor) -> tuple[Tensor, Tensor]:
        nonlocal n_runs
        n_runs += 1
        state[0] *= factor[0]
        return state[0] + x, x.sum()

    graphed = GraphedFunction(scale, works_on=lambda: (state[0].data_ptr(), factor[0]))

    def check(x: Tensor, expected: float) -> None:
        moved, total = graphed(x)
        assert moved.tolist() == [expected + value for value in x.tolist()]
        assert total.item() == x.sum().item()

    x = torch.arange(3.0, device="cuda")
    for power in range(1, 6):
        check(x * power, 2.0**power)
    assert n_runs == 2  # once as it is, once to be recorded
    check(x.double(), 2.0**6)  # another kind
    assert n_runs == 3
    check(x, 2.0**7)  # the first one's graph is still there
    assert n_runs == 3
    factor[0] = 0.5
    for power in range(6, 3, -1):
        check(x, 2.0**power)
    assert n_runs == 5
    state[0] = torch.ones(3, device="cuda")
    check(x, 0.5)
    assert n_runs == 6


def test_an_old_graph_is_not_freed_while_another_is_recorded():
    def dropped_in_a_circle() -> None:
        graphed = GraphedFunction(lambda x: (x + 1,), works_on=lambda: graphed)
        for _ in range(2):
            graphed(torch.zeros(2, device="cuda"))

    def with_much_garbage(x: Tensor) -> tuple[Tensor]:
        for _ in range(5_000):  # what Python collects in between
            circle: list[object] = []
            circle.append(circle)
        return (x + 1,)

    graphed = GraphedFunction(with_much_garbage, works_on=lambda: None)
    x = torch.zeros(2, device="cuda")
    graphed(x)
    gc.collect()
    dropped_in_a_circle()
    for _ in range(2):  # recorded, then replayed
        assert graphed(x)[0].tolist() == [1, 1]
    assert gc.isenabled()


def test_outputs_of_a_graph_are_not_overwritten():
    double = GraphedFunction(lambda x: (2 * x,), works_on=lambda: None)
    outputs = [double(torch.full((2,), float(i), device="cuda"))[0] for i in range(4)]
    assert [output[0].item() for output in outputs] == [0, 2, 4, 6]


@pytest.mark.parametrize("model", ["linear", "mlp"])
def test_a_classifier_is_trained_on_the_gpu(model):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(4_000, 6, generator=generator)
    y = (x[:, 0] + 0.5 * torch.randn(4_000, generator=generator) > 1).long().numpy()
    fits = [
        SurrogateClassifier(
            "f1",
            model=model,
            recipe=Recipe(max_iter=200),
            device=device,
            random_state=0,
        ).fit(x[:3_000].numpy(), y[:3_000])
        for device in ("cpu", "cuda")
    ]
    on_cpu, on_gpu = (f1_score(y[3_000:], f.predict(x[3_000:].numpy())) for f in fits)
    assert on_gpu == pytest.approx(on_cpu, abs=0.03)


def test_a_loop_with_a_criterion_learns_on_the_gpu():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1)).cuda()
    criterion = SurrogateLoss("f1", warm_up=20)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for step in range(300):
        x, y_true = (rows.cuda() for rows in table(step, 256))
        loss = criterion(model(x), y_true)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    x, y_true = (rows.cuda() for rows in table(1_000, 4_000))
    reached = criterion.eval()(model(x), y_true).item()
    best = get_true_loss("f1")(
        Sets(y_true.long(), x[:, 0])
    ).item()  # the feature that tells
    assert criterion.metrics()["blend"] > 0.5
    assert reached < best + 0.02
