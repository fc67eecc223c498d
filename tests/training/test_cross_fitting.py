"""Chosen by folds, fitted to all rows: what is carried over, kept and given up."""

import copy
import gc
import math
import pickle
import weakref
from dataclasses import replace
from functools import partial

import pytest
import torch
from core_cases import new_surrogate
from fold_cases import (
    N_FOLDS,
    RECIPE,
    USUAL,
    N,
    fit,
    make_parts,
    make_predictor,
    make_table,
)

from losslearn.metrics import MetricError, Sets, get_true_loss
from losslearn.models.rows import Drawn, Rows
from losslearn.models.solution import Setting
from losslearn.tasks.binary import Binary
from losslearn.training import comparison, cross_fitting
from losslearn.training.branches import LEARNED
from losslearn.training.checkpoint import Checkpoint
from losslearn.training.comparison import compare
from losslearn.training.cross_fitting import Part, compare_on_all
from losslearn.training.lead import Lead
from losslearn.training.loop import Record
from losslearn.training.refit import Length, Plan
from losslearn.training.setup import Setup
from losslearn.training.uncertainty import Difference


@pytest.fixture(scope="module")
def table() -> Rows:
    return make_table()


@pytest.fixture(scope="module")
def parts(table) -> list[Part]:
    return make_parts(table)


@pytest.fixture(scope="module")
def fitted(parts, table):
    return fit(parts, table)


def facts(found, predictor):
    looks = [
        repr(look._replace(seconds=0.0))
        for run in found.runs.values()
        for look in run.history
    ]
    return looks, found.chosen, found.difference, found.settled, predictor.weights()


def assert_same(one, other) -> None:
    assert one[:4] == other[:4]
    assert all(torch.equal(other[4][name], part) for name, part in one[4].items())


def ranks(score: torch.Tensor) -> torch.Tensor:
    """Return what the units of scores say nothing of."""
    return score.argsort(stable=True).argsort()


def test_each_row_is_scored_by_the_model_of_the_other_folds(parts, table, fitted):
    found, _ = fitted
    recipe = replace(RECIPE, max_iter=16)  # two fifths
    scores, targets = [], []
    for part in parts:
        torch.manual_seed(1)
        alone, _ = compare(
            partial(make_predictor, part.train, RECIPE),
            part.valid,
            Setup(get_true_loss("auc"), Binary(), new_surrogate(), recipe, 0),
        )
        scores.append(ranks(alone.decided[USUAL].sets.score))
        targets.append(part.valid.own(table.target))
    sets = found.decided[USUAL].sets
    each = torch.cat([ranks(score) for score in sets.score.chunk(N_FOLDS)])
    assert torch.equal(each, torch.cat(scores))
    assert torch.equal(sets.target, torch.cat(targets))
    assert found.loss(USUAL) == pytest.approx(
        float(get_true_loss("auc")(Sets(sets.target, sets.score)))
    )


def test_the_looks_say_their_fold(fitted):
    found, _ = fitted
    for run in found.runs.values():
        folds = [look.fold for look in run.history]
        assert list(dict.fromkeys(folds)) == [(1, 3), (2, 3), (3, 3)]


def test_the_control_on_all_rows_is_the_solution_for_them(table, fitted):
    found, predictor = fitted
    predictor.load_weights(found.usual.best_state)
    alone = make_predictor(table)
    solution = alone.solution(Binary.usual_losses[USUAL], Drawn(torch.arange(N)), None)
    solution.solve(Setting(found.settled.penalty))
    assert torch.allclose(predictor.predict(table), alone.predict(table), atol=1e-4)


def test_the_same_seed_is_the_same_fit(parts, table, fitted):
    assert_same(facts(*fitted), facts(*fit(parts, table)))


def test_what_is_decided_does_not_depend_on_the_units_of_the_scores(
    parts, table, monkeypatch
):
    """The last fit's scores are other ones, stretched and moved."""
    plain, predictor = fit(parts, table, metric="f1")
    known = plain.decided[USUAL].choice.rule.decide(predictor.predict(table))
    fitted_to_all = cross_fitting.refit

    def stretched(*given, **further):
        runs, predictor = fitted_to_all(*given, **further)
        for run in runs.values():
            for place, factor, offset in (("weight", 7.0, 0.0), ("bias", 7.0, 3.0)):
                key = f"layers.{place}"
                run.best_state[key] = run.best_state[key] * factor + offset
        return runs, predictor

    monkeypatch.setattr(cross_fitting, "refit", stretched)
    found, predictor = fit(parts, table, metric="f1")
    decided = found.decided[USUAL].choice.rule.decide(predictor.predict(table))
    assert 0 < int(known.sum()) < N
    assert torch.equal(decided, known)
    assert found.loss(USUAL) == pytest.approx(plain.loss(USUAL))


def test_a_part_is_free_of_its_model_before_the_next_is_made(parts, table, tmp_path):
    alive = []

    def make(rows: Rows):
        assert all(one() is None for one in alive)
        predictor = make_predictor(rows)
        alive.append(weakref.ref(predictor))
        return predictor

    gc.disable()
    try:
        compare_on_all(
            make,
            parts,
            table,
            Setup(get_true_loss("auc"), Binary(), new_surrogate(), RECIPE, 0),
            checkpoint=Checkpoint(tmp_path / "state", "key"),
        )
    finally:
        gc.enable()
    assert len(alive) == N_FOLDS + 1


def test_one_part_keeps_its_choice_and_is_fitted_to_all_rows(parts, table):
    torch.manual_seed(1)
    before, _ = compare(
        partial(make_predictor, parts[0].train),
        parts[0].valid,
        Setup(get_true_loss("auc"), Binary(), new_surrogate(), RECIPE, 0),
    )
    found, predictor = fit(parts[:1], table)
    assert found.chosen == before.chosen
    assert found.difference == before.difference
    score, known = (one.decided[USUAL].sets.score for one in (found, before))
    assert torch.equal(ranks(score), ranks(known))
    assert len(predictor.rows.own(table.target)) == N


@pytest.mark.parametrize(("n_iter", "follows"), [(20, False), (21, True)])
def test_a_learned_loss_that_led_nowhere_is_not_used(
    parts, table, monkeypatch, n_iter, follows
):
    def sure(*_, **__) -> Difference:
        return Difference(-1.0, 0.1)

    monkeypatch.setattr(comparison, "loss_difference", sure)
    lengths = {LEARNED: Length(40, n_iter), USUAL: Length(40, 40)}
    plan = Plan(0.0, True, lengths, Lead(0, ()))
    monkeypatch.setattr(Plan, "of", lambda *_, **__: plan)
    found, _ = fit(parts, table)
    assert found.chosen == (LEARNED if follows else USUAL)


def test_the_fit_on_all_rows_goes_on_with_the_surrogate_of_the_last_part(
    parts, table, monkeypatch
):
    fitted_to_all, seen = cross_fitting.refit, []

    def keep(make, setup, plan):
        seen.append({**copy.deepcopy(setup.surrogate.state_dict())})
        return fitted_to_all(make, setup, plan)

    monkeypatch.setattr(cross_fitting, "refit", keep)
    fit(parts[:1], table)
    torch.manual_seed(1)
    setup = Setup(get_true_loss("auc"), Binary(), new_surrogate(), RECIPE, 0)
    compare(partial(make_predictor, parts[0].train), parts[0].valid, setup)
    refined = setup.surrogate.state_dict()
    assert all(torch.equal(refined[name], part) for name, part in seen[0].items())


class KilledError(BaseException):
    """As a kill: nobody catches it."""


@pytest.mark.parametrize("kill_after", [2, 7, 12, 15])
def test_a_killed_fit_goes_on_to_the_same_end(
    parts, table, fitted, tmp_path, monkeypatch, kill_after
):
    from losslearn.training import checkpoint as checkpoints

    monkeypatch.setattr(checkpoints, "_FIRST", 0.0)
    monkeypatch.setattr(checkpoints, "_SHARE", 1e9)
    dying, kept = Checkpoint(tmp_path / "state", "key"), []
    keep = dying.keep

    def keep_and_die(state, *, is_last=False) -> None:
        keep(state, is_last=is_last)
        kept.append(1)
        if len(kept) == kill_after:
            raise KilledError

    dying.keep = keep_and_die
    with pytest.raises(KilledError):
        fit(parts, table, checkpoint=dying)
    looks = []
    again = fit(
        parts,
        table,
        checkpoint=Checkpoint(tmp_path / "state", "key"),
        watch=looks.append,
    )
    assert_same(facts(*again), facts(*fitted))
    n_all = sum(len(run.history) for run in again[0].runs.values())
    assert len(looks) < n_all  # what was done is not done again


class Away:
    """Trains parts from copies, as elsewhere, the last one first."""

    n_at_once = 2

    def __init__(self, fails_at=None):
        self.fails_at, self.sent = fails_at, []

    def __call__(self, function, items):
        self.sent.append(list(items))
        found = {}
        for item in reversed(items):
            torch.manual_seed(int(torch.randint(99, ())))
            found[item] = pickle.dumps(pickle.loads(pickle.dumps(function))(item))
        for item in items:
            if item == self.fails_at:
                raise KeyboardInterrupt
            yield pickle.loads(found[item])


@pytest.mark.parametrize("mode", ["scratch", "universal"])
def test_parts_that_are_trained_elsewhere_come_to_the_same(parts, table, mode):
    recipe, looks, there = replace(RECIPE, mode=mode), [], []
    expected = fit(parts, table, recipe=recipe, watch=looks.append)
    away = Away()
    found = fit(parts, table, recipe=recipe, watch=there.append, map_parts=away)
    assert away.sent == [[0, 1, 2]]
    assert_same(facts(*found), facts(*expected))
    assert {(look.method, look.fold) for look in there} == {
        (look.method, look.fold) for look in looks
    }


def test_parts_that_were_done_elsewhere_are_not_sent_again(
    parts, table, fitted, tmp_path
):
    def state():
        found = Checkpoint(tmp_path / "state", "key")
        found._first = found._due = 0.0
        return found

    stopped, _ = fit(parts, table, checkpoint=state(), map_parts=Away(fails_at=1))
    assert stopped.interrupted
    away = Away()
    again = fit(parts, table, checkpoint=state(), map_parts=away)
    assert away.sent == [[1, 2]]
    assert_same(facts(*again), facts(*fitted))


def test_parts_that_are_trained_elsewhere_share_the_time(parts, table, monkeypatch):
    given, train_both = [], cross_fitting.train_both

    def watched(*args, max_time, **further):
        given.append(max_time)
        return train_both(*args, max_time=None, **further)

    monkeypatch.setattr(cross_fitting, "train_both", watched)
    fit(parts, table, map_parts=Away(), max_time=320.0)
    assert given == [pytest.approx(100, rel=0.01)] * 3  # of two turns, and all rows


def test_what_ends_a_later_fold_leaves_the_model_of_the_first(parts, table):
    looks = []

    def interrupt(look: Record) -> None:
        looks.append(look)
        if look.fold == (2, 3):
            raise KeyboardInterrupt

    found, predictor = fit(parts, table, watch=interrupt)
    assert found.interrupted
    assert torch.equal(predictor.rows.numbers, parts[0].train.numbers)
    assert len(found.decided[USUAL].sets.target) == parts[0].valid.n_rows


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), MetricError("no value")])
def test_what_ends_the_fit_on_all_rows_leaves_the_model_of_the_first(
    parts, table, monkeypatch, stop
):
    def fail(*_, **__):
        raise stop

    monkeypatch.setattr(cross_fitting, "refit", fail)
    found, predictor = fit(parts, table)
    assert found.interrupted == isinstance(stop, KeyboardInterrupt)
    assert found.sparing.failure is (stop if isinstance(stop, MetricError) else None)
    assert torch.equal(predictor.rows.numbers, parts[0].train.numbers)
    weights = found.runs[found.chosen].best_state
    assert all(
        torch.equal(part, weights[name]) for name, part in predictor.weights().items()
    )


def test_what_ends_it_before_there_are_weights_is_raised(parts, table):
    def fail(*_, **__):
        raise MetricError("no value")

    loss = replace(get_true_loss("auc"), function=fail)
    with pytest.raises(MetricError, match="no value"):
        fit(parts, table, metric=loss)


def test_weights_of_rows_stay_theirs_where_one_part_has_none(parts, table):
    weight = torch.ones(N, dtype=torch.float64)
    weight[parts[1].valid.numbers] = 2.0
    given = [
        Part(part.train, part.valid._replace(weight=weight if place == 1 else None))
        for place, part in enumerate(parts)
    ]
    found, _ = fit(given, table)
    pooled = found.decided[USUAL].sets.weight
    expected = torch.cat([weight[part.valid.numbers] for part in parts])
    assert torch.equal(pooled.double(), expected)
    assert math.isfinite(found.loss(USUAL))
