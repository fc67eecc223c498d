"""Which rule stands, where the answer is known."""

import numpy as np
import pytest
import torch

from losslearn import get_true_loss, tune_decision
from losslearn.metrics import Sets
from losslearn.tasks.choice import Candidate, choose_rule, fold_of
from losslearn.tasks.rules.simple import ThresholdRule


def precise_recall(y_true, y_pred):
    """Recall where precision is at least .8; else it costs five times the shortfall."""
    if not y_pred.any():
        return 0.0
    recall = y_pred[y_true == 1].mean()
    return recall - 5 * max(0.8 - y_true[y_pred == 1].mean(), 0.0)


precise_recall.greater_is_better = True


def test_a_handful_of_lucky_rows_makes_no_rule():
    """Four rows on top are right by luck: calling them is worth .0043 of recall."""
    draw = np.random.default_rng(0)
    n, n_pos = 6_000, 930
    y = np.zeros(n, int)
    y[:n_pos] = 1
    p = draw.uniform(0.1, 0.2, n)
    p[:4] = [0.9, 0.91, 0.92, 0.93]
    assert tune_decision(y, p, precise_recall).rule == "nobody"


def test_few_rows_that_are_worth_it_make_a_rule():
    """Eight positive rows of 400, six of them clear: nobody's F1 is 0."""
    y = np.zeros(400, int)
    y[:8] = 1
    p = np.random.default_rng(0).uniform(0, 0.3, 400)
    p[:6] = np.linspace(0.7, 0.9, 6)
    found = tune_decision(y, p, "f1")
    assert found.rule == "threshold"
    assert found.decide(p).sum() == pytest.approx(6, abs=1)


def test_the_simpler_rule_stands_where_they_cannot_be_told_apart():
    y = torch.tensor([0, 1] * 100)
    score = torch.randn(200, generator=torch.Generator().manual_seed(0)) + y
    sets, loss = Sets(y, score), get_true_loss("error_rate")

    def rules(*thresholds, **last):
        *others, end = (
            Candidate(f"at {at}", lambda _, at=at: ThresholdRule(at))
            for at in thresholds
        )
        return [*others, end._replace(**last)]

    def chosen(candidates):
        judge = loss.of_decisions()
        return choose_rule(candidates, sets, judge, y, n_resamples=100).name

    error = {at: ((score >= at) != y).float().mean().item() for at in (0.4, 0.5)}
    worse, better = sorted(error, key=error.get, reverse=True)
    assert error[worse] != error[better]
    assert chosen(rules(worse, better)) == f"at {worse}"
    assert chosen(rules(worse, better, is_usual=True)) == f"at {better}"
    assert chosen(rules(4.0, better)) == f"at {better}"


def test_folds_keep_groups_whole_and_strata_alike():
    strata = torch.tensor([0] * 90 + [1] * 10)
    fold = fold_of(strata)
    assert [fold[90:].tolist().count(one) for one in range(5)] == [2] * 5
    groups = torch.arange(100) // 4
    fold = fold_of(strata, groups=groups)
    assert all(len(set(fold[groups.numpy() == one])) == 1 for one in range(25))
    assert set(fold_of(torch.tensor([0, 0, 0, 1]))) == {0}
