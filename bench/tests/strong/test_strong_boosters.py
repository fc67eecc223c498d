"""Boosters of other packages: by log-loss, stopped by a metric, by a formula."""

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import log_loss

from losslearn_bench.decisions.deciding import Scores
from losslearn_bench.decisions.problems import GENERATED
from losslearn_bench.strong.formulas import fit_formula, gain_of, has_formula, slopes
from losslearn_bench.strong.goals import GOALS
from losslearn_bench.strong.judging import decided, plain, stopped
from losslearn_bench.strong.outside import OUTSIDE, Booster
from losslearn_bench.strong.rows import load_parts

F1, SAVINGS, SPEARMAN = (
    GOALS[f"{GENERATED}: {name}"] for name in ("f1", "savings", "spearman")
)


@pytest.fixture(scope="module")
def parts():
    return load_parts(GENERATED, 0, None)


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_booster_is_stopped_where_its_validation_log_loss_is_lowest(name, parts):
    pytest.importorskip(name)
    booster = OUTSIDE[name](parts, 0)
    at = {
        n: log_loss(parts.valid.y, expit(booster.at(n).valid)) for n in booster.counts
    }
    assert min(at, key=at.get) == booster.n_best
    assert booster.n_grown == booster.n_best + 50
    assert booster.counts[0] == 1
    assert booster.counts[-1] == booster.n_grown
    assert len(booster.at(1).test) == len(parts.test.y)


@pytest.mark.parametrize("goal", [F1, SAVINGS, SPEARMAN], ids=lambda g: g.metric)
def test_stopping_by_the_metric_takes_the_best_of_the_counts(goal, parts):
    valid, rng = parts.valid, np.random.default_rng(0)

    def at(n):  # less noise the nearer to 7 trees
        noise = abs(n - 7) * rng.normal(size=len(valid.y))
        brings = valid.y * (valid.table["cost_false_negative"] + 1)
        return Scores(brings - 0.5 + noise, np.zeros(len(parts.test.y)))

    kept = {n: at(n) for n in range(1, 60)}
    booster = Booster(kept.__getitem__, 2, 7, 0.0)
    assert stopped(goal, parts, booster) == 7


def test_counts_that_tie_leave_log_losss_own(parts):
    zeros = Scores(*(np.zeros(len(part.y)) for part in (parts.valid, parts.test)))
    assert stopped(F1, parts, Booster(lambda _: zeros, 5, 55, 0.0)) == 5


def test_outcomes_are_losses_of_decisions_or_of_scores(parts):
    right = Scores(parts.valid.y - 0.5, parts.test.y - 0.5)
    assert plain(F1, parts, right) == decided(F1, parts, right)[0] == (0, 0)
    assert decided(SPEARMAN, parts, right) == (plain(SPEARMAN, parts, right), "")
    wrong = Scores(-right.valid, -right.test)
    assert plain(F1, parts, wrong) == (1, 1)


def test_the_gain_is_what_calling_a_row_changes(parts):
    test, problem = parts.test, SAVINGS.problem
    columns, gain = test.columns(problem), gain_of(SAVINGS, test)
    nobody = np.zeros(len(test.y), dtype=int)
    scale = min((test.y * columns["missed"]).sum(), len(test.y))
    for row in range(5):
        one = nobody.copy()
        one[row] = 1
        change = problem.value(test.y, one, columns)
        change -= problem.value(test.y, nobody, columns)
        assert gain[row] / scale == pytest.approx(change)


def test_slopes_are_those_of_minus_the_expected_gain():
    score, gain = np.array([-1.0, 0.3, 2.0]), np.array([2.0, -1.0, 0.5])
    slope, curvature = slopes(score, gain)
    step = 1e-6
    there, back = (-gain * expit(score + s) for s in (step, -step))
    assert slope == pytest.approx((there - back) / (2 * step))
    assert (curvature > 0).all()


def test_formulas_beat_scores_that_know_nothing(parts):
    pytest.importorskip("lightgbm")
    assert [has_formula(goal) for goal in (F1, SAVINGS, SPEARMAN)] == [0, 1, 1]
    forms = {goal.metric: fit_formula(goal, parts, 0) for goal in (SAVINGS, SPEARMAN)}
    assert [len(found) for found in forms.values()] == [2, 1]
    for scores in forms["savings"]:
        assert decided(SAVINGS, parts, scores)[0].test < 0.9
    assert decided(SPEARMAN, parts, forms["spearman"][0])[0].test < 0.7
