"""Metrics as users write them, against sums over rows written out."""

import numpy as np
import pytest

from losslearn_bench.decisions import metrics
from losslearn_bench.decisions.problems import PROBLEMS, formula

Y = np.array([1, 0, 1, 0, 0, 1])
CALLED = np.array([1, 1, 0, 0, 1, 1])
AMOUNT = np.array([20_000.0, 400_000.0, 90_000.0, 5_000.0, 70_000.0, 150_000.0])
GROUP = np.array([0, 0, 0, 1, 1, 1])
MONEY = [problem for problem in PROBLEMS.values() if problem.costs is not None]


def cost_of_row(costs, i, target, called):
    name = {(1, 1): "tp", (0, 1): "fp", (1, 0): "fn", (0, 0): "tn"}[target, called]
    return np.broadcast_to(costs.get(name, 0.0), len(Y))[i]


@pytest.mark.parametrize("problem", MONEY, ids=lambda problem: problem.name)
def test_a_metric_of_money_is_minus_its_costs_and_the_formula_the_cheapest(problem):
    columns = dict.fromkeys(problem.columns, AMOUNT)
    costs = problem.costs(columns)
    totals, values = [], []
    for number in range(2 ** len(Y)):
        called = np.array([number >> i & 1 for i in range(len(Y))])
        own = zip(Y.tolist(), called.tolist(), strict=True)
        totals.append(sum(cost_of_row(costs, i, *both) for i, both in enumerate(own)))
        values.append(problem.value(Y, called, columns))
    totals, values = np.array(totals), np.array(values)
    slope = (values[-1] - values[0]) / (totals[-1] - totals[0])
    assert slope < 0
    np.testing.assert_allclose(values, values[0] + slope * (totals - totals[0]))
    p = np.array([0.02, 0.1, 0.2, 0.4, 0.6, 0.9])
    decided = formula(p, costs)
    for i in range(len(Y)):
        expected = [
            p[i] * cost_of_row(costs, i, 1, one)
            + (1 - p[i]) * cost_of_row(costs, i, 0, one)
            for one in (0, 1)
        ]
        assert decided[i] == int(expected[1] < expected[0])


def test_metrics_by_group():
    # found of the positives: 1 of 2 and 1 of 1; called of the negatives: 1/1 and 1/2
    gap = metrics.accuracy_less_gap(Y, CALLED, group=GROUP)
    assert gap == pytest.approx(3 / 6 - 1 / 2)
    worst = metrics.worst_group(Y, CALLED, group=GROUP)
    assert worst == pytest.approx((1 / 2 + 0) / 2)


def test_metrics_with_a_floor():
    # precision 2/4, recall 2/3
    value = metrics.recall_at_precision(Y, CALLED)
    assert value == pytest.approx(2 / 3 - 5 * (0.8 - 0.5))
    assert metrics.recall_at_precision(Y, np.zeros(6, int)) == 0
    assert metrics.recall_at_precision(Y, Y) == 1
    half = 1.25 * 0.5 * (2 / 3) / (0.25 * 0.5 + 2 / 3)
    assert metrics.f_half_at_recall(Y, CALLED) == pytest.approx(half)
    few = np.array([1, 0, 0, 0, 0, 0])
    half = 1.25 * (1 / 3) / (0.25 + 1 / 3)
    expected = half - 5 * (0.6 - 1 / 3)
    assert metrics.f_half_at_recall(Y, few) == pytest.approx(expected)


def test_metrics_of_scores():
    y = np.array([1] * 3 + [0] * 37)
    score = np.linspace(1, 0, 40)
    assert metrics.top_lift(y, score) == pytest.approx(1 / (3 / 40))
    assert metrics.top_lift(y, -score) == 0
    # one of two positives in the top 4 % of weights 1 and 20; areas by hand
    y = np.array([1, 0, 1, 0])
    assert metrics.amex(np.sort(y)[::-1], np.arange(4.0)[::-1]) == pytest.approx(0.75)
    reached = np.array([1 / 42, 21 / 42, 22 / 42, 1])
    ours = (np.array([0.5, 0.5, 1, 1]) - reached) @ [1, 20, 1, 20]
    reached = np.array([1 / 42, 2 / 42, 22 / 42, 1])
    best = (np.array([0.5, 1, 1, 1]) - reached) @ [1, 1, 20, 20]
    expected = (ours / best + 0.5) / 2
    assert metrics.amex(y, np.arange(4.0)[::-1]) == pytest.approx(expected)
