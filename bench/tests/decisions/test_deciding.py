"""Thresholds, formulas and learned rules on rows of known probabilities."""

from dataclasses import replace

import numpy as np
import pytest

from losslearn_bench.decisions.deciding import Scores, best_threshold, values_of
from losslearn_bench.decisions.problems import GENERATED, PROBLEMS
from losslearn_bench.decisions.rows import Part, Parts, load_parts

SAVINGS = PROBLEMS[f"{GENERATED}: savings"]
RECALL = PROBLEMS[f"{GENERATED}: recall_at_precision"]


def part(n, seed):
    """Return rows, and their probabilities as the one feature."""
    draw = np.random.default_rng(seed)
    p, amount = draw.random(n), draw.exponential(5, n)
    y = (draw.random(n) < p).astype(int)
    return Part(p[:, None], y, {"cost_false_negative": amount})


@pytest.fixture(scope="module")
def parts():
    return Parts(*(part(n, seed) for seed, n in enumerate((10, 1_500, 3_000))))


def test_the_threshold_is_the_best_of_all_cuts_of_few_rows():
    few = Parts(*(part(60, seed) for seed in range(3)))
    p = few.valid.x[:, 0]
    columns = {"missed": few.valid.table["cost_false_negative"]}
    found = SAVINGS.value(
        few.valid.y, (p >= best_threshold(SAVINGS, few, p)).astype(int), columns
    )
    cuts = [*p, np.inf]
    values = [SAVINGS.value(few.valid.y, (p >= c).astype(int), columns) for c in cuts]
    assert found == max(values)


def test_the_rule_reaches_the_formula_and_the_threshold_does_not(parts):
    scores = Scores(parts.valid.x[:, 0], parts.test.x[:, 0])
    values, rule = values_of(SAVINGS, parts, scores)
    amount, y = parts.test.table["cost_false_negative"], parts.test.y
    called = scores.test * amount > 1
    cost = called.sum() + (y * amount)[~called].sum()
    best = 1 - cost / min((y * amount).sum(), len(y))
    assert values["formula"] == pytest.approx(best)
    assert values["rule"] > best - 0.01
    assert values["threshold"] < best - 0.05
    assert rule["kind"] == "flip"
    assert 0 < rule["calls"] <= 1_500


def test_the_calls_of_the_metric_are_counted(parts):
    calls = []
    scores = Scores(parts.valid.x[:, 0], parts.test.x[:, 0])
    value = RECALL.metric

    def told(y_true, y_pred):
        calls.append(len(y_true))
        return value(y_true, y_pred)

    _, rule = values_of(replace(RECALL, metric=told), parts, scores)
    n_cuts, on_test = 200, 2  # of the threshold beside it; of both ways
    assert len(calls) == rule["calls"] + n_cuts + on_test
    assert calls.count(3_000) == on_test


def test_scores_are_not_decided(parts):
    scores = Scores(parts.valid.x[:, 0], parts.test.x[:, 0])
    values, rule = values_of(PROBLEMS[f"{GENERATED}: top_lift"], parts, scores)
    top = np.argsort(-scores.test)[:150]
    y = parts.test.y
    assert values == {"scores": pytest.approx(y[top].mean() / y.mean())}
    assert rule is None


def test_a_split_is_whole_and_helpers_are_no_features():
    parts = load_parts(GENERATED, 0, None)
    assert [len(one.y) for one in parts] == [384, 96, 120]
    assert all(one.x.shape[1] == 2 for one in parts)
    firsts = np.concatenate([one.x[:, 0] for one in parts])
    assert len(np.unique(firsts)) == 600
    assert set(parts.test.table) == {"cost_false_negative", "group_race"}


def test_small_groups_of_compas_are_one_and_of_ijcnn1_some_rows_are_taken(data_dir):
    compas = load_parts("group_compas", 0, data_dir)
    assert set(compas.train.table["group_race"]) == {0, 1, 2}
    assert sum(len(one.y) for one in load_parts("ijcnn1", 1, data_dir)) == 30_000
