"""What is not known is asked for, what is wrong is said."""

import math
import re

import numpy as np
import pytest
import sklearn.metrics as sk
import torch
import torchmetrics.classification as tm
from external_cases import profit

from losslearn.metrics import MetricError, Sets, as_true_loss


def test_the_direction_is_asked_for_and_never_guessed():
    def my_score(y_true, y_pred):
        return (y_true == y_pred).mean()

    with pytest.raises(ValueError, match=r"greater value of `my_score` better.*Say so"):
        as_true_loss(my_score)


def test_a_direction_that_is_neither_is_refused():
    def cost(y_true, y_pred):
        return (y_true != y_pred).sum()

    cost.greater_is_better = "no"
    with pytest.raises(ValueError, match="of `cost` must be True or False, got 'no'"):
        as_true_loss(cost)


def test_the_direction_of_a_known_metric_is_not_turned_round():
    with pytest.raises(ValueError, match="contradicts `f1_score`, of which a greater"):
        as_true_loss(sk.f1_score, greater_is_better=False)
    assert as_true_loss(sk.f1_score, greater_is_better=True).greater_is_better


def test_what_a_function_takes_is_asked_for():
    def odd(targets, outputs):
        return float(abs(targets - outputs).mean())

    with pytest.raises(ValueError, match="What does `odd` take as its second argument"):
        as_true_loss(odd, greater_is_better=False)
    loss = as_true_loss(odd, greater_is_better=False, response_method="predict")
    assert loss.needs_threshold
    odd.response_method = "labels"
    with pytest.raises(ValueError, match="got 'labels'"):
        as_true_loss(odd, greater_is_better=False)


def test_swapped_arguments_are_noticed():
    def swapped(y_score, y_true):
        return (y_true * y_score).mean()

    with pytest.raises(ValueError, match="must take the targets first"):
        as_true_loss(swapped, greater_is_better=True)


def test_settings_of_a_loss_that_is_one_already_are_refused():
    with pytest.raises(ValueError, match="`f1_loss` is a loss already"):
        as_true_loss("f1", greater_is_better=True)


@pytest.mark.parametrize("metric", [3, None, tm.BinaryF1Score, [profit]])
def test_what_is_no_metric_is_refused(metric):
    with pytest.raises(ValueError, match="`metric` must be a name, a callable"):
        as_true_loss(metric)


def test_an_unknown_name_gets_near_ones_of_both_kinds():
    with pytest.raises(ValueError, match=r"(?s)Unknown metric `neg_los`.*neg_log_loss"):
        as_true_loss("neg_los")


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (None, "must return one number, got None (NoneType)"),
        ("0.5", "must return one number, got '0.5' (str)"),
        (np.ones(3), "must return one number, got an array of shape (3,)"),
        ([[1], [1, 2]], "must return one number"),
        (1j, "must return one number, got 1j (complex)"),
        (math.nan, "must return a finite value, got nan"),
        (np.float64(math.inf), "must return a finite value, got inf"),
    ],
)
def test_what_is_returned_is_checked(returned, message):
    def odd(*_):
        return returned

    expected = f"`odd` {message}"
    with pytest.raises(MetricError, match=re.escape(expected)) as raised:
        as_true_loss(odd, greater_is_better=True, response_method="predict_proba")
    assert "at call 1 on generated rows (n = 64 rows, 32 positive)" in str(raised.value)


@pytest.mark.parametrize(
    "value", [1, True, np.float32(0.5), np.array(0.5), torch.tensor(0.5)]
)
def test_any_real_number_is_a_value(value, sets):
    loss = as_true_loss(
        lambda *_: value, greater_is_better=False, response_method="predict_proba"
    )
    assert loss(sets).tolist() == [float(value)] * 3


def test_an_exception_inside_names_the_callable_and_the_call():
    def fragile(y_true, y_score):
        if len(y_true) == 500 and y_true.sum() == 31:
            raise ZeroDivisionError("division by zero")
        return y_score.mean()

    loss = as_true_loss(fragile, greater_is_better=False)
    y_true = torch.zeros(4, 500, dtype=torch.long)
    y_true[:3, :30], y_true[3, :31] = 1, 1
    sets = Sets(y_true, torch.rand(4, 500))
    assert loss(sets).isnan().tolist() == [False, False, False, True]  # left out
    expected = (
        "`fragile` raised ZeroDivisionError at call 5 (n = 500 rows, 31 positive): "
        "division by zero"
    )
    with pytest.raises(MetricError, match=re.escape(expected)) as raised:
        loss(sets.picked(3))
    assert isinstance(raised.value.__cause__, ZeroDivisionError)


def test_a_batched_function_must_return_a_value_for_each_set():
    def whole(y_true, y_score):
        return float((y_true * y_score).mean())

    with pytest.raises(
        MetricError, match=r"one number for each of the 3 sets.*3 sets of"
    ):
        as_true_loss(whole, greater_is_better=False, batched=True)
