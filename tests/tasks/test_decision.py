"""Decisions learned for a metric, against the formulas that they do not know."""

import inspect
import json

import numpy as np
import pandas as pd
import pytest

from losslearn import Decision, tune_decision


def saved(y_true, y_pred, *, amount):
    """What calls bring in: a call costs 10, each hit brings the amount."""
    return (y_pred * (y_true * amount - 10)).sum()


def tiered(y_true, y_pred, *, amount):
    """A fee of 5, of 50 from an amount of 40 on; no line in the amount."""
    return (y_pred * (y_true * 60 - np.where(amount < 40, 5, 50))).sum()


def fair(y_true, y_pred, *, sex):
    """Accuracy minus the gap of the true positive rates."""
    rates = [y_pred[(sex == one) & (y_true == 1)].mean() for one in ("f", "m")]
    return (y_true == y_pred).mean() - abs(rates[0] - rates[1])


def rows(n=1_500, seed=0):
    """Targets, their true probabilities, and amounts that go with neither."""
    draw = np.random.default_rng(seed)
    p = draw.beta(1, 3, n)
    y = (draw.random(n) < p).astype(int)
    return y, p, draw.exponential(20, n)


class Counted:
    """A metric that counts its calls."""

    def __init__(self, metric):
        self.metric, self.n_calls = metric, 0
        self.greater_is_better = True
        self.response_method = "predict"
        self.__name__ = metric.__name__
        self.__signature__ = inspect.signature(metric)

    def __call__(self, *given, **further):
        self.n_calls += 1
        return self.metric(*given, **further)


@pytest.fixture(scope="module")
def by_amount():
    y, p, amount = rows()
    return tune_decision(
        y, p, saved, columns={"amount": amount}, greater_is_better=True
    )


def test_a_sum_over_rows_is_decided_as_its_formula_says(by_amount):
    _, p, amount = rows(5_000, seed=1)
    decided = by_amount.decide(p, {"amount": amount})
    assert by_amount.rule == "flip"
    assert by_amount.columns == ("amount",)
    np.testing.assert_array_equal(decided, p * amount > 10)


def test_amounts_beyond_all_that_was_seen_are_decided_by_the_formula(by_amount):
    p = np.array([0.009, 0.011, 0.00009, 0.00011])
    amount = np.array([1e3, 1e3, 1e5, 1e5])
    assert by_amount.decide(p, {"amount": amount}).tolist() == [0, 1, 0, 1]


def test_gains_that_are_no_line_are_carried_by_the_nearest_rows():
    y, p, amount = rows(3_000)
    found = tune_decision(
        y, p, tiered, columns={"amount": amount}, greater_is_better=True
    )
    _, p, amount = rows(5_000, seed=1)
    best = p * 60 > np.where(amount < 40, 5, 50)
    assert found.rule == "flip"
    assert (found.decide(p, {"amount": amount}) == best).mean() > 0.97


def test_probabilities_that_are_none_are_calibrated():
    """A model that is too sure of itself."""
    y, p, amount = rows(4_000)
    odds = 3 * np.log(p / (1 - p)) + 2
    found = tune_decision(
        y,
        1 / (1 + np.exp(-odds)),
        saved,
        columns={"amount": amount},
        greater_is_better=True,
    )
    decided = found.decide(1 / (1 + np.exp(-odds)), {"amount": amount})
    assert (decided == (p * amount > 10)).mean() > 0.95


def test_a_metric_without_columns_gets_a_threshold():
    y, p, _ = rows()
    found = tune_decision(y, p, "f1")
    assert found.rule == "threshold"
    assert found.columns == ()
    assert [one["rule"] for one in found.tried] == ["nobody", "everybody", "threshold"]


@pytest.mark.parametrize(("cost", "rule"), [(100.0, "nobody"), (-1.0, "everybody")])
def test_where_nothing_is_to_be_gained_nothing_is_done(cost, rule):
    def net(y_true, y_pred):
        return (y_pred * (y_true * 50 - cost)).sum()

    y, p, _ = rows()
    found = tune_decision(y, p, net, greater_is_better=True)
    assert found.rule == rule
    assert set(found.decide(p)) == {int(rule == "everybody")}


def test_groups_get_thresholds_of_their_own_where_they_are_compared():
    draw = np.random.default_rng(0)
    n = 4_000
    sex = draw.choice(["f", "m"], n)
    odds = draw.normal(size=n) - 1.5 * (sex == "f")
    p = 1 / (1 + np.exp(-2 * odds))
    y = (draw.random(n) < p).astype(int)
    half = np.arange(n) < n // 2
    table = pd.DataFrame({"sex": sex})
    found = tune_decision(
        y[half], p[half], fair, columns=table[half], greater_is_better=True
    )
    assert found.rule == "threshold by group"
    decided = found.decide(p[~half], table[~half])
    best_of_one = max(
        fair(y[~half], (p[~half] >= at).astype(int), sex=sex[~half])
        for at in np.linspace(0, 1, 201)
    )
    assert fair(y[~half], decided, sex=sex[~half]) > best_of_one


@pytest.mark.parametrize(
    ("metric", "columns"),
    [
        (saved, ["amount"]),
        (lambda y_true, y_pred: (y_true == y_pred).mean(), []),
        (fair, ["sex"]),
        (fair, ["sex", "amount"]),
    ],
    ids=["sum", "plain", "groups", "groups and amounts"],
)
def test_a_users_function_is_called_1500_times_at_most(metric, columns):
    y, p, amount = rows(600)
    sex = np.where(np.arange(600) % 3 == 0, "f", "m")
    given = {"amount": amount, "sex": sex}
    metric = Counted(metric)
    tune_decision(y, p, metric, columns={name: given[name] for name in columns})
    assert 100 < metric.n_calls <= 1_500


def test_what_is_not_known_when_deciding_is_not_looked_at():
    y, p, amount = rows()
    given = {"amount": amount}
    found = tune_decision(y, p, saved, columns=given, known=[], greater_is_better=True)
    assert found.rule in ("threshold", "nobody")
    assert found.decide(p).shape == p.shape


def test_it_goes_through_json(by_amount):
    _, p, amount = rows(200, seed=2)
    again = Decision.from_dict(json.loads(json.dumps(by_amount.to_dict())))
    assert again == by_amount
    np.testing.assert_array_equal(
        again.decide(p, {"amount": amount}), by_amount.decide(p, {"amount": amount})
    )


def test_text_columns_go_through_json_and_unknown_values_have_a_decision():
    draw = np.random.default_rng(0)
    y, p, _ = rows()
    branch = draw.choice(["north", "south"], len(y))

    def net(y_true, y_pred, *, branch):
        return (y_pred * (y_true * np.where(branch == "north", 100, 20) - 10)).sum()

    found = tune_decision(y, p, net, columns={"branch": branch}, greater_is_better=True)
    again = Decision.from_dict(json.loads(json.dumps(found.to_dict())))
    p = np.array([0.2, 0.2, 0.6])
    assert again.decide(p, {"branch": ["north", "south", "south"]}).tolist() == [
        1,
        0,
        1,
    ]
    assert again.decide([0.9], {"branch": ["west"]}).shape == (1,)


def test_the_same_seed_gives_the_same_decision(by_amount):
    y, p, amount = rows()
    again = tune_decision(
        y, p, saved, columns={"amount": amount}, greater_is_better=True
    )
    assert again == by_amount


def test_a_row_of_weight_0_is_as_one_that_is_not_there():
    y, p, _ = rows(400)
    there = np.arange(400) % 3 > 0
    weighed = tune_decision(y, p, "f1", sample_weight=there.astype(float))
    assert weighed == tune_decision(
        y[there], p[there], "f1", sample_weight=np.ones(there.sum())
    )


def test_the_direction_is_taken_from_the_function():
    def cost(y_true, y_pred):
        return (y_true != y_pred).mean()

    cost.greater_is_better = False
    y, p, _ = rows()
    decided = tune_decision(y, p, cost).decide(p)
    assert cost(y, decided) <= min(y.mean(), 1 - y.mean()) + 0.01


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"metric": "auc"}, "judges scores"),
        ({"y": [0, 1, 2, 1]}, "0 or 1"),
        ({"y": [1, 1, 1, 1]}, "both classes"),
        ({"y": [0, 1]}, "2 rows and"),
        ({"probabilities": [0.1, 2.0, 0.3, 0.4]}, r"\[0, 1\]"),
        ({"probabilities": np.zeros((4, 3))}, r"\[rows\] or \[rows, 2\]"),
        ({"known": ["amount"]}, "amount"),
        ({"sample_weight": [1, 1, -1, 1]}, "at least 0"),
        ({"groups": [1, 1, 1, 1]}, "two groups"),
        ({"columns": {"amount": [1, 2]}}, "amount"),
    ],
)
def test_what_cannot_be_is_refused(given, said):
    right = {"y": [0, 1, 0, 1], "probabilities": [0.1, 0.6, 0.3, 0.4], "metric": "f1"}
    with pytest.raises(ValueError, match=said):
        tune_decision(**{**right, **given})


def test_a_column_that_is_missing_when_deciding_is_told(by_amount):
    with pytest.raises(ValueError, match="amount"):
        by_amount.decide([0.5])


def test_what_is_no_decision_is_refused():
    with pytest.raises(ValueError, match="not what"):
        Decision.from_dict({"rule": {"kind": "oracle"}})
