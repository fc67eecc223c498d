"""The criterion's value and gradient, and what it refuses."""

import copy
import math

import pytest
import torch
from criterion_cases import HELD, SMALL, batch, fed, missed_share, set_of, weights
from torch.nn.functional import softplus

from losslearn import SurrogateLoss
from losslearn.criterion import loss as criterion_module
from losslearn.criterion.gathering import Gathered
from losslearn.metrics import Sets

in_both_forms = pytest.mark.usefixtures("form")


def cross_entropy_gradient(y_score, y_true):
    return (y_score.detach().sigmoid() - y_true) / len(y_true)


def expected(criterion, y_score, y_true, *, prevalence, weighted):
    """Value and gradient of the latest call, by autograd over every row of the set."""
    score, target = set_of(criterion, y_score, y_true)
    score = score.double().requires_grad_()
    weight = torch.ones_like(score)
    if weighted:
        n, n_pos = len(target), int(target.sum())
        weight[target == 1] = prevalence * n / n_pos
        weight[target == 0] = (1 - prevalence) * n / (n - n_pos)
    learned = copy.deepcopy(criterion._stream.surrogate).double()
    value = learned(Sets(target, score, weight.detach()))
    n = len(y_true)
    sign = 1 - 2 * y_true
    cross_entropy = softplus(sign * score[:n]).sum() / n
    stretch = min(len(score) / n, 2)
    objective = (
        criterion._stream.blend * stretch * value / learned.loss_scale
        + criterion._recipe.usual_weight * cross_entropy
    )
    (slope,) = torch.autograd.grad(objective, score)
    return value.item(), slope[:n].float()


@in_both_forms
@pytest.mark.parametrize("blend", [0.0, 0.3, 1.0])
@pytest.mark.parametrize(
    ("metric", "weight", "n"),
    [("f1", 1.0, 32), ("auc", 0.25, 1), ("auc", 0.0, 70), (missed_share, 1.0, 32)],
)
def test_gradient_is_that_of_the_formula_for_the_rows_of_the_batch(
    metric, weight, n, blend
):
    criterion = fed(
        metric,
        usual_weight=weight,
        prevalence=0.2,
        warm_up=10**6,  # the call itself moves the blend by no more than 1e-6
        mode="scratch" if metric is missed_share else "refined",
    )
    criterion._stream.blend = blend
    y_score, y_true = batch(7, n)
    loss = criterion(y_score, y_true)
    loss.backward()
    assert criterion._stream.blend == pytest.approx(blend, abs=1e-5)
    value, slope = expected(
        criterion, y_score, y_true, prevalence=0.2, weighted=metric is not missed_share
    )
    assert loss.item() == pytest.approx(value, rel=1e-4)
    # the compiled form's tanh is right to about 1e-6
    assert torch.allclose(y_score.grad, slope, rtol=1e-3, atol=1e-5)


def test_the_set_is_the_batch_and_rows_of_the_queue():
    criterion = fed("f1")
    y_score, y_true = batch(7, 20)
    criterion(y_score, y_true)
    rest = criterion._rest
    assert len(rest.score) == 64 - 20
    rows = criterion._stream.queue.rows()
    kept = set(zip(rows.score.tolist(), rows.target.tolist(), strict=True))
    drawn = set(zip(rest.score.tolist(), rest.target.tolist(), strict=True))
    assert drawn <= kept
    assert {label for _, label in drawn} == {0, 1}


@pytest.mark.parametrize("calls", [0, 3])
def test_without_a_blend_the_gradient_is_cross_entropys(calls):
    criterion = fed("f1", calls=calls, blend=0.0, **HELD)
    y_score, y_true = batch(7)
    criterion(y_score, y_true).backward()
    assert torch.allclose(y_score.grad, cross_entropy_gradient(y_score, y_true))


@in_both_forms
def test_an_outside_factor_scales_the_gradient():
    gradients = []
    for factor in (1.0, 2.0**16, 1 / 3):
        criterion = fed("f1", blend=0.5)
        y_score, y_true = batch(7)
        (factor * criterion(y_score, y_true)).backward()
        gradients.append(y_score.grad / factor)
    assert torch.equal(gradients[0], gradients[1])
    assert torch.allclose(gradients[0], gradients[2], rtol=1e-6)


def test_accumulated_gradients_are_the_mean_of_those_of_the_calls():
    weight, alone = torch.zeros(2, requires_grad=True), []
    together, separate = (fed("f1", blend=0.5) for _ in range(2))
    for seed in range(3):
        y_score, y_true = batch(seed)
        x = torch.stack([y_score.detach(), torch.ones(32)], dim=-1)
        logits = x @ weight + y_score.detach()
        (together(logits, y_true) / 3).backward()
        (slope,) = torch.autograd.grad(
            separate(x @ weight + y_score.detach(), y_true), weight
        )
        alone.append(slope)
    assert torch.allclose(weight.grad, torch.stack(alone).mean(0), rtol=1e-5)


@in_both_forms
def test_a_later_call_does_not_change_an_earlier_gradient():
    gradients = []
    for calls_between in (0, 3):
        criterion = fed("f1", blend=0.5)
        y_score, y_true = batch(7)
        loss = criterion(y_score, y_true)
        for seed in range(calls_between):
            criterion(*batch(seed))
        loss.backward()
        gradients.append(y_score.grad)
    assert torch.equal(*gradients)


@in_both_forms
def test_second_derivatives_are_cross_entropys():
    criterion = fed("f1", blend=0.5)
    y_score, y_true = batch(7)
    loss = criterion(y_score, y_true)
    (slope,) = torch.autograd.grad(loss, y_score, create_graph=True)
    (second,) = torch.autograd.grad(slope.sum(), y_score)
    called = y_score.detach().sigmoid()
    assert torch.allclose(second, called * (1 - called) / 32)


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int64, torch.float64])
@pytest.mark.parametrize("of_scores", [(), (1,)])
@pytest.mark.parametrize("of_targets", [(), (1,)])
def test_shape_and_type_of_the_targets_change_nothing(dtype, of_scores, of_targets):
    results = []
    for target_type, shapes in ((torch.float32, ((), ())), (dtype, None)):
        criterion = fed("f1", blend=0.5)
        y_score, y_true = batch(7)
        of_score, of_target = shapes or (of_scores, of_targets)
        loss = criterion(
            y_score.reshape(32, *of_score),
            y_true.to(target_type).reshape(32, *of_target),
        )
        loss.backward()
        results.append((loss.shape, loss.item(), y_score.grad.tolist()))
    assert results[0] == results[1]


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_scores_of_another_type_get_a_gradient_of_theirs(dtype):
    criterion = fed("f1", blend=0.5)
    y_score, y_true = batch(7)
    y_score = y_score.detach().to(dtype).requires_grad_()
    loss = criterion(y_score, y_true)
    loss.backward()
    assert (loss.dtype, y_score.grad.dtype) == (torch.float32, dtype)
    assert y_score.grad.abs().max() > 0


@pytest.fixture
def default_dtype():
    yield torch.set_default_dtype
    torch.set_default_dtype(torch.float32)


@in_both_forms
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_the_default_type_does_not_matter(dtype, default_dtype):
    batches = [batch(seed) for seed in range(6)]
    batches[0][1].zero_()  # of one class

    def losses() -> list[float]:
        criterion = SurrogateLoss("f1", **SMALL)
        criterion._stream.blend = 0.5
        return [criterion(*rows).item() for rows in batches]

    usual = losses()
    default_dtype(dtype)
    assert losses() == pytest.approx(usual, rel=1e-5)


@in_both_forms
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_from_scratch_too_it_is_in_single_precision(dtype, default_dtype):
    default_dtype(dtype)
    criterion = SurrogateLoss("f1", mode="scratch", **SMALL)
    y_score = torch.linspace(-1, 1, 32, dtype=torch.float32, requires_grad=True)
    loss = criterion(y_score, torch.arange(32) % 2)
    loss.backward()
    assert {w.dtype for w in weights(criterion)} == {loss.dtype} == {torch.float32}


def test_one_of_three_processes_gets_its_rows_share_of_the_joint_gradient(monkeypatch):
    y_score, y_true = batch(7)
    joint = fed("f1", blend=0.5)
    value = joint(y_score, y_true)
    value.backward()
    own, own_true = y_score.detach()[10:16].requires_grad_(), y_true[10:16]

    def gathered(found_score, found_true, *, group):
        assert group is None
        assert torch.equal(found_score, own)
        assert torch.equal(found_true, own_true.long())
        return Gathered(y_score.detach(), y_true.long(), 10, 3)

    one = fed("f1", blend=0.5)
    monkeypatch.setattr(criterion_module, "gather_rows", gathered)
    loss = one(own, own_true)
    loss.backward()
    assert loss.item() == pytest.approx(value.item(), rel=1e-5)
    # averaged over the processes, as DDP does, it is the joint gradient
    assert torch.allclose(own.grad / 3, y_score.grad[10:16], rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(
    ("scores", "targets", "message"),
    [
        (torch.zeros(3), torch.tensor([0.0, 2.0, 1.0]), r"`target`.*got \[2\.0\]"),
        (torch.zeros(2), torch.tensor([-1, 1]), r"`target`.*got \[-1\]"),
        (torch.zeros(2), torch.tensor([0.05, 1.0]), r"`target`.*got \[0\.05"),
        (torch.zeros(2), torch.tensor([math.nan, 1.0]), r"`target`.*got \[nan\]"),
        (torch.zeros(3), torch.zeros(4), r"input \[3\] and target \[4\]"),
        (torch.zeros(3, 2), torch.zeros(3, 2), r"input \[3, 2\] and target \[3, 2\]"),
        (torch.zeros(3, 2), torch.zeros(3), r"input \[3, 2\] and target \[3\]"),
        (torch.tensor(0.0), torch.tensor(1.0), r"input \[\] and target \[\]"),
        (torch.zeros(3, dtype=torch.long), torch.zeros(3), r"`input`.*torch\.int64"),
    ],
)
@pytest.mark.parametrize("training", [True, False])
def test_what_cannot_be_used_is_named(scores, targets, message, training):
    criterion = SurrogateLoss("f1", **SMALL).train(training)
    with pytest.raises(ValueError, match=message):
        criterion(scores, targets)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"prevalence": 0.0}, r"`prevalence` must be in \(0, 1\) or None, got 0\.0"),
        ({"prevalence": 1.5}, "`prevalence` must be"),
        ({"learn_every": 0}, "`learn_every` must be at least 1, got 0"),
        ({"warm_up": 0}, "`warm_up` must be at least 1"),
        ({"queue_size": 1}, "at least 2 rows, got 1"),
        ({"set_size": 1}, "`batch_size` must be at least 2"),
        ({"metric": "no_such"}, "Unknown metric `no_such`"),
    ],
)
def test_settings_out_of_range_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        SurrogateLoss(**settings)


def test_nothing_is_drawn_from_the_global_generator():
    before = torch.get_rng_state()
    fed("f1")
    fed(missed_share, mode="scratch")
    assert torch.equal(torch.get_rng_state(), before)


def test_the_old_name_of_the_usual_weight_still_works_and_warns():
    with pytest.warns(FutureWarning, match="usual_weight"):
        criterion = SurrogateLoss("f1", cross_entropy_weight=0.3)
    assert criterion._recipe.usual_weight == 0.3
