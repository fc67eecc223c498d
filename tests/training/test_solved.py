"""A linear model's warm-up is the usual loss's own solutions; its control stands."""

import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from core_cases import new_surrogate, new_trainer
from sklearn.linear_model import LogisticRegression

from losslearn.metrics import MetricError, Sets, get_true_loss
from losslearn.models.networks import build_model
from losslearn.models.rows import Rows
from losslearn.tasks.binary import Binary
from losslearn.training import solved
from losslearn.training.branches import LEARNED
from losslearn.training.comparison import compare
from losslearn.training.loop import Run, Trainer
from losslearn.training.recipe import Recipe
from losslearn.training.setup import Setup
from losslearn.training.solved import drawn_rows, has_solution, solve

RECIPE = Recipe(mode="scratch", max_iter=24, n_evals=12, rounds=2, batch_size=60)
STRENGTHS = (100.0, 10.0, 1.0, 0.1)
"""1 / C, the strongest penalty first."""


def data(n: int = 300) -> tuple[Rows, Rows]:
    draws = torch.Generator().manual_seed(0)
    x = torch.randn(2 * n, 4, generator=draws)
    y = (x[:, 0] + torch.randn(2 * n, generator=draws) > 0.8).long()
    return Rows(x[:n], y[:n]), Rows(x[n:], y[n:])


def trainer_of(recipe: Recipe = RECIPE, metric: str = "auc") -> Trainer:
    train, valid = data()
    model = build_model("linear", train.x)
    return new_trainer(model, (train, valid), metric, recipe, seed=0)


def logistic_losses(metric: str) -> list[float]:
    """Return scikit-learn's validation losses along the path."""
    train, valid = data()
    mean, spread = train.x.mean(0), train.x.std(0, correction=0)
    z, z_valid = ((rows.x - mean) / spread for rows in (train, valid))
    losses = []
    for strength in STRENGTHS:
        model = LogisticRegression(C=1 / strength, tol=1e-8, max_iter=1_000)
        model.fit(z.numpy(), train.target.numpy())
        score = torch.from_numpy(model.decision_function(z_valid.numpy()))
        losses.append(float(get_true_loss(metric)(Sets(valid.target, score))))
    return losses


def test_the_penalty_is_the_one_that_penalised_logistic_regression_chooses():
    trainer, run = trainer_of(), Run("cross_entropy")
    solve(trainer, run, [], watch=None)
    expected = logistic_losses("auc")
    looks = [look.validation_loss for look in run.history]
    np.testing.assert_allclose(looks, expected, atol=2e-4)
    best = int(np.argmin(looks))
    assert trainer.recipe.penalty == STRENGTHS[best] / 300
    assert trainer.recipe.model_lr == 1e-2
    assert run.best_loss == looks[best]
    assert run.n_iter == RECIPE.warm_up_iter
    now = trainer.predictor.weights()
    assert all(torch.equal(now[name], run.best_state[name]) for name in now)


def test_a_given_penalty_is_kept():
    trainer, run = trainer_of(replace(RECIPE, penalty=0.1)), Run("cross_entropy")
    solve(trainer, run, [], watch=None)
    assert trainer.recipe.penalty == 0.1
    (look,) = run.history
    alone = LogisticRegression(C=1 / (0.1 * 300), tol=1e-8)
    train, _ = data()
    z = (train.x - train.x.mean(0)) / train.x.std(0, correction=0)
    alone.fit(z.numpy(), train.target.numpy())
    weight = trainer.predictor.weights()["layers.weight"].numpy()
    np.testing.assert_allclose(weight, alone.coef_, atol=1e-3)
    assert look.iteration == RECIPE.warm_up_iter


@pytest.mark.parametrize("n_evals", [2, 4, 12])
def test_there_are_no_more_looks_than_a_warm_up_by_steps_has(n_evals):
    trainer, run = trainer_of(replace(RECIPE, n_evals=n_evals)), Run("cross_entropy")
    solve(trainer, run, [], watch=None)
    assert len(run.history) == min(n_evals // 2, 4)


def test_rates_that_are_given_and_other_sets_are_trained_by_steps():
    assert has_solution(trainer_of())
    assert not has_solution(trainer_of(replace(RECIPE, model_lr=1e-2)))
    assert not has_solution(trainer_of(replace(RECIPE, weigh_back=False)))


def test_a_late_path_ends_with_what_it_has():
    trainer, run = trainer_of(), Run("cross_entropy")
    solve(trainer, run, [], watch=None, deadline=time.perf_counter())
    assert len(run.history) == 1
    assert run.n_iter == RECIPE.warm_up_iter
    assert trainer.recipe.penalty == STRENGTHS[0] / 300


@pytest.mark.parametrize("stop", [KeyboardInterrupt, MetricError("it broke")])
def test_what_stops_the_path_keeps_its_best_weights_or_is_raised(stop):
    def fail(_record) -> None:
        if len(run.history) == n_looks:
            raise stop

    n_looks, run, trainer = 3, Run("cross_entropy"), trainer_of()
    solve(trainer, run, [], watch=fail)
    assert run.is_stopped
    assert run.best_loss == min(look.validation_loss for look in run.history)

    def no_loss(_sets: Sets) -> None:
        raise MetricError("it broke at once")

    broken = trainer_of()
    broken.true_loss = no_loss
    with pytest.raises(MetricError, match="at once"):
        solve(broken, Run("cross_entropy"), [], watch=None)


def fit(**changes):
    train, valid = data()
    recipe = replace(RECIPE, **changes)

    def make_predictor():
        model = build_model("linear", train.x)
        return new_trainer(model, (train, valid), "auc", recipe, seed=0).predictor

    torch.manual_seed(1)
    true_loss, task, surrogate = get_true_loss("auc"), Binary(), new_surrogate()
    setup = Setup(true_loss, task, surrogate, recipe, 0)
    return compare(make_predictor, valid, setup)


def test_the_control_stands_and_the_learned_branch_goes_on_from_it():
    found, _ = fit()
    ours, control = found.runs[LEARNED], found.usual
    assert control.n_iter == ours.n_iter == RECIPE.max_iter
    best = min(logistic_losses("auc"))
    assert control.best_loss == pytest.approx(best, abs=2e-4)
    stood = [look for look in control.history if look.iteration > 12]
    assert [look.iteration for look in stood] == [18, 24]
    assert {look.validation_loss for look in stood} == {control.best_loss}
    assert ours.best_loss <= control.best_loss
    assert len({look.validation_loss for look in ours.history[4:]}) > 2


def test_steps_keep_the_penalty():
    """Strong enough, it draws the weights to 0 whatever the loss says."""
    usual_loss, sizes = Binary.usual_losses["cross_entropy"], []
    for penalty in (0.0, 30.0):
        trainer = trainer_of(replace(RECIPE, penalty=penalty, max_iter=400))
        trainer.train(Run(LEARNED), usual_loss, 300)
        sizes.append(float(trainer.predictor.weights()["layers.weight"].norm()))
    assert sizes[1] < 0.1 * sizes[0]


def test_of_a_large_table_rows_are_drawn_by_strata_and_weighed_back(monkeypatch):
    monkeypatch.setattr(solved, "_MOST_VALUES", 2_000)  # of two columns
    draws = torch.Generator().manual_seed(0)
    target = (torch.arange(10_000) % 100 == 7).long()
    numbers = torch.randperm(10_000, generator=draws)[:9_000]
    rows = Rows(torch.zeros(10_000, 2), target, numbers)
    drawn = drawn_rows(rows, Binary(), generator=draws)
    here = rows.target[drawn.rows]
    n_rare = int(target[numbers].sum())
    assert len(drawn.rows) == len(drawn.rows.unique()) == 1_000
    assert set(drawn.rows.tolist()) <= set(numbers.tolist())
    assert int(here.sum()) == n_rare  # all of the rare ones
    assert drawn.weight[here == 1].unique().tolist() == [1.0]
    assert float(drawn.weight[here == 0].sum()) == pytest.approx(9_000 - n_rare)


def test_of_a_small_table_all_rows_are_taken():
    numbers = torch.tensor([5, 3, 8])
    rows = Rows(torch.zeros(10, 2), torch.arange(10) % 2, numbers)
    drawn = drawn_rows(rows, Binary(), generator=torch.Generator())
    assert drawn.rows.tolist() == [5, 3, 8]
    assert drawn.weight is None
