"""The criterion without gradients, in half precision, checkpointed and compiled."""

import copy
import math
from contextlib import nullcontext

import pytest
import torch
from criterion_cases import (
    SMALL,
    batch,
    fed,
    losses_and_model,
    same,
    small_model,
    table,
    weights,
)
from sklearn.metrics import f1_score, roc_auc_score
from test_criterion import cross_entropy_gradient
from torch import nn
from torch.utils.checkpoint import checkpoint

from losslearn import SurrogateLoss
from losslearn.metrics import Sets

in_both_forms = pytest.mark.usefixtures("form")


def is_finite(criterion: SurrogateLoss) -> bool:
    return all(w.isfinite().all() for w in weights(criterion))


@pytest.mark.parametrize("shape", [(50,), (50, 1)])
def test_evaluation_gives_the_true_loss_of_the_rows(shape):
    y_score, y_true = batch(7, 50)
    at = (y_score.detach().reshape(shape), y_true.reshape(shape))
    criterion = fed("f1").eval()
    called = y_score.detach() >= criterion.threshold
    assert criterion(*at).item() == pytest.approx(1 - f1_score(y_true, called))
    expected = 1 - roc_auc_score(y_true, y_score.detach())
    assert fed("auc").eval()(*at).item() == pytest.approx(expected)


def test_evaluation_before_any_training_takes_the_best_threshold_of_the_rows():
    y_score, y_true = torch.tensor([0.0, 2, 1, 3]), torch.tensor([0, 1, 1, 1])
    assert SurrogateLoss("f1").eval()(y_score, y_true) == 0


@pytest.mark.parametrize("metric", ["f1", "auc"])
@pytest.mark.parametrize("labels", [[], [0], [1, 1, 1]])
def test_evaluation_of_one_class_is_nan(metric, labels):
    y_score = torch.arange(len(labels), dtype=torch.float32)
    y_true = torch.tensor(labels, dtype=torch.long)
    for calls in (0, 3):
        assert fed(metric, calls=calls).eval()(y_score, y_true).isnan()


@pytest.mark.parametrize("metric", ["f1", "auc"])
@pytest.mark.parametrize("how", ["eval", "no_grad", "inference_mode"])
def test_nothing_changes_without_training(metric, how):
    watched, left_alone = (fed(metric, blend=0.5) for _ in range(2))
    before = watched.state_dict()
    without = {
        "eval": nullcontext,
        "no_grad": torch.no_grad,
        "inference_mode": torch.inference_mode,
    }[how]
    watched.train(how != "eval")
    with without():
        for n in (32, 1, 500):
            loss = watched(*batch(7, n))
            assert not loss.requires_grad
            assert loss.isfinite() or n == 1
    assert same(watched.state_dict(), before)
    watched.train()
    losses = [criterion(*batch(8)) for criterion in (watched, left_alone)]
    assert losses[0].item() == losses[1].item()
    assert same(watched.state_dict(), left_alone.state_dict())


STREAMS = {
    "one class each": [(20, 0), (20, 1), (20, 0)],
    "one row each": [(1, 0), (1, 1), (1, 1), (1, 0)],
    "none": [(0, None), (30, None), (0, None)],
    "of changing size": [(7, None), (100, None), (2, None)],
    "larger than the queue": [(300, None), (600, None), (300, 1)],
}


@in_both_forms
@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("metric", ["f1", "auc"])
def test_batches_of_any_make_are_taken(metric, stream):
    criterion = SurrogateLoss(metric, warm_up=10**6, **SMALL)
    for seed, (n, label) in enumerate(STREAMS[stream]):
        y_score, y_true = batch(seed, n)
        loss = criterion(y_score, y_true if label is None else y_true * 0 + label)
        loss.backward()
        assert loss.isfinite()
        assert y_score.grad.isfinite().all()
    before = weights(criterion)
    for seed in range(90):  # a reading of the health among them
        criterion(*batch(seed))
    assert not any(map(torch.equal, before, weights(criterion)))
    criterion._stream.blend = 1.0
    y_score, y_true = batch(90)
    criterion(y_score, y_true).backward()
    assert not torch.allclose(y_score.grad, cross_entropy_gradient(y_score, y_true))


@pytest.mark.parametrize("seen_before", [False, True])
@pytest.mark.parametrize("label", [0, 1])
def test_a_stream_of_one_class_is_trained_by_cross_entropy(label, seen_before):
    criterion = fed("f1", calls=3 * seen_before)
    for seed in range(9):  # 288 rows: none of the earlier is left in the queue
        y_score, y_true = batch(seed)
        y_true = y_true * 0 + label
        criterion._stream.blend = 1.0
        loss = criterion(y_score, y_true)
        loss.backward()
        assert loss.isfinite()
    assert torch.allclose(y_score.grad, cross_entropy_gradient(y_score, y_true))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e38, -1e38])
def test_scores_that_cannot_be_used_never_enter_a_set(value):
    criterion = fed("f1")
    for seed in range(9):
        y_score, y_true = batch(seed)
        with torch.no_grad():
            y_score[3:6] = value
        loss = criterion(y_score, y_true)
        assert loss.isfinite() == math.isfinite(value)
        drawn = criterion._rest.score
        assert drawn.abs().max() < 10
    assert len(criterion._stream.queue.rows().score) == 256 // 32 * 29
    assert is_finite(criterion)
    assert math.isfinite(criterion.metrics()["true_loss"])
    assert criterion(*batch(99)).isfinite()


def test_a_queue_without_a_usable_score_is_like_an_empty_one():
    criterion = SurrogateLoss("f1", **SMALL)
    criterion(torch.full((8,), math.nan, requires_grad=True), torch.arange(8) % 2)
    assert math.isnan(criterion.metrics()["true_loss"])
    assert criterion(*batch(0)).isfinite()


@pytest.mark.parametrize("blend", [0.0, 1.0])
@pytest.mark.parametrize("value", [1e5, -1e5])
@pytest.mark.parametrize("label", [0.0, 1.0])
def test_the_scaler_skips_the_step_of_a_batch_that_overflows(value, blend, label):
    criterion, model = fed("f1"), nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    nn.init.ones_(model.weight)
    x, y_true = torch.linspace(-1, 1, 32)[:, None], (torch.arange(32) % 2).float()
    moved = []
    for of_row in (x[3].item(), value):
        before = model.weight.detach().clone()
        x[3], y_true[3], criterion._stream.blend = of_row, label, blend
        loss = criterion(model(x).half(), y_true)  # 1e5 is infinite in half precision
        optimizer.zero_grad()
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        moved.append(not torch.equal(before, model.weight))
    assert moved == [True, False]
    assert not loss.isfinite()
    assert scaler.get_scale() == 4.0
    assert is_finite(criterion)


@in_both_forms
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_model_trains_under_autocast(dtype):
    criterion, model = SurrogateLoss("auc", warm_up=10, **SMALL), small_model()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    scaler = torch.amp.GradScaler("cpu", enabled=dtype == torch.float16)
    x_test, y_test = table(999, 500)

    def true_loss() -> float:
        return criterion.true_loss(
            Sets(y_test.long(), model(x_test).detach()[:, 0])
        ).item()

    start = true_loss()
    for step in range(40):
        x, y_true = table(step)
        with torch.autocast("cpu", dtype=dtype):
            logits = model(x)
            loss = criterion(logits, y_true)
        assert (logits.dtype, loss.dtype) == (dtype, torch.float32)
        assert loss.isfinite()
        optimizer.zero_grad()
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
    assert all(w.dtype == torch.float32 for w in weights(criterion))
    assert criterion._stream.queue.rows().score.dtype == torch.float32
    assert true_loss() < start - 0.1


@in_both_forms
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_under_autocast_it_calculates_in_single_precision(dtype):
    results = []
    for enabled in (False, True):
        criterion = fed("f1", blend=0.5)
        y_score, y_true = batch(7)
        with torch.autocast("cpu", dtype=dtype, enabled=enabled):
            loss = criterion(y_score, y_true)
        loss.backward()
        results.append((loss, y_score.grad, criterion.state_dict()))
    assert same(results[0][1:], results[1][1:])
    assert results[0][0].item() == results[1][0].item()


class Checkpointed(nn.Module):
    """Runs a module again in the backward pass; `used` says how."""

    def __init__(self, module: nn.Module, use_reentrant: bool) -> None:
        super().__init__()
        self.module, self.use_reentrant = module, use_reentrant

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        inputs[0].requires_grad_()  # without which the reentrant form has no gradient
        return checkpoint(self.module, *inputs, use_reentrant=self.use_reentrant)


class WithLoss(nn.Module):
    """A model that returns its loss."""

    def __init__(self, model: nn.Module, criterion: SurrogateLoss) -> None:
        super().__init__()
        self.model, self.criterion = model, criterion

    def forward(self, x: torch.Tensor, y_true: torch.Tensor) -> torch.Tensor:
        return self.criterion(self.model(x), y_true)


def trained(wrap, *, steps: int = 6, passes: int | None = None):
    """Model weights and criterion's state of a run; `wrap` makes the whole of both."""
    criterion, model, n_passes = fed("f1", blend=0.5), small_model(), []
    if passes is not None:
        model.register_forward_pre_hook(lambda *_: n_passes.append(1))
    whole = wrap(model, criterion)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    for step in range(steps):
        x, y_true = table(step)
        loss = whole(x, y_true)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert criterion.metrics()["blend"] > 0.4  # the learned loss took part
    assert passes is None or len(n_passes) == passes * steps
    return list(model.parameters()), criterion.state_dict()


@in_both_forms
@pytest.mark.parametrize("use_reentrant", [True, False])
@pytest.mark.parametrize("what", ["model", "both"])
def test_checkpointing_changes_neither_gradients_nor_state(what, use_reentrant):
    def wrap(model: nn.Module, criterion: SurrogateLoss) -> nn.Module:
        if what == "model":
            return WithLoss(Checkpointed(model, use_reentrant), criterion)
        return Checkpointed(WithLoss(model, criterion), use_reentrant)

    expected, state = trained(WithLoss, passes=1)
    found, found_state = trained(wrap, passes=2)
    assert all(map(torch.equal, found, expected))
    assert same(found_state, state)
    assert state["_extra_state"]["stream"]["batches"] == 3 + 6


@pytest.mark.parametrize("use_reentrant", [True, False])
def test_a_look_without_gradients_changes_nothing_under_checkpointing(use_reentrant):
    def wrap(model: nn.Module, criterion: SurrogateLoss):
        whole = Checkpointed(WithLoss(model, criterion), use_reentrant)

        def looked_at(x, y_true):
            with torch.no_grad():
                criterion(*batch(7))
            return whole(x, y_true)

        return looked_at

    expected, state = trained(WithLoss)
    found, found_state = trained(wrap)
    assert all(map(torch.equal, found, expected))
    assert same(found_state, state)


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
@pytest.mark.parametrize("what", ["model", "both"])
def test_compiling_changes_neither_gradients_nor_state(what, backend):
    def wrap(model: nn.Module, criterion: SurrogateLoss):
        if what == "model":
            return WithLoss(torch.compile(model, backend=backend), criterion)
        return torch.compile(WithLoss(model, criterion), backend=backend)

    expected, state = trained(WithLoss, steps=3)
    found, found_state = trained(wrap, steps=3)
    assert all(map(torch.allclose, found, expected))
    state = state["_extra_state"]["stream"]
    found_state = found_state["_extra_state"]["stream"]
    assert found_state["batches"] == state["batches"] == 3 + 3
    assert torch.allclose(found_state["queue"]["score"], state["queue"]["score"])
    torch._dynamo.reset()


# Dynamo looks at the gradient of every tensor that a frame goes on with
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")
def test_a_whole_compiled_step_trains():
    criterion, model = fed("f1", blend=0.5), small_model()
    expected = copy.deepcopy(criterion), small_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)

    @torch.compile(backend="aot_eager")
    def step(x: torch.Tensor, y_true: torch.Tensor) -> torch.Tensor:
        loss = criterion(model(x), y_true)
        loss.backward()
        return loss.detach()

    losses = []
    for seed in range(3):
        optimizer.zero_grad()
        losses.append(step(*table(seed)).item())
        optimizer.step()
    optimizer = torch.optim.SGD(expected[1].parameters(), lr=0.5)
    usual = losses_and_model(expected[0], range(3), expected[1], optimizer)
    assert losses == pytest.approx(usual, rel=1e-5)
    torch._dynamo.reset()
