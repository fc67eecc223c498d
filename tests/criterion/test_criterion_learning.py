"""What the criterion learns call by call, what it says of it, and where it ends."""

import math
from dataclasses import replace

import pytest
import torch
from criterion_cases import SMALL, batch, fed, gap, weights
from sklearn.metrics import roc_auc_score

from losslearn import SurrogateLoss, get_true_loss
from losslearn.metrics import Sets
from losslearn.surrogate.universal import UniversalConfig, store
from losslearn.tasks.thresholds import best_threshold


def test_same_seed_gives_the_same_history_and_another_does_not():
    def history(seed: int) -> list[float]:
        criterion = fed("f1", random_state=seed)
        return [criterion(*batch(step)).item() for step in range(3)]

    assert history(0) == history(0)
    assert history(0) != history(1)


def test_the_metric_is_called_for_a_quarter_of_the_sets():
    true_loss, valued = get_true_loss("f1"), []
    small = {name: SMALL[name] for name in SMALL if name != "replay"}
    # a prevalence of the queue's would change, and with it the layout of the sets
    criterion = SurrogateLoss("f1", prevalence=0.4, **{**small, "n_sets": 4})

    def counted(y_true, y_score, *, sample_weight=None):
        valued.append(len(y_score))
        return true_loss(Sets(y_true, y_score, sample_weight))

    learner = criterion._stream._learner
    learner.true_loss = replace(true_loss, function=counted)
    for seed in range(3):
        criterion(*batch(seed))
    assert valued == [4, 1, 1]


@pytest.mark.parametrize("learn_every", [1, 3])
def test_the_surrogate_is_fitted_every_so_many_calls(learn_every):
    criterion, changed = fed("f1", calls=0, learn_every=learn_every), []
    for seed in range(6):
        before = weights(criterion)
        criterion(*batch(seed))
        changed.append(not all(map(torch.equal, before, weights(criterion))))
    assert changed == [(call + 1) % learn_every == 0 for call in range(6)]


def test_the_default_learns_in_every_third_call_ten_steps_at_once():
    small = {key: SMALL[key] for key in ("set_size", "queue_size")}
    criterion, n_steps = SurrogateLoss("f1", **small), []
    for seed in range(8):
        criterion(*batch(seed))
        count, *_ = criterion._stream._learner.fitter.descent.moments
        n_steps.append(int(count))
    assert n_steps == [0, 0, 10, 10, 10, 20, 20, 20]


@pytest.mark.parametrize("at_once", [0, 1, 5, 50])
def test_health_is_read_as_often_however_many_steps_a_fit_takes(at_once, monkeypatch):
    pace = {"learn_every": max(at_once, 1), "surrogate_steps": at_once}
    criterion, n_read = fed("f1", calls=0, **pace), []
    monkeypatch.setattr(
        criterion._stream.health, "read", lambda *_, **__: n_read.append(1)
    )
    for seed in range(250):
        criterion(*batch(seed))
    assert len(n_read) == {0: 4, 1: 4, 5: 4, 50: 5}[at_once]  # at most once a fit


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
    rows = criterion._stream.queue.rows()
    y_score, y_true = rows.score, rows.target
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
        usual_weight=0.0,  # so that nothing else shows the way
        warm_up=20,
        set_size=200,
        random_state=seed,
    )
    torch.manual_seed(seed)
    model = torch.nn.Linear(4, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    x_test, y_test = separated(99, 4_000, direction)

    def true_loss(y_score: torch.Tensor) -> float:
        return float(criterion.true_loss(Sets(y_test, y_score)))

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
