"""The criterion's value and gradient, what it refuses, and that it learns."""

import copy
import math
from dataclasses import replace

import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch.nn.functional import softplus

from criterion_cases import HELD, SMALL, batch, fed, gap, missed_share, set_of, weights
from losslearn import SurrogateLoss, get_true_loss
from losslearn import criterion as criterion_module
from losslearn.gathering import Gathered
from losslearn.thresholds import best_threshold
from losslearn.universal import UniversalConfig, store

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
    value = learned(target, score, sample_weight=weight.detach())
    n = len(y_true)
    sign = 1 - 2 * y_true
    cross_entropy = softplus(sign * score[:n]).sum() / n
    stretch = min(len(score) / n, 2)
    objective = (
        criterion._stream.blend * stretch * value / learned.loss_scale
        + criterion._config.cross_entropy_weight * cross_entropy
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
        cross_entropy_weight=weight,
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
    assert len(rest.y_score) == 64 - 20
    kept = set(
        zip(*(rows.tolist() for rows in criterion._stream.queue.rows()), strict=True)
    )
    drawn = set(zip(rest.y_score.tolist(), rest.y_true.tolist(), strict=True))
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


def test_same_seed_gives_the_same_history_and_another_does_not():
    def history(seed: int) -> list[float]:
        criterion = fed("f1", random_state=seed)
        return [criterion(*batch(step)).item() for step in range(3)]

    assert history(0) == history(0)
    assert history(0) != history(1)


@pytest.mark.parametrize(
    ("is_builtin", "n_valued"), [(True, [4, 4, 4]), (False, [4, 1, 1])]
)
def test_a_metric_of_your_own_is_called_for_a_quarter_of_the_sets(is_builtin, n_valued):
    true_loss = replace(get_true_loss("f1"), is_builtin=is_builtin)
    own = {"replay": None, "n_sets": 4, "mode": "scratch"}
    # a prevalence of the queue's would change, and with it the layout of the sets
    criterion = fed(true_loss, calls=0, prevalence=0.4, **own)
    valued = []

    def counted(y_true, y_score, *, sample_weight=None):
        valued.append(len(y_score))
        return true_loss(y_true, y_score, sample_weight=sample_weight)

    learner = criterion._stream._learner
    learner._true_loss = replace(true_loss, function=counted)
    for seed in range(3):
        criterion(*batch(seed))
    assert valued == n_valued


@pytest.mark.parametrize("learn_every", [1, 3])
def test_the_surrogate_is_fitted_every_so_many_calls(learn_every):
    criterion, changed = fed("f1", calls=0, learn_every=learn_every), []
    for seed in range(6):
        before = weights(criterion)
        criterion(*batch(seed))
        changed.append(not all(map(torch.equal, before, weights(criterion))))
    assert changed == [(call + 1) % learn_every == 0 for call in range(6)]


def test_the_default_learns_in_every_fourth_call_four_steps_at_once():
    small = {key: SMALL[key] for key in ("set_size", "queue_size")}
    criterion, n_steps = SurrogateLoss("f1", **small), []
    for seed in range(8):
        criterion(*batch(seed))
        count, *_ = criterion._stream._learner._descent.moments()
        n_steps.append(int(count))
    assert n_steps == [0, 0, 0, 4, 4, 4, 4, 8]


@pytest.mark.parametrize("at_once", [0, 1, 5, 50])
def test_health_is_read_as_often_however_many_steps_a_fit_takes(at_once, monkeypatch):
    pace = {"learn_every": max(at_once, 1), "surrogate_steps": at_once}
    criterion, n_read = fed("f1", calls=0, **pace), []
    monkeypatch.setattr(
        criterion._stream.health, "read", lambda *_, **__: n_read.append(1)
    )
    for seed in range(150):
        criterion(*batch(seed))
    assert len(n_read) == {0: 6, 1: 6, 5: 6, 50: 3}[at_once]  # at most once a fit


def test_in_universal_mode_the_surrogate_stays_as_it_is():
    criterion = SurrogateLoss("f1", mode="universal", **SMALL)
    before = weights(criterion)
    for seed in range(3):
        criterion(*batch(seed))
    assert all(map(torch.equal, before, weights(criterion)))
    assert math.isfinite(criterion.metrics()["cosine"])


def test_blend_goes_towards_trust_by_the_warm_up():
    criterion = fed("auc", warm_up=10, perturbation=0.0)
    trust = min(max((criterion.metrics()["cosine"] - 0.1) / 0.3, 0.0), 1.0)
    assert trust > 0  # the shipped surrogate knows AUC
    blend = criterion.metrics()["blend"]
    assert blend == pytest.approx(trust * (1 - 0.9**3))
    criterion(*batch(9))
    assert criterion.metrics()["blend"] == pytest.approx(blend + 0.1 * (trust - blend))


def test_metrics_are_those_of_the_queue():
    criterion = SurrogateLoss("auc", **SMALL)
    assert all(
        math.isnan(value)
        for key, value in criterion.metrics().items()
        if key != "blend"
    )
    rows = [batch(seed, 40) for seed in range(10)]
    for row in rows:
        criterion(*row)
    y_score, y_true = (
        torch.cat(part).detach()[-256:] for part in zip(*rows, strict=True)
    )
    found = criterion.metrics()
    assert found["true_loss"] == pytest.approx(1 - roc_auc_score(y_true, y_score))
    assert 0 < found["surrogate_error"] < 0.2
    assert found["cosine"] > 0.5
    assert 0 <= found["dead_share"] < 0.5
    assert 0 < found["blend"] < 0.1


@pytest.mark.parametrize("prevalence", [None, 0.05])
def test_threshold_is_the_best_on_the_queue_at_the_prevalence(prevalence):
    criterion = fed("f1", prevalence=prevalence)
    y_score, y_true = criterion._stream.queue.rows()
    weight = None
    if prevalence is not None:
        n_pos = y_true.sum()
        weight = torch.where(
            y_true == 1, prevalence / n_pos, (1 - prevalence) / (len(y_true) - n_pos)
        )
    expected, loss = best_threshold(
        get_true_loss("f1"), y_true, y_score, sample_weight=weight
    )
    assert criterion.threshold == expected
    assert criterion.metrics()["true_loss"] == pytest.approx(loss, rel=1e-5)
    assert fed("auc").threshold is None


@pytest.mark.parametrize("labels", [None, [0, 0, 0], [1, 1, 1]])
def test_threshold_needs_rows_of_both_classes(labels):
    criterion = SurrogateLoss("f1", **SMALL)
    if labels is not None:
        criterion(torch.randn(3), torch.tensor(labels))
    with pytest.raises(ValueError, match=r"empty|both classes"):
        _ = criterion.threshold


def test_repr_says_what_it_trains_for():
    assert repr(SurrogateLoss("f1")) == "SurrogateLoss('f1_loss', set_size=500)"


@pytest.fixture(scope="module")
def shared_cache(tmp_path_factory):
    """Where the surrogate of the metric of one's own is kept, fitted once."""
    return tmp_path_factory.mktemp("cache")


def separated(seed: int, n: int, direction: torch.Tensor):
    """Rare positives moved along a direction; along it lies the best score."""
    generator = torch.Generator().manual_seed(seed)
    y_true = (torch.rand(n, generator=generator) < 0.1).long()
    x = torch.randn(n, len(direction), generator=generator)
    return x + y_true[:, None] * direction, y_true


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("metric", ["f1", "auc", "ap", gap])
def test_the_learned_loss_alone_reaches_the_known_optimum(
    metric, seed, shared_cache, monkeypatch
):
    monkeypatch.setenv("LOSSLEARN_CACHE", str(shared_cache))
    quick = UniversalConfig(set_sizes=(64, 256), n_sets=512, max_iter=500)
    monkeypatch.setattr(store, "CALLABLE", quick)
    direction = 2 * torch.nn.functional.normalize(
        torch.randn(4, generator=torch.Generator().manual_seed(seed)), dim=0
    )
    criterion = SurrogateLoss(
        metric,
        cross_entropy_weight=0.0,  # so that nothing else shows the way
        warm_up=20,
        set_size=200,
        random_state=seed,
    )
    torch.manual_seed(seed)
    model = torch.nn.Linear(4, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    x_test, y_test = separated(99, 4_000, direction)

    def true_loss(y_score: torch.Tensor) -> float:
        return float(criterion.true_loss(y_test, y_score))

    start = true_loss(model(x_test).detach().squeeze(-1))
    n_steps = 400
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, n_steps)
    for step in range(n_steps):
        x, y_true = separated(100 * step + seed, 64, direction)
        loss = criterion(model(x), y_true)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    y_score = model(x_test).detach().squeeze(-1)
    best = true_loss(x_test @ direction)
    assert start > best + 0.1
    assert true_loss(y_score) < best + 0.03
    assert y_score.std() > 1e-2
    assert criterion.metrics()["blend"] > 0.5
