"""A task without classes goes through everything that is said not to know the task."""

import pytest
import torch
from dummy_task import MEAN_GAP, Pairs
from torch import nn

from losslearn import Recipe, SurrogateLoss
from losslearn._fast import fastest
from losslearn.models.predictor import TorchPredictor
from losslearn.models.rows import Rows
from losslearn.report.fit_report import judge_methods, make_report
from losslearn.surrogate.universal import (
    UniversalConfig,
    initial_surrogate,
    load_universal,
    make_universal,
    save_universal,
)
from losslearn.training.comparison import compare
from losslearn.training.loop import make_sampler
from losslearn.training.setup import Setup

QUICK = UniversalConfig(set_sizes=(8, 16), n_sets=256, max_iter=200)
RECIPE = Recipe(max_iter=40, n_evals=4, rounds=2, n_sets=4, mode="scratch")


def table(seed: int) -> Rows:
    """Rows in 60 units of 1 to 9, whose targets are two sums of the features."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, 10, (60,), generator=generator)
    groups = torch.arange(60).repeat_interleave(lengths)
    x = torch.randn(len(groups), 4, generator=generator)
    target = x @ torch.tensor([[1.0, 0.0], [0.5, -1.0], [0.0, 2.0], [0.0, 0.0]])
    return Rows(x, target, groups=groups, score_shape=(2,))


@pytest.fixture(scope="module")
def compared():
    train, valid, task = table(0), table(1), Pairs()
    surrogate = initial_surrogate(MEAN_GAP, task, mode="scratch", seed=0)

    def make_predictor():
        return fastest(TorchPredictor(nn.Linear(4, 2), train, lr=0.05))

    setup = Setup(MEAN_GAP, task, surrogate, RECIPE, 3)
    found = compare(make_predictor, valid, setup)
    return *found, valid


def test_both_methods_train_and_fall_below_the_start(compared):
    comparison, _, _ = compared
    for run in (comparison.learned, comparison.usual):
        assert run.n_iter == RECIPE.max_iter
        assert run.best_loss < run.history[0].validation_loss
    assert list(comparison.runs) == ["surrogate", "squared_error"]


def test_the_report_is_made_of_it(compared):
    comparison, _, _ = compared
    task = Pairs()
    judged = judge_methods(comparison, MEAN_GAP, predictor_name="linear")
    report = make_report(comparison, judged, MEAN_GAP, task)
    assert report["task"] == "pairs"
    assert report["judged_by"] is None
    assert [one["role"] for one in report["results"]] == ["learned", "usual"]
    assert all(one["rule"] == {"kind": "none"} for one in report["results"])


def test_sets_are_whole_units_and_absent_places_weigh_nothing():
    rows, task = table(0), Pairs()
    generator = torch.Generator().manual_seed(0)
    sampler = make_sampler(rows, MEAN_GAP, task, RECIPE, generator=generator)
    drawn = sampler.draw(20)
    for numbers, weight in zip(drawn.rows, drawn.weight, strict=True):
        there = numbers[weight > 0]
        (unit,) = rows.groups[there].unique().tolist()
        assert sorted(there.tolist()) == (rows.groups == unit).nonzero()[:, 0].tolist()


def test_same_seed_same_history(compared):
    comparison, _, valid = compared
    task, train = Pairs(), table(0)
    surrogate = initial_surrogate(MEAN_GAP, task, mode="scratch", seed=0)
    again, _ = compare(
        lambda: fastest(TorchPredictor(nn.Linear(4, 2), train, lr=0.05)),
        valid,
        Setup(MEAN_GAP, task, surrogate, RECIPE, 3),
    )
    looks = [look.validation_loss for look in comparison.learned.history]
    assert [look.validation_loss for look in again.learned.history] == looks


def test_its_universal_surrogate_is_saved_and_loaded(tmp_path):
    task = Pairs()
    made = make_universal(MEAN_GAP, task=task, config=QUICK)
    path = tmp_path / "mean_gap.safetensors"
    save_universal(made, path)
    view = task.view(MEAN_GAP, standardize=False)
    loaded = load_universal(path, view)
    sets = task.generated(MEAN_GAP, form="wide").draw(
        5, 7, generator=torch.Generator().manual_seed(9)
    )
    kept, known = loaded.surrogate.state_dict(), made.surrogate.state_dict()
    assert all(torch.equal(kept[name], known[name]) for name in known)
    assert loaded.error == made.error
    spread = MEAN_GAP(sets).std()
    assert (made.surrogate(sets) - MEAN_GAP(sets)).abs().mean() < spread


def feed(criterion: SurrogateLoss, steps: range) -> list[float]:
    """Train a layer by the criterion, with batches that their number settles."""
    values = []
    for step in steps:
        generator = torch.Generator().manual_seed(step)
        target = torch.randn(16, 2, generator=generator)
        noise = torch.randn(16, 2, generator=generator)
        score = (target + noise / (1 + step)).requires_grad_()
        loss = criterion(score, target)
        loss.backward()
        assert score.grad.isfinite().all()
        assert score.grad.abs().sum() > 0
        values.append(float(loss.detach()))
    return values


def test_the_criterion_takes_it_and_goes_on_from_its_state(tmp_path):
    settings = {"set_size": 32, "queue_size": 128, "learn_every": 1, "mode": "scratch"}
    whole = SurrogateLoss(MEAN_GAP, task=Pairs(), **settings)
    values = feed(whole, range(12))
    first = SurrogateLoss(MEAN_GAP, task=Pairs(), **settings)
    feed(first, range(6))
    torch.save(first.state_dict(), tmp_path / "state.pt")
    second = SurrogateLoss(MEAN_GAP, task=Pairs(), **settings)
    second.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    assert feed(second, range(6, 12)) == values[6:]
    assert whole.rule is None
    whole.eval()
    sets = torch.randn(8, 2), torch.randn(8, 2)
    assert whole(*sets) == pytest.approx(float(mean_gap_of(*sets)))


def mean_gap_of(score: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    total = 0.0
    for row in range(len(score)):
        gap = sum(abs(float(target[row, k] - score[row, k])) for k in range(2))
        total += round(gap * 10) / 10
    return torch.tensor(total / len(score))
