"""Metrics with constraints: every threshold tried, by scikit-learn's metrics."""

import math
import pickle

import constraint_oracles as oracles
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from metric_cases import labelled_sets, random_sets

from losslearn import Sets, TrueLoss, as_true_loss, gap, subject_to, worst
from losslearn.metrics import get_true_loss

CASES = [
    ("recall", [("precision", None, ">=", 0.8)]),
    ("accuracy", [("fpr", None, "<=", 0.1), ("recall", None, ">=", 0.5)]),
    ("f1", [("recall", "gap", "<=", 0.05)]),
    ("mcc", [("accuracy", "worst", ">=", 0.7), ("fpr", "worst", "<=", 0.2)]),
    ("specificity", [("precision", "worst", ">=", 0.6)]),
    ("recall", [("selection_rate", "gap", "<=", 0.1), ("f1", "gap", "<=", 0.2)]),
    ("recall", [("mcc", None, ">=", 0.3), ("selection_rate", None, "<=", 0.25)]),
]


def written(bounds, by="g"):
    return [
        f"{name} {sign} {bound}"
        if over is None
        else f"{over}({name}, by={by}) {sign} {bound}"
        for name, over, sign, bound in bounds
    ]


@pytest.mark.parametrize(("aim", "bounds"), CASES)
@settings(max_examples=15, deadline=None)
@given(case=labelled_sets(max_size=16), data=st.data())
def test_every_form_is_that_of_every_threshold_tried(aim, bounds, case, data):
    n = len(case.y_true)
    groups = np.array(data.draw(st.lists(st.integers(0, 2), min_size=n, max_size=n)))
    penalty = data.draw(st.sampled_from([0.5, 5.0]))
    loss = subject_to(aim, *written(bounds), penalty=penalty)
    weight = np.ones(n) if case.weight is None else case.weight
    thresholds, expected = oracles.at_all_thresholds(
        aim, bounds, penalty, groups, case.y_true, case.y_score, weight
    )
    columns = {"g": torch.from_numpy(groups).double()}
    by_row = case.weights() | ({"columns": columns} if loss.columns else {})
    sets = case.sets()._replace(columns=columns)
    assert float(loss(sets)) == pytest.approx(min(expected), abs=1e-9)
    distinct, at_cuts = loss.at_cut_points(*case.arguments(), **by_row)
    assert distinct.tolist() == thresholds[1:]
    assert at_cuts.tolist() == pytest.approx(expected, abs=1e-9)
    at = data.draw(st.integers(0, len(expected) - 1))
    fixed = float(loss.with_threshold(thresholds[at])(sets))
    assert fixed == pytest.approx(expected[at], abs=1e-9)


@settings(max_examples=15, deadline=None)
@given(case=labelled_sets(weighted=False, max_size=16), data=st.data())
def test_a_constraint_is_called_on_decisions(case, data):
    n = len(case.y_true)
    groups = np.array(data.draw(st.lists(st.integers(0, 2), min_size=n, max_size=n)))
    called = (case.y_score > 0).astype(int)
    columns = {"g": torch.from_numpy(groups).double()}
    target, decided = map(torch.from_numpy, (case.y_true, called.astype(float)))
    for over, bound in (
        ("gap", gap("recall", by="g") <= 0.1),
        ("worst", worst("recall", by="g") >= 0.1),
    ):
        value = float(bound(Sets(target, decided, None, columns)))
        expected = oracles.by_group(
            "recall", over, groups, case.y_true, called, np.ones(n)
        )
        assert value == pytest.approx(expected, abs=1e-9)
        missed = expected - 0.1 if over == "gap" else 0.1 - expected
        assert bound.holds(value) == (missed <= 1e-9)


def test_sets_of_any_shape_are_valued_each_as_alone(monkeypatch):
    sets = random_sets(12, 40)
    groups = torch.randint(0, 3, (12, 40)).double()
    loss = subject_to("recall", "precision >= 0.6", gap("fpr", by="g") <= 0.1)
    alone = [
        float(loss(Sets(y, score, None, {"g": g})))
        for y, score, g in zip(sets.target, sets.score, groups, strict=True)
    ]
    shape = (3, 4, 40)
    shaped = Sets(
        sets.target.reshape(shape),
        sets.score.reshape(shape),
        None,
        {"g": groups.reshape(shape)},
    )
    monkeypatch.setattr("losslearn.metrics.constraints.counts._ROWS", 500)
    assert loss(shaped).shape == (3, 4)
    assert loss(shaped).flatten().tolist() == pytest.approx(alone)
    one_column = {"g": groups[0]}  # of all sets alike
    whole = loss(Sets(sets.target, sets.score, None, one_column))
    first = loss(Sets(sets.target[5], sets.score[5], None, one_column))
    assert float(whole[5]) == pytest.approx(float(first))


def test_one_class_or_a_score_that_is_none_has_no_value():
    loss = subject_to("recall", "precision >= 0.8", gap("tpr", by="g") <= 0.1)
    y = torch.tensor([[1, 1, 1], [0, 0, 0], [0, 1, 1], [0, 1, 1]])
    score = torch.tensor([[0.0, 1, 2], [0, 1, 2], [0, math.nan, 2], [0, 1, 2]])
    sets = Sets(y, score, None, {"g": torch.tensor([0.0, 1, 1])})
    for form in (loss, loss.with_threshold(0.5)):
        assert form(sets).isnan().tolist() == [True, True, True, False]


def test_nobody_meets_a_bound_on_false_alarms_and_none_on_precision():
    y, score = torch.tensor([0, 0, 0, 1]), torch.tensor([3.0, 2, 1, 0])
    sets = Sets(y, score)
    few = subject_to("recall", "fpr <= 0.01")
    assert float(few(sets)) == 1.0  # nobody: no recall, nothing missed
    sure = subject_to("accuracy", "precision >= 0.25")
    assert float(sure(sets)) == 0.75  # everybody, though nobody has accuracy 0.75
    assert float(sure.with_threshold(9)(sets)) == 0.25 + 5 * 0.25


def profit(y_true, y_pred):
    return 3 * (y_true * y_pred).sum() - y_pred.sum()


def by_amount(y_true, y_pred, *, amount):
    return (amount * y_true * y_pred).sum() / (amount * y_true).sum()


def test_a_metric_of_ones_own_is_tried_with_its_constraints():
    sets = random_sets(6, 24)  # so few rows that every score is tried
    loss = subject_to(profit, "precision >= 0.6", greater_is_better=True)
    for one, y, score in zip(loss(sets), sets.target, sets.score, strict=True):
        values = []
        for at in score:
            called = (score >= at).long()
            tp = int((called * y).sum())
            missed = max(0.6 - tp / int(called.sum()), 0)
            values.append(-profit(y, called) + 5 * missed)
        assert float(one) == pytest.approx(float(min(values)))
    assert loss.own is not None
    assert loss.needs_rule


def test_columns_of_a_metric_and_of_its_constraints_go_together():
    bounds = gap("tpr", by="sex") <= 0.1, "fpr <= 0.2"
    loss = subject_to(by_amount, *bounds, greater_is_better=True)
    assert loss.columns == ("amount", "sex")
    sets = random_sets(1, 20)
    sex = torch.arange(20.0) % 2
    columns = {"amount": torch.ones(20).double(), "sex": sex.double()}
    given_ = Sets(sets.target[0], sets.score[0], None, columns)
    plain = subject_to("recall", *bounds)
    assert float(plain(given_)) > 0.1
    # with equal amounts it is the recall, of which the loss is minus the value
    assert float(loss(given_)) == pytest.approx(float(plain(given_)) - 1)


@pytest.mark.parametrize(
    ("metric", "name"),
    [
        ("f1", "f1 subject to recall >= 0.5"),
        (get_true_loss("mcc"), "mcc_loss subject to recall >= 0.5"),
        (worst("tpr", by="g"), "worst(tpr, by=g) subject to recall >= 0.5"),
        ("fbeta@0.5", "fbeta@0.5 subject to recall >= 0.5"),
        ("balanced_accuracy", "balanced_accuracy subject to recall >= 0.5"),
    ],
)
def test_what_is_aimed_at_may_be_a_name_a_loss_or_a_group(metric, name):
    loss = subject_to(metric, "recall>=.5")
    assert loss.name == name
    assert loss.is_exact
    sets = random_sets(2, 30)._replace(columns={"g": (torch.arange(30) % 2).double()})
    again = as_true_loss(name)
    assert torch.equal(loss(sets), again(sets))
    assert torch.equal(loss(sets), pickle.loads(pickle.dumps(loss))(sets))


@pytest.mark.parametrize("column", ["sex", "a b", 'x" and y', "a, b)", "größe"])
def test_any_column_survives_as_text(column):
    loss = subject_to(
        "recall", gap("tpr", by=column) <= 0.05, "f1 >= 1e-3", penalty=7.25
    )
    again = as_true_loss(loss.name)
    assert again.name == loss.name
    assert again.columns == loss.columns == (column,)
    assert again.constraints == loss.constraints
    assert again.penalty == 7.25


def test_a_loss_with_constraints_is_taken_wherever_one_is():
    loss = subject_to("recall", "precision >= 0.8")
    assert isinstance(loss, TrueLoss)
    assert as_true_loss(loss) is loss
    assert loss.is_top_heavy
    assert not subject_to("accuracy", gap("tpr", by="sex") <= 0.1).is_top_heavy


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        (("recall",), "There is no constraint"),
        (("recall", "precision > 0.8"), "'precision > 0.8' is no constraint"),
        (("recall", "precision >= 80"), "between 0 and 1, and its bound is 80.0"),
        (("recall", "precisio >= 0.8"), "did you mean 'precision'"),
        (("recall", "gap(tpr by sex) <= 0.1"), "is no constraint"),
        (("recall", "fpr <= 0.1 or so"), "'fpr <= 0.1 or so' is no constraint"),
        (("recall", "fbeta@x >= 0.8"), "There is no rate 'fbeta@x'"),
        (("recall", 0.8), "A constraint is a text"),
        (("roc_auc", "fpr <= 0.1"), "judges scores, and constraints are on decisions"),
        (("recall subject to fpr <= 0.1", "f1 >= 0.1"), "has constraints already"),
    ],
)
def test_what_cannot_be_used_is_one_clear_line(given_, message):
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        subject_to(*given_)


def test_worst_of_a_rate_without_a_worse_side_is_refused():
    with pytest.raises(ValueError, match="neither end is worse"):
        worst("selection_rate", by="sex")


@pytest.mark.parametrize("penalty", [0.0, -1.0, math.inf, math.nan])
def test_a_penalty_is_above_0(penalty):
    with pytest.raises(ValueError, match="`penalty` must be a number above 0"):
        subject_to("recall", "fpr <= 0.1", penalty=penalty)


def test_two_bounds_in_one_are_refused():
    with pytest.raises(TypeError, match="write two constraints"):
        assert 0.01 <= gap("tpr", by="sex") <= 0.05


def test_many_values_are_no_groups():
    loss = subject_to("recall", gap("tpr", by="age") <= 0.1)
    sets = random_sets(1, 60)._replace(columns={"age": torch.arange(60.0)})
    with pytest.raises(ValueError, match="has 60 different values"):
        loss(sets)


def test_a_function_in_a_file_is_tried_with_two_groups(tmp_path):
    path = tmp_path / "money.py"
    path.write_text("def profit(y_true, y_pred):\n    return (y_true * y_pred).sum()\n")
    loss = as_true_loss(
        f"{path}:profit subject to gap(tpr, by=sex) <= 0.1", greater_is_better=True
    )
    assert loss.columns == ("sex",)
    assert loss.scale_invariant
