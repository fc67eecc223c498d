"""The fit on all rows, and the plan of it by what parts have come to."""

import math
from dataclasses import replace
from functools import partial

import pytest
import torch
from core_cases import new_predictor, new_surrogate
from fold_cases import RECIPE, USUAL, make_predictor, make_table

from losslearn.metrics import as_true_loss, get_true_loss
from losslearn.models.networks import MLP
from losslearn.models.rows import Rows
from losslearn.tasks.binary import Binary
from losslearn.training.branches import LEARNED, Settled
from losslearn.training.lead import Lead
from losslearn.training.loop import Best, Record, Run
from losslearn.training.refit import Length, Plan, refit
from losslearn.training.setup import Setup
from losslearn.training.trained import Trained
from losslearn.training.trust import Reading


@pytest.fixture(scope="module")
def table() -> Rows:
    return make_table()


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
