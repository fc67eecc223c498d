import functools
import math
import pickle
import re

import numpy as np
import pytest
import sklearn.metrics as sk
import torch
import torchmetrics.classification as tm

from losslearn.metrics import (
    MetricError,
    as_true_loss,
    declare_metric,
    get_true_loss,
)
from metric_cases import random_sets


def name_case(value: object) -> str:
    """Name a case the same in every process, so without an address in memory."""
    return re.sub(r" at 0x[0-9a-f]+", "", str(value))


def profit(y_true, y_pred):
    """Earn 5 for each positive row called, pay 1 for each call."""
    return 5.0 * (y_true * y_pred).sum() - y_pred.sum()


def recall_of_top_ten(y_true, y_score):
    return y_true[np.argsort(-y_score)[:10]].sum() / y_true.sum()


def squared_error(y_true, p, sample_weight=None):
    return np.average((y_true - p) ** 2, weights=sample_weight)


@declare_metric(greater_is_better=False, batched=True)
def mean_rank(y_true, y_score):
    """Of the positive rows of each set, as a share of the rows."""
    rank = (-y_score).argsort(-1).argsort(-1)
    return (rank * y_true).sum(-1) / y_true.sum(-1) / y_true.shape[-1]


@pytest.fixture
def sets():
    return random_sets(3, 60)


# What is known of a metric.


@pytest.mark.parametrize(
    ("metric", "judge"),
    [
        (sk.roc_auc_score, lambda y, s: 1 - sk.roc_auc_score(y, s)),
        (sk.average_precision_score, lambda y, s: 1 - sk.average_precision_score(y, s)),
        (sk.log_loss, lambda y, s: sk.log_loss(y, 1 / (1 + np.exp(-s)))),
        (
            sk.brier_score_loss,
            lambda y, s: sk.brier_score_loss(y, 1 / (1 + np.exp(-s))),
        ),
        (sk.hinge_loss, sk.hinge_loss),
        ("neg_log_loss", lambda y, s: sk.log_loss(y, 1 / (1 + np.exp(-s)))),
        ("neg_brier_score", lambda y, s: sk.brier_score_loss(y, 1 / (1 + np.exp(-s)))),
        (sk.get_scorer("roc_auc"), lambda y, s: 1 - sk.roc_auc_score(y, s)),
        (
            functools.partial(sk.roc_auc_score, max_fpr=0.2),
            lambda y, s: 1 - sk.roc_auc_score(y, s, max_fpr=0.2),
        ),
    ],
    ids=name_case,
)
def test_scikit_learn_metrics_of_scores_need_no_word(metric, judge, sets):
    loss = as_true_loss(metric)
    assert not loss.needs_threshold
    expected = [judge(y, s) for y, s in zip(*(t.numpy() for t in sets), strict=True)]
    assert loss(*sets).tolist() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("metric", "judge"),
    [
        (sk.f1_score, lambda *a: 1 - sk.f1_score(*a)),
        (sk.matthews_corrcoef, lambda *a: 1 - sk.matthews_corrcoef(*a)),
        (sk.zero_one_loss, sk.zero_one_loss),
        (sk.mean_absolute_error, sk.mean_absolute_error),
        ("precision", lambda *a: 1 - sk.precision_score(*a)),
        ("f1_macro", lambda *a: 1 - sk.f1_score(*a, average="macro")),
        (
            functools.partial(sk.accuracy_score, normalize=False),
            lambda *a: -sk.accuracy_score(*a, normalize=False),
        ),
    ],
    ids=name_case,
)
def test_scikit_learn_metrics_of_labels_need_no_word(metric, judge, sets):
    loss = as_true_loss(metric)
    assert loss.needs_threshold
    labels = (sets[1] >= 0.5).long()
    expected = [
        judge(y, p) for y, p in zip(sets[0].numpy(), labels.numpy(), strict=True)
    ]
    got = loss.with_threshold(0.5)(*sets)
    assert got.tolist() == pytest.approx(expected)
    assert (loss(*sets) <= got + 1e-9).all()  # the best threshold is no worse


@pytest.mark.parametrize(
    ("metric", "name", "of_labels"),
    [
        (tm.BinaryAUROC(), "roc_auc_loss", False),
        (tm.BinaryAveragePrecision(), "average_precision_loss", False),
        (tm.BinaryF1Score(), "f1_loss", True),
        (tm.BinaryAccuracy(), "error_rate", True),
    ],
    ids=name_case,
)
def test_torchmetrics_need_no_word(metric, name, of_labels, sets):
    loss = as_true_loss(metric)
    builtin = get_true_loss(name)
    assert loss.needs_threshold == of_labels
    assert loss.bounded
    if of_labels:
        loss, builtin = loss.with_threshold(0.5), builtin.with_threshold(0.5)
    else:
        assert loss.scale_invariant
    torch.testing.assert_close(loss(*sets), builtin(*sets), rtol=0, atol=1e-6)
    assert metric.update_called is False  # the user's own is left alone


def test_a_torchmetrics_error_is_to_be_minimised(sets):
    loss = as_true_loss(tm.BinaryCalibrationError())
    assert not loss.greater_is_better
    assert not loss.scale_invariant
    assert (loss(*sets) >= 0).all()


@pytest.mark.parametrize(
    ("metric", "greater", "bounded"),
    [
        (sk.f1_score, True, True),
        (sk.brier_score_loss, False, True),
        (sk.log_loss, False, False),
        (sk.matthews_corrcoef, True, False),
        ("neg_brier_score", True, True),
        ("neg_log_loss", True, False),
        (functools.partial(sk.balanced_accuracy_score, adjusted=True), True, False),
        (functools.partial(sk.fbeta_score, beta=0.5), True, True),
    ],
    ids=name_case,
)
def test_direction_and_range_are_those_of_the_metric(metric, greater, bounded):
    loss = as_true_loss(metric)
    assert (loss.greater_is_better, loss.bounded) == (greater, bounded)


def test_names_go_to_the_registry_first_and_then_to_the_scorers():
    assert as_true_loss("f1") == get_true_loss("f1")
    assert as_true_loss("neg_log_loss").name == "neg_log_loss"
    builtin = get_true_loss("auc")
    assert as_true_loss(builtin) is builtin


# Functions of one's own.


def test_what_a_function_takes_is_read_off_its_second_argument(sets):
    labels = as_true_loss(profit, greater_is_better=True)
    scores = as_true_loss(recall_of_top_ten, greater_is_better=True)
    probabilities = as_true_loss(squared_error, greater_is_better=False)
    y_true, y_score = sets
    row, score = y_true[0].numpy(), y_score[0].numpy()
    fixed = labels.with_threshold(0.5)(y_true, y_score)[0]
    assert fixed == -profit(row, (score >= 0.5).astype(int))
    assert scores(y_true, y_score)[0] == -recall_of_top_ten(row, score)
    expected = squared_error(row, 1 / (1 + np.exp(-score)))
    assert probabilities(y_true, y_score)[0] == pytest.approx(expected)


def test_a_metric_of_labels_is_trained_for_at_the_best_of_25_thresholds():
    loss = as_true_loss(profit, greater_is_better=True)
    y_true, y_score = random_sets(4, 20)
    expected = [
        min(-profit(y, (s >= t).astype(int)) for t in s)
        for y, s in zip(y_true.numpy(), y_score.numpy(), strict=True)
    ]
    assert loss(y_true, y_score).tolist() == expected
    calls = []

    def counted(y_true, y_pred):
        calls.append(int(y_pred.sum()))
        return profit(y_true, y_pred)

    loss = as_true_loss(counted, greater_is_better=True)
    calls.clear()
    loss(torch.tensor([0, 1] * 200), torch.arange(400.0))
    assert len(calls) == 25
    assert (calls[0], calls[-1]) == (1, 400)


def test_many_sets_are_judged_in_chunks(monkeypatch):
    loss = as_true_loss(profit, greater_is_better=True)
    y_true, y_score = random_sets(7, 30)
    whole = loss(y_true, y_score)
    monkeypatch.setattr("losslearn.metrics.callables._CHUNK", 2 * 25 * 30)
    torch.testing.assert_close(loss(y_true, y_score), whole, rtol=0, atol=0)


def test_a_batched_function_gets_all_sets_in_one_call(sets):
    calls = []

    def counted(y_true, y_score):
        calls.append(y_score.shape)
        return mean_rank(y_true, y_score)

    loss = as_true_loss(
        counted,
        greater_is_better=False,
        response_method="decision_function",
        batched=True,
    )
    calls.clear()
    got = loss(*(t.reshape(1, 3, 60) for t in sets))
    assert calls == [(3, 60)]
    alone = as_true_loss(mean_rank, batched=False)
    torch.testing.assert_close(got, alone(*sets)[None])


def test_a_batched_function_of_labels_is_judged_like_any_other(sets):
    shapes = set()

    @declare_metric(greater_is_better=True, batched=True)
    def batched_profit(y_true, y_pred):
        shapes.add(y_pred.shape)
        return 5.0 * (y_true * y_pred).sum(-1) - y_pred.sum(-1)

    batched = as_true_loss(batched_profit)
    single = as_true_loss(profit, greater_is_better=True)
    shapes.clear()
    torch.testing.assert_close(batched(*sets), single(*sets))
    [shape] = shapes  # all sets at all thresholds in one call
    assert len(shape) == 2
    torch.testing.assert_close(
        batched.with_threshold(0.5)(*sets), single.with_threshold(0.5)(*sets)
    )


def test_a_batched_function_that_mixes_sets_is_refused():
    def mixed(y_true, y_score):
        return (y_true * y_score).sum(-1) / y_score.std()

    with pytest.raises(MetricError, match="must reduce over the last axis only"):
        as_true_loss(mixed, greater_is_better=False, batched=True)


def test_weights_are_passed_where_the_function_takes_them(sets):
    weight = torch.rand(60, dtype=torch.float64) + 0.1
    for metric in (sk.roc_auc_score, sk.f1_score):
        loss = as_true_loss(metric)
        assert loss.takes_weight
        builtin = get_true_loss(metric.__name__)
        if loss.needs_threshold:
            loss, builtin = loss.with_threshold(0.5), builtin.with_threshold(0.5)
        got = loss(*sets, sample_weight=weight)
        torch.testing.assert_close(got, builtin(*sets, sample_weight=weight))
    without = as_true_loss(recall_of_top_ten, greater_is_better=True)
    assert not without.takes_weight
    with pytest.raises(ValueError, match="`recall_of_top_ten` does not take weights"):
        without(*sets, sample_weight=weight)


@pytest.mark.parametrize(
    ("metric", "invariant"),
    [
        (sk.roc_auc_score, True),
        (sk.f1_score, True),  # the best threshold moves along
        (mean_rank, True),
        (sk.hinge_loss, False),
        (sk.log_loss, False),
    ],
    ids=name_case,
)
def test_scale_invariance_is_found_by_trying(metric, invariant):
    assert as_true_loss(metric).scale_invariant is invariant


def test_sets_of_one_class_never_reach_the_function(sets):
    y_true, y_score = sets
    y_true[1] = 1
    loss = as_true_loss(sk.roc_auc_score)
    got = loss(y_true, y_score.float())
    assert got.isnan().tolist() == [False, True, False]
    assert got.dtype == torch.float32
    assert loss(y_true[1], y_score[1]).isnan()


def test_a_function_that_writes_into_its_arguments_harms_nobody(sets):
    def vandal(y_true, y_score):
        value = recall_of_top_ten(y_true, y_score)
        y_true[:], y_score[:] = 0, 0
        return value

    y_true, y_score = (tensor.clone() for tensor in sets)
    as_true_loss(vandal, greater_is_better=True)(y_true, y_score)
    assert torch.equal(y_true, sets[0])
    assert torch.equal(y_score, sets[1])


def test_an_object_can_be_a_metric(sets):
    class Cost:
        greater_is_better = False

        def __call__(self, y_true, y_pred):
            return float(abs(y_true - y_pred).sum())

    loss = as_true_loss(Cost())
    assert loss.name == "Cost"
    assert as_true_loss(Cost(), name="cost").name == "cost"
    assert loss(*sets).shape == (3,)


def test_external_losses_can_be_pickled(sets):
    for metric in (sk.f1_score, "neg_log_loss", mean_rank):
        loss = as_true_loss(metric)
        copy = pickle.loads(pickle.dumps(loss))
        torch.testing.assert_close(copy(*sets), loss(*sets))


# What is not known is asked for, what is wrong is said.


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
    assert loss(*sets).tolist() == [float(value)] * 3


def test_an_exception_inside_names_the_callable_and_the_call():
    def fragile(y_true, y_score):
        if len(y_true) == 500 and y_true.sum() == 31:
            raise ZeroDivisionError("division by zero")
        return y_score.mean()

    loss = as_true_loss(fragile, greater_is_better=False)
    y_true = torch.zeros(4, 500, dtype=torch.long)
    y_true[:3, :30], y_true[3, :31] = 1, 1
    expected = (
        "`fragile` raised ZeroDivisionError at call 4 (n = 500 rows, 31 positive): "
        "division by zero"
    )
    with pytest.raises(MetricError, match=re.escape(expected)) as raised:
        loss(y_true, torch.rand(4, 500))
    assert isinstance(raised.value.__cause__, ZeroDivisionError)


def test_a_batched_function_must_return_a_value_for_each_set():
    def whole(y_true, y_score):
        return float((y_true * y_score).mean())

    with pytest.raises(
        MetricError, match=r"one number for each of the 3 sets.*3 sets of"
    ):
        as_true_loss(whole, greater_is_better=False, batched=True)


# Functions in files.


@pytest.fixture
def metric_file(tmp_path):
    (tmp_path / "prices.py").write_text("PRICE = 5.0\n")
    path = tmp_path / "business.py"
    path.write_text(
        "from prices import PRICE\n"
        "def profit(y_true, y_pred):\n"
        "    return PRICE * (y_true * y_pred).sum() - y_pred.sum()\n"
        "profit.greater_is_better = True\n"
    )
    return path


def test_a_function_is_loaded_from_a_file(metric_file, sets):
    loss = as_true_loss(f"{metric_file}:profit")
    assert loss.name == "profit"
    assert loss.greater_is_better
    expected = as_true_loss(profit, greater_is_better=True)(*sets)
    torch.testing.assert_close(loss(*sets), expected)
    copy = pickle.loads(pickle.dumps(loss))
    torch.testing.assert_close(copy(*sets), expected)


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("missing.py:profit", "There is no file"),
        ("business.py:profits", "has no function `profits`. It has `profit`"),
        ("business.py:PRICE", "has no function `PRICE`"),
        ("business.py", "Name the function in the file"),
        ("syntax.py:profit", "`syntax.py` raised SyntaxError when it was loaded"),
        ("leaves.py:profit", "`leaves.py` raised SystemExit when it was loaded"),
    ],
)
def test_a_file_that_gives_no_function_is_said_to(metric_file, place, message):
    (metric_file.parent / "syntax.py").write_text("def profit(:\n")
    (metric_file.parent / "leaves.py").write_text("raise SystemExit(1)\n")
    with pytest.raises(ValueError, match=re.escape(message)):
        as_true_loss(f"{metric_file.parent}/{place}")


def test_scikit_learn_does_not_warn_of_undefined_values_in_a_loop():
    loss = as_true_loss(sk.precision_score).with_threshold(9.0)  # nobody is positive
    assert loss(torch.tensor([0, 1]), torch.rand(2)) == 1
