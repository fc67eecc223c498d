"""How long a model is trained is chosen by short runs; a given rate chooses nothing."""

import math
from dataclasses import replace

import pytest
import torch
from core_cases import new_surrogate, new_trainer
from torch.nn.functional import binary_cross_entropy_with_logits

from losslearn.metrics import MetricError, get_true_loss
from losslearn.models.networks import MLP
from losslearn.models.rows import Rows
from losslearn.tasks.binary import Binary
from losslearn.training import tuning
from losslearn.training.branches import LEARNED
from losslearn.training.checkpoint import Checkpoint
from losslearn.training.comparison import compare
from losslearn.training.loop import Run, Trainer
from losslearn.training.recipe import Recipe
from losslearn.training.setup import Setup
from losslearn.training.tuning import Tried, lengths, tune, tuning_share

RECIPE = Recipe(mode="scratch", max_iter=128, n_evals=32, rounds=2, batch_size=60)


@pytest.fixture(autouse=True)
def _few_iterations_tell(monkeypatch):
    monkeypatch.setattr(tuning, "_LEAST_ITER", 4)


def data(n: int = 200) -> tuple[Rows, Rows]:
    draws = torch.Generator().manual_seed(0)
    x = torch.randn(2 * n, 3, generator=draws)
    y = (x[:, 0] + torch.randn(2 * n, generator=draws) > 0.8).long()
    return Rows(x[:n], y[:n]), Rows(x[n:], y[n:])


def trainer_of(recipe: Recipe = RECIPE) -> Trainer:
    train, valid = data()
    torch.manual_seed(0)
    model = MLP(3, hidden=(4,))
    return new_trainer(model, (train, valid), "auc", recipe, seed=0)


def tuned(trainer: Trainer, known: list[Tried], *, deadline: float = math.inf):
    """Return the iterations chosen, and the results."""
    results = list(known)
    tune(trainer, Run("cross_entropy"), results, deadline=deadline)
    assert (trainer.recipe.model_lr, trainer.recipe.penalty) == (RECIPE.rate, 0.0)
    return trainer.recipe.max_iter, results


def test_short_runs_are_of_a_quarter_each():
    assert lengths(RECIPE) == (32, 8)
    assert lengths(Recipe()) == (500, 125, 31)
    assert tuning_share(RECIPE) == 40 / 128
    for given in ({"model_lr": 0.1}, {"max_iter": 15}, {"n_evals": 3}):
        assert lengths(replace(RECIPE, **given)) == ()
        assert tuning_share(replace(RECIPE, **given)) == 0


def scores(n_wrong: int) -> torch.Tensor:
    """Return scores of the validation rows, wrong of the first few of each class."""
    y = trainer_of().valid.target
    score = y.float() * 2 - 1
    for label in (0, 1):
        score[torch.nonzero(y == label)[:n_wrong, 0]] *= -1
    return score


def known(*wrong: int, usual: tuple[float, ...]) -> list[Tried]:
    """Return results whose losses are those of scores with so many wrong rows."""
    auc, y = get_true_loss("auc"), trainer_of().valid.target
    return [
        Tried(float(auc.function(y, scores(n))), one, scores(n))
        for n, one in zip(wrong, usual, strict=True)
    ]


def test_a_shorter_run_stands_where_both_losses_are_lower_and_the_true_one_clearly():
    clear = known(30, 5, usual=(0.7, 0.6))
    assert tuned(trainer_of(), clear) == (8, clear)  # none is run again
    for other in (
        known(5, 5, usual=(0.7, 0.6)),  # as good
        known(5, 30, usual=(0.7, 0.6)),  # behind
        known(30, 5, usual=(0.7, 0.8)),  # the usual loss says no
        [clear[0], clear[1]._replace(loss=math.nan)],
    ):
        assert tuned(trainer_of(), other)[0] == RECIPE.max_iter


def test_of_the_longest_the_whole_may_be_longer_yet():
    assert tuned(trainer_of(), known(5, 30, usual=(0.6, 0.7)))[0] == RECIPE.max_iter


def test_runs_begin_where_training_is_to_begin():
    trainer, again = trainer_of(), trainer_of()
    before = trainer.predictor.weights()
    _, results = tuned(trainer, [])
    after = trainer.predictor.weights()
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert torch.equal(trainer.snapshot().draws, again.snapshot().draws)
    # the second result is that of such a run alone
    again.recipe = replace(RECIPE, penalty=0.0, max_iter=8, n_evals=4)
    run, (name, usual_loss), usual = Run("cross_entropy"), again.usual, []
    again.observe = lambda _, score: usual.append(
        binary_cross_entropy_with_logits(score, again.valid.target.float()).item()
    )
    again.train(run, usual_loss, 8)
    assert name == run.method
    assert results[1][:2] == pytest.approx([run.best_loss, min(usual)], abs=1e-6)
    assert results[0][:2] != results[1][:2]
    again.predictor.load_weights(run.best_state)
    assert torch.equal(results[1].score, again.predictor.predict(again.valid))


def test_the_best_weights_of_all_lengths_are_kept():
    trainer, run = trainer_of(), Run("cross_entropy")
    results = []
    tune(trainer, run, results, deadline=math.inf)
    assert run.best_loss == min(tried.loss for tried in results)
    trainer.predictor.load_weights(run.best_state)
    score = trainer.predictor.predict(trainer.valid)
    assert float(trainer.true_loss(trainer.valid.whole(score))) == run.best_loss


def test_results_that_are_no_numbers_choose_the_whole():
    trainer = trainer_of()
    nothing = replace(
        trainer.true_loss, function=lambda *_, **__: torch.tensor(math.nan)
    )
    trainer.true_loss = nothing
    chosen, results = tuned(trainer, [])
    assert chosen == RECIPE.max_iter
    assert len(results) == 2


def test_none_begins_after_the_deadline():
    assert tuned(trainer_of(), [], deadline=0.0) == (RECIPE.max_iter, [])


def test_what_stops_a_short_run_ends_the_tuning_with_its_weights():
    looks = []

    def interrupt() -> None:
        looks.append(1)
        if len(looks) == 10:
            raise KeyboardInterrupt

    trainer, run = trainer_of(), Run("cross_entropy")
    trainer.observe = lambda *_: interrupt()
    tune(trainer, run, [], deadline=math.inf)
    assert run.interrupted
    assert run.best_state
    assert math.isfinite(run.best_loss)
    assert len(looks) == 11  # and one at the end of what was interrupted


@pytest.mark.parametrize("error", [KeyboardInterrupt(), MetricError("no")])
def test_what_stops_the_choice_leaves_the_best_weights(monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(tuning, "loss_difference", fail)
    trainer, run = trainer_of(), Run("cross_entropy")
    tune(trainer, run, known(30, 5, usual=(0.7, 0.6)), deadline=math.inf)
    assert run.is_stopped
    assert run.failure is (error if isinstance(error, MetricError) else None)
    assert trainer.recipe.max_iter == RECIPE.max_iter


def fit(path=None, *, kill_after: int | None = None, watch=None):
    train, valid = data()
    checkpoint = None if path is None else Checkpoint(path, "key")
    if kill_after is not None:
        keep, kept = checkpoint.keep, []

        def keep_and_die(state) -> None:
            keep(state)
            kept.append(1)
            if len(kept) == kill_after:
                raise KilledError

        checkpoint.keep = keep_and_die
    torch.manual_seed(1)
    surrogate, true_loss = new_surrogate(), get_true_loss("auc")

    def make_predictor():
        model = MLP(3, hidden=(4,))
        return new_trainer(model, (train, valid), "auc", RECIPE, seed=0).predictor

    return compare(
        make_predictor,
        valid,
        Setup(true_loss, Binary(), surrogate, RECIPE, 0),
        watch=watch,
        checkpoint=checkpoint,
    )


class KilledError(BaseException):
    """As a kill: nobody catches it."""


def facts(found, predictor):
    looks = [
        repr(look._replace(seconds=0.0))
        for run in found.runs.values()
        for look in run.history
    ]
    return looks, found.settled, found.chosen, predictor.weights()


@pytest.mark.parametrize("kill_after", [1, 2, 4, 30])
def test_a_fit_killed_while_it_chooses_ends_as_if_nothing_had_been(
    tmp_path, monkeypatch, kill_after
):
    from losslearn.training import checkpoint as checkpoints

    monkeypatch.setattr(checkpoints, "_FIRST", 0.0)
    monkeypatch.setattr(checkpoints, "_SHARE", 1e9)
    whole = facts(*fit())
    with pytest.raises(KilledError):
        fit(tmp_path / "state", kill_after=kill_after)
    again = facts(*fit(tmp_path / "state"))
    assert again[:3] == whole[:3]
    assert all(torch.equal(again[3][name], whole[3][name]) for name in whole[3])
    assert whole[1].n_tried == len(lengths(RECIPE))


def test_both_branches_keep_what_was_chosen():
    found, _ = fit()
    chosen = found.settled.max_iter
    assert chosen in (8, 128)
    assert [run.n_iter for run in found.runs.values()] == [chosen, chosen]
    assert found.runs[LEARNED].history[0].method == LEARNED
