"""The penalty is chosen by short runs, and a given one is kept."""

import math
from dataclasses import replace

import pytest
import torch
from core_cases import new_surrogate, new_trainer
from torch.nn.functional import binary_cross_entropy_with_logits

from losslearn.metrics import get_true_loss
from losslearn.models.networks import MLP
from losslearn.models.rows import Rows
from losslearn.tasks.binary import Binary
from losslearn.training import tuning
from losslearn.training.branches import LEARNED
from losslearn.training.checkpoint import Checkpoint
from losslearn.training.comparison import compare
from losslearn.training.loop import Run, Trainer
from losslearn.training.recipe import Recipe
from losslearn.training.tuning import penalties, tune, tuning_share

RECIPE = Recipe(mode="scratch", max_iter=48, n_evals=24, rounds=2, batch_size=60)


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


def tuned(trainer: Trainer, known: list[list[float]], *, deadline: float = math.inf):
    """Return the penalty chosen, and the results."""
    results = list(known)
    tune(trainer, Run("cross_entropy"), results, deadline=deadline)
    assert trainer.recipe.model_lr == RECIPE.rate
    return trainer.recipe.penalty, results


def test_a_given_penalty_is_kept_and_few_iterations_choose_nothing():
    every = penalties(RECIPE)
    assert len(set(every)) == len(every) > 1
    assert penalties(replace(RECIPE, penalty=0.5)) == (0.5,)
    for few in ({"max_iter": 15}, {"n_evals": 7}):
        assert penalties(replace(RECIPE, **few)) == every[:1] == (0.0,)
        assert tuning_share(replace(RECIPE, **few)) == 0
    assert tuning_share(RECIPE) == len(every) / 4


def test_a_penalty_is_taken_where_both_losses_are_lower():
    first, second = penalties(RECIPE)
    known = [[0.5, 0.7], [0.4, 0.6]]
    assert tuned(trainer_of(), known) == (second, known)  # none is run again
    for other in ([0.4, 0.7], [0.4, 0.8], [0.5, 0.6], [0.6, 0.6], [math.nan, 0.6]):
        assert tuned(trainer_of(), [[0.5, 0.7], other])[0] == first


def test_runs_begin_where_training_is_to_begin():
    trainer, again = trainer_of(), trainer_of()
    before = trainer.predictor.weights()
    _, results = tuned(trainer, [])
    after = trainer.predictor.weights()
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert torch.equal(trainer.snapshot().draws, again.snapshot().draws)
    # the second result is that of such a run alone
    penalty = penalties(RECIPE)[1]
    again.recipe = replace(RECIPE, penalty=penalty, max_iter=12, n_evals=6)
    run, (name, usual_loss), usual = Run("cross_entropy"), again.usual, []
    again.observe = lambda _, score: usual.append(
        binary_cross_entropy_with_logits(score, again.valid.target.float()).item()
    )
    again.train(run, usual_loss, 12)
    assert name == run.method
    assert results[1] == pytest.approx([run.best_loss, min(usual)], abs=1e-6)
    assert results[0] != results[1]


def test_results_that_are_no_numbers_choose_the_first():
    trainer = trainer_of()
    nothing = replace(
        trainer.true_loss, function=lambda *_, **__: torch.tensor(math.nan)
    )
    trainer.true_loss = nothing
    chosen, results = tuned(trainer, [])
    assert chosen == 0.0
    assert len(results) == 2


def test_none_begins_after_the_deadline():
    chosen, results = tuned(trainer_of(), [], deadline=0.0)
    assert results == []
    assert chosen == penalties(RECIPE)[0]


def test_what_stops_a_short_run_ends_the_tuning_with_its_weights():
    looks = []

    def interrupt() -> None:
        looks.append(1)
        if len(looks) == 8:
            raise KeyboardInterrupt

    trainer, run = trainer_of(), Run("cross_entropy")
    trainer.observe = lambda *_: interrupt()
    tune(trainer, run, [], deadline=math.inf)
    assert run.interrupted
    assert run.best_state
    assert math.isfinite(run.best_loss)
    assert len(looks) == 9  # and one at the end of what was interrupted


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
        true_loss,
        Binary(),
        surrogate,
        RECIPE,
        seed=0,
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
    assert whole[1].n_tried == len(penalties(RECIPE))


def test_both_branches_keep_what_was_chosen():
    found, _ = fit()
    assert found.settled.penalty in penalties(RECIPE)
    assert [run.n_iter for run in found.runs.values()] == [48, 48]
    assert found.runs[LEARNED].history[0].iteration == RECIPE.eval_every
