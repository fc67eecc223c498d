import math

import pytest
import torch
from core_cases import new_learner, new_surrogate, new_trainer
from torch import nn

from losslearn.metrics import Sets, TrueLoss, get_true_loss
from losslearn.models.networks import MLP, Linear, score_rows
from losslearn.models.rows import Rows
from losslearn.surrogate.objective import LearnedObjective
from losslearn.surrogate.universal import get_universal, initial_surrogate
from losslearn.tasks.binary import Binary
from losslearn.tasks.cross_entropy import CrossEntropy
from losslearn.tasks.thresholds import best_threshold
from losslearn.training.loop import Record, Run, Trainer
from losslearn.training.recipe import Recipe


def draw_rows(
    n: int = 3_000, pos_rate: float = 0.05, seed: int = 0
) -> tuple[Rows, Rows]:
    """Two overlapping classes of two clusters each; a third of the rows validate."""
    generator = torch.Generator().manual_seed(seed)
    y_true = (torch.rand(n, generator=generator) < pos_rate).long()
    x = torch.randn(n, 5, generator=generator)
    side = torch.randint(0, 2, (n,), generator=generator) * 2.0 - 1.0
    x[:, 0] += 1.5 * y_true
    x[:, 1] += 1.5 * y_true * side
    cut = 2 * n // 3
    return Rows(x[:cut], y_true[:cut]), Rows(x[cut:], y_true[cut:])


def make_trainer(
    metric: str = "f1", *, seed: int = 0, model: nn.Module | None = None, **settings
) -> Trainer:
    settings = {"batch_size": 200, "n_sets": 4, "warm_up": 0.0, **settings}
    torch.manual_seed(seed)
    model = Linear(5) if model is None else model
    return new_trainer(model, draw_rows(), metric, Recipe(**settings), seed=seed)


def test_run_keeps_the_weights_with_the_lowest_validation_loss():
    trainer = make_trainer(max_iter=40, n_evals=40, model_lr=0.1)
    run = Run("cross_entropy")
    trainer.train(run, CrossEntropy(), 40)
    losses = [record.validation_loss for record in run.history]
    assert run.best_loss == min(losses)
    assert run.best_iter == losses.index(min(losses)) + 1
    trainer.predictor.load_weights(run.best_state)
    _, valid = draw_rows()
    y_score = score_rows(trainer.predictor.model, valid.x)
    loss = get_true_loss("f1")(Sets(valid.target, y_score))
    assert loss.item() == pytest.approx(run.best_loss)


def test_same_seed_gives_the_same_history_and_another_does_not():
    def history(seed: int) -> list[tuple[int, float, float]]:
        trainer = make_trainer(max_iter=20, seed=seed, model=None)
        loss = get_true_loss("f1")
        learner = new_learner(new_surrogate(), loss, trainer.recipe, seed=seed)
        run = Run("surrogate")
        objective = LearnedObjective(learner.fitter, usual_weight=1.0)
        trainer.train(run, objective, 20, learner=learner)
        return [
            (r.iteration, r.validation_loss, r.surrogate_error) for r in run.history
        ]

    assert history(0) == history(0)
    assert history(0) != history(1)


def test_training_in_two_parts_is_training_in_one():
    whole, parts = (make_trainer(max_iter=20) for _ in range(2))
    run = Run("cross_entropy")
    whole.train(run, CrossEntropy(), 20)
    run = Run("cross_entropy")
    parts.train(run, CrossEntropy(), 7)
    parts.train(run, CrossEntropy(), 20)
    assert all(
        map(
            torch.equal,
            whole.predictor.model.parameters(),
            parts.predictor.model.parameters(),
        )
    )


def test_snapshot_brings_everything_back():
    trainer = make_trainer(max_iter=30)
    trainer.train(Run("cross_entropy"), CrossEntropy(), 5)
    fork = trainer.snapshot()
    ends = []
    for _ in range(2):
        trainer.restore(fork)
        trainer.train(Run("cross_entropy", n_iter=5), CrossEntropy(), 15)
        ends.append([p.detach().clone() for p in trainer.predictor.model.parameters()])
    assert all(map(torch.equal, *ends))


def test_cosine_schedule_ends_at_zero():
    trainer = make_trainer(max_iter=10, schedule="cosine", model_lr=1.0)
    rates = []
    for until in range(1, 11):
        trainer.train(Run("cross_entropy", n_iter=until - 1), CrossEntropy(), until)
        rates.append(trainer.predictor.lr)
    expected = [0.5 * (1 + math.cos(math.pi * i / 10)) for i in range(10)]
    assert rates == pytest.approx(expected)


def test_patience_ends_training_that_does_not_improve():
    trainer = make_trainer(max_iter=100, n_evals=100, patience=3, model_lr=1e-12)
    run = Run("cross_entropy")
    trainer.train(run, CrossEntropy(), 100)
    assert run.n_iter == 4


@pytest.mark.parametrize(("bounded", "n_iter"), [(True, 4), (False, 8)])
def test_a_loss_that_can_be_no_lower_ends_training(bounded, n_iter):
    trainer = make_trainer(max_iter=8, n_evals=8)
    losses = iter([0.5, 0.1, 0.2, *[0.0] * 5])
    trainer.true_loss = TrueLoss(
        name="given",
        description="the next one",
        function=lambda *_, **__: torch.tensor(next(losses)),
        bounded=bounded,
    )
    run = Run("cross_entropy")
    trainer.train(run, CrossEntropy(), 8)
    assert (run.n_iter, run.best_iter) == (n_iter, 4)


def test_deadline_that_has_passed_ends_training_after_one_iteration():
    trainer = make_trainer(max_iter=100)
    run = Run("cross_entropy")
    trainer.train(run, CrossEntropy(), 100, deadline=0.0)
    assert run.n_iter == 1
    assert run.best_state


def test_ctrl_c_keeps_the_best_so_far():
    def interrupt(record: Record) -> None:
        if record.iteration == 4:
            raise KeyboardInterrupt

    trainer = make_trainer(max_iter=50, n_evals=25)
    run = Run("cross_entropy")
    trainer.train(run, CrossEntropy(), 50, watch=interrupt)
    assert run.interrupted
    assert (run.n_iter, len(run.history)) == (4, 2)
    assert run.best_state


def test_adopting_takes_the_better_weights_and_goes_on_from_there():
    ours = Run("surrogate", n_iter=4, best_loss=0.5, best_iter=4)
    control = Run("cross_entropy", n_iter=4, best_loss=0.3, best_iter=2)
    control.best_state = {"w": torch.ones(1)}
    control.history = [Record("cross_entropy", 4, 1.0, 0.4, math.nan)]
    ours.adopt(control)
    assert (ours.best_loss, ours.best_iter, ours.n_adopted) == (0.3, 2, 1)
    assert ours.best_state is control.best_state
    assert ours.last_loss == 0.4
    assert ours.history[-1].method == "surrogate"


class OneParameter(nn.Module):
    """The model of the paper's Figure 2."""

    def __init__(self) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.tensor(0.3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.alpha * x[:, 0] - 1.0


@pytest.mark.parametrize("seed", range(5))
def test_figure_2_problem_reaches_its_optimum(seed):
    generator = torch.Generator().manual_seed(100 + seed)
    y_true = torch.arange(600) % 2
    x = 0.7 * torch.randn(600, 1, generator=generator) + 1.5 + 1.5 * y_true[:, None]
    rows = Rows(x, y_true)
    true_loss = get_true_loss("error_rate").with_threshold(0.0)
    grid = torch.linspace(0.05, 3.0, 2_000)[:, None]
    losses = true_loss(Sets(y_true.expand(2_000, 600), grid * x[:, 0] - 1.0))
    config = Recipe(
        mode="scratch",
        max_iter=300,
        warm_up=0.0,
        usual_weight=0.0,
        batch_size=200,
        model_lr=0.02,
        surrogate_lr=1e-2,
        perturbation=1.0,
        catch_up=200,
    )
    torch.manual_seed(seed)
    surrogate = initial_surrogate(true_loss, Binary(), mode="scratch", seed=seed)
    learner = new_learner(surrogate, true_loss, config, seed=seed)
    model = OneParameter()
    trainer = new_trainer(model, (rows, rows), true_loss, config, seed=seed)
    objective = LearnedObjective(learner.fitter)
    trainer.train(Run("surrogate"), objective, 300, learner=learner)
    start = true_loss(Sets(y_true, 0.3 * x[:, 0] - 1.0))
    reached = true_loss(Sets(y_true, model(x).detach()))
    assert start > losses.min() + 0.1
    assert reached <= losses.min() + 0.02


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["scratch", "refined"])
@pytest.mark.parametrize("metric", ["f1", "mcc", "mcr", "ap", "auc"])
def test_no_seed_ends_as_a_constant_predictor(mode, metric):
    """Without the warm-up, which would make it easy."""
    true_loss = get_true_loss(metric)
    for seed in range(10):
        trainer = make_trainer(
            metric,
            seed=seed,
            model=MLP(5),
            mode=mode,
            max_iter=50,
            batch_size=100,
            n_sets=2,
            surrogate_steps=2,
            catch_up=20,
        )
        learned = (
            new_surrogate() if mode == "scratch" else get_universal(true_loss).surrogate
        )
        learner = new_learner(learned, true_loss, trainer.recipe, seed=seed)
        weight = trainer.recipe.usual_weight
        objective = LearnedObjective(learner.fitter, usual_weight=weight)
        trainer.train(Run("surrogate"), objective, 50, learner=learner)
        _, valid = draw_rows()
        y_true = valid.target
        y_score = score_rows(trainer.predictor.model, valid.x)
        assert y_score.std() > 1e-3, seed
        # a constant predictor ranks at random, 0.5
        assert get_true_loss("auc")(Sets(y_true, y_score)) < 0.35, seed
        f1_loss = get_true_loss("f1")
        threshold, _ = best_threshold(f1_loss, y_true, y_score)
        called_positive = (y_score >= threshold).float().mean()
        assert 0 < called_positive < 1, seed
