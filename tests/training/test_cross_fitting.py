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
from core_cases import new_predictor, new_surrogate

from losslearn.metrics import MetricError, Sets, as_true_loss, get_true_loss
from losslearn.models.networks import MLP, Linear
from losslearn.models.rows import Drawn, Rows
from losslearn.models.solution import Setting
from losslearn.tasks.binary import Binary
from losslearn.training import comparison, cross_fitting
from losslearn.training.branches import LEARNED, Settled
from losslearn.training.checkpoint import Checkpoint
from losslearn.training.comparison import compare
from losslearn.training.cross_fitting import Part, compare_on_all
from losslearn.training.lead import Lead
from losslearn.training.loop import Best, Record, Run
from losslearn.training.recipe import Recipe
from losslearn.training.refit import Length, Plan, refit
from losslearn.training.setup import Setup
from losslearn.training.trained import Trained
from losslearn.training.trust import Reading
from losslearn.training.uncertainty import Difference

N, N_FOLDS = 300, 3
RECIPE = Recipe(mode="scratch", max_iter=40, n_evals=8, rounds=2, batch_size=60)
USUAL = "cross_entropy"


@pytest.fixture(scope="module")
def table() -> Rows:
    draws = torch.Generator().manual_seed(0)
    x = torch.randn(N, 3, generator=draws)
    y = (x[:, 0] + torch.randn(N, generator=draws) > 0.5).long()
    return Rows(x, y)


@pytest.fixture(scope="module")
def parts(table) -> list[Part]:
    fold = torch.arange(N) % N_FOLDS
    return [
        Part(
            table._replace(numbers=torch.nonzero(fold != one).squeeze(-1)),
            table._replace(numbers=torch.nonzero(fold == one).squeeze(-1)),
        )
        for one in range(N_FOLDS)
    ]


def make_predictor(rows: Rows, recipe: Recipe = RECIPE):
    model = Linear(3)
    model.standardizer.fit(rows.x, rows=rows.numbers)
    return new_predictor(model, rows, recipe)


def fit(parts, table, *, recipe: Recipe = RECIPE, metric="auc", **further):
    torch.manual_seed(1)
    true_loss = metric if not isinstance(metric, str) else get_true_loss(metric)
    return compare_on_all(
        partial(make_predictor, recipe=recipe),
        parts,
        table,
        Setup(true_loss, Binary(), new_surrogate(), recipe, 0),
        **further,
    )


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


def trained(penalty: float, **bests: dict[int, tuple[float, int]]):
    """Return what a part may come to: by method, the best loss of each schedule."""
    runs = {}
    for name, found in bests.items():
        known = {length: Best(*best) for length, best in found.items()}
        runs[name] = Run(name, best_iter=min(found.values())[1], bests=known)
    settled = Settled(0.01, penalty, False, 40, 0)
    return Trained(runs[LEARNED], runs[USUAL], {}, settled, new_surrogate())


def test_what_was_best_over_the_parts_is_carried_over():
    done = [
        trained(
            0.3,
            surrogate={40: (0.1, 10), 10: (0.2, 5)},
            cross_entropy={40: (0.3, 40), 10: (0.2, 4)},
        ),
        trained(
            0.1,
            surrogate={40: (0.1, 30), 10: (0.2, 5)},
            cross_entropy={40: (0.1, 5), 10: (0.15, 5)},
        ),
        trained(
            0.2,
            surrogate={40: (0.4, 20), 10: (0.3, 5)},
            cross_entropy={20: (0.0, 5), 40: (0.3, 5), 10: (0.3, 1)},
        ),
    ]
    plan = Plan.of(done, RECIPE, share=0.5)
    assert plan.penalty == pytest.approx(0.1)  # of twice as many rows
    assert Plan.of(done, replace(RECIPE, penalty=0.7), share=0.5).penalty == 0.2
    # the lowest mean of those that all have tried, and the median share of it
    assert plan.lengths == {LEARNED: Length(40, 20), USUAL: Length(10, 4)}


def test_schedules_that_differ_have_a_median():
    done = [
        trained(0.0, surrogate={length: (0.1, n)}, cross_entropy={8: (0.1, 8)})
        for length, n in ((40, 30), (10, 10), (40, 20))
    ]
    plan = Plan.of(done, RECIPE, share=0.5)
    assert plan.lengths[LEARNED] == Length(40, 30)  # shares of 0.75, 1 and 0.5


def led(best_iter: int, *rounds: tuple[float, ...]):
    """Return a part: losses at the looks of each round, the control's after its last.

    Two looks of an own a round; a third is that of the control gone on from.
    """
    looks, losses = [], {}
    for place, found in enumerate(rounds):
        weight = 5.0 / (place + 1)
        for n, loss in enumerate(found):
            iteration = 20 + 10 * place + 5 * min(n + 1, 2)
            reading = Reading(usual_weight=weight) if n < 2 else Reading()
            looks.append(Record(LEARNED, iteration, 0.0, loss, 0.0, 40, health=reading))
            losses[iteration] = min(loss, losses.get(iteration, loss))
    best = losses.get(best_iter, 0.0)
    run = Run(LEARNED, best_loss=best, best_iter=best_iter, history=looks)
    run.bests = {40: Best(best, best_iter)}
    usual = Run(USUAL, best_iter=40, bests={40: Best(0.3, 40)})
    settled = Settled(0.01, 0.0, False, 40, 0)
    return Trained(run, usual, {}, settled, new_surrogate())


KEPT, GIVEN_UP = (0.2, 0.1), (0.3, 0.3, 0.2)


@pytest.mark.parametrize(
    ("best_iter", "rounds", "first"),
    [
        (30, (KEPT, KEPT), 0),
        (40, (GIVEN_UP, KEPT), 1),
        (25, (GIVEN_UP, KEPT), 0),  # best before it was given up
        (10, (KEPT, KEPT), 2),  # the warm-up's weights
        (30, ((0.3, 0.3, 0.1), KEPT), 2),  # the control's weights
    ],
)
def test_the_learned_loss_takes_over_where_what_was_best_began(
    best_iter, rounds, first
):
    lead = Lead.of([led(best_iter, *rounds)], RECIPE)
    assert lead == Lead(first, (5.0, 2.5))
    assert lead.begin(RECIPE) == (20, 30, 40)[first]


def test_a_lead_is_the_median_of_the_parts():
    parts = [led(40, GIVEN_UP, KEPT), led(30, KEPT, KEPT), led(10, KEPT, KEPT)]
    assert Lead.of(parts, RECIPE) == Lead(1, (5.0, 2.5))


def test_the_usual_loss_leads_until_then_with_the_weights_of_then(table):
    lengths = {LEARNED: Length(40, 36), USUAL: Length(40, 1)}
    plan = Plan(0.0, False, lengths, Lead(1, (9.0, 0.25)))
    recipe = replace(RECIPE, model_lr=0.01, penalty=0.0)
    setup = Setup(get_true_loss("auc"), Binary(), new_surrogate(), recipe, 0)
    runs, _ = refit(partial(make_predictor, table, recipe), setup, plan)
    weights = {
        look.iteration: look.health.usual_weight for look in runs[LEARNED].history
    }
    assert all(math.isnan(one) for n, one in weights.items() if n <= 30)
    assert {one for n, one in weights.items() if n > 30} == {0.25}


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


def test_a_fit_on_all_rows_takes_the_steps_that_are_planned(table):
    lengths = {LEARNED: Length(40, 30), USUAL: Length(20, 7)}
    plan = Plan(0.0, False, lengths, Lead(0, (3.0, 1.0)))
    recipe = replace(RECIPE, model_lr=0.01, penalty=0.0)
    seen = []

    def make():
        torch.manual_seed(3)
        model = MLP(3, hidden=(4,))
        predictor = new_predictor(model, table, recipe)
        descend = predictor.descend

        def counted(objective, drawn):
            seen.append(type(objective).__name__)
            descend(objective, drawn)

        predictor.descend = counted
        return predictor

    setup = Setup(get_true_loss("auc"), Binary(), new_surrogate(), recipe, 0)
    runs, _ = refit(make, setup, plan)
    assert {name: run.n_iter for name, run in runs.items()} == {LEARNED: 30, USUAL: 7}
    usual = type(Binary.usual_losses[USUAL]).__name__
    assert seen == [usual] * 20 + ["LearnedObjective"] * 10 + [usual] * 7


def test_a_fit_on_all_rows_calls_no_function_that_chooses_nothing(table):
    def hits(y_true, y_score):
        return y_true[y_score > 0].sum()

    loss = as_true_loss(hits, greater_is_better=True)
    recipe = replace(RECIPE, mode="universal", adaptive=False)
    lengths = {LEARNED: Length(40, 30), USUAL: Length(20, 7)}
    plan = Plan(0.0, False, lengths, Lead(0, (3.0, 1.0)))
    loss.own.n_calls = 0
    setup = Setup(loss, Binary(), new_surrogate(), recipe, 0)
    runs, _ = refit(partial(make_predictor, table, recipe), setup, plan)
    assert runs[LEARNED].history
    assert loss.own.n_calls == 0


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
