"""Functions of one's own as metrics."""

import pickle
import re

import numpy as np
import pytest
import sklearn.metrics as sk
import torch
from external_cases import (
    mean_rank,
    name_case,
    profit,
    recall_of_top_ten,
    squared_error,
)
from metric_cases import random_sets

from losslearn.metrics import (
    MetricError,
    Sets,
    as_true_loss,
    declare_metric,
    get_true_loss,
)


def test_what_a_function_takes_is_read_off_its_second_argument(sets):
    labels = as_true_loss(profit, greater_is_better=True)
    scores = as_true_loss(recall_of_top_ten, greater_is_better=True)
    probabilities = as_true_loss(squared_error, greater_is_better=False)
    row, score = sets.target[0].numpy(), sets.score[0].numpy()
    fixed = labels.with_threshold(0.5)(sets)[0]
    assert fixed == -profit(row, (score >= 0.5).astype(int))
    assert scores(sets)[0] == -recall_of_top_ten(row, score)
    expected = squared_error(row, 1 / (1 + np.exp(-score)))
    assert probabilities(sets)[0] == pytest.approx(expected)


def test_a_metric_of_labels_is_trained_for_at_the_best_of_25_thresholds():
    loss = as_true_loss(profit, greater_is_better=True)
    few = random_sets(4, 20)
    expected = [
        min(-profit(y, (s >= t).astype(int)) for t in s)
        for y, s in zip(few.target.numpy(), few.score.numpy(), strict=True)
    ]
    assert loss(few).tolist() == expected
    calls = []

    def counted(y_true, y_pred):
        calls.append(int(y_pred.sum()))
        return profit(y_true, y_pred)

    loss = as_true_loss(counted, greater_is_better=True)
    calls.clear()
    loss(Sets(torch.tensor([0, 1] * 200), torch.arange(400.0)))
    assert len(calls) == 25
    assert (calls[0], calls[-1]) == (1, 400)


@pytest.mark.parametrize("share", [0.01, 0.3, 0.99])
def test_thresholds_lie_among_the_rows_of_the_rarer_class_too(share):
    # all but apart: the best threshold is between two rows of the rarer class
    n = 2_000
    y_true = (torch.arange(n) < share * n).long()
    y_score = torch.arange(n, 0, -1).double()
    numbers = []

    def counted(y_true, y_pred):
        numbers.append((int(y_pred @ y_true), int(y_pred @ (1 - y_true))))
        return float(y_pred.mean())

    loss = as_true_loss(counted, greater_is_better=False)
    numbers.clear()
    loss(Sets(y_true, y_score))
    n_positive = int(y_true.sum())
    at = [a / n_positive + b / (n - n_positive) for a, b in numbers]
    one_row = 1 / min(n_positive, n - n_positive)
    assert max(np.diff([0, *at])) <= 2 / 24 + one_row
    assert at[-1] == 2


def test_equal_scores_give_the_same_thresholds_in_any_order():
    generator = torch.Generator().manual_seed(0)
    y_true = (torch.rand(400, generator=generator) < 0.1).long()
    y_score = torch.randint(12, (400,), generator=generator).double() + y_true
    loss = as_true_loss(profit, greater_is_better=True)
    value = loss(Sets(y_true, y_score))
    for _ in range(20):
        rows = torch.randperm(400, generator=generator)
        assert loss(Sets(y_true[rows], y_score[rows])) == value


def test_many_sets_are_judged_in_chunks(monkeypatch):
    loss = as_true_loss(profit, greater_is_better=True)
    sets = random_sets(7, 30)
    whole = loss(sets)
    monkeypatch.setattr("losslearn.metrics.own.black_box._CHUNK", 2 * 25 * 30)
    torch.testing.assert_close(loss(sets), whole, rtol=0, atol=0)


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
    got = loss(Sets(*(t.reshape(1, 3, 60) for t in sets[:2])))
    assert calls == [(3, 60)]
    alone = as_true_loss(mean_rank, batched=False)
    torch.testing.assert_close(got, alone(sets)[None])


def test_a_batched_function_of_labels_is_judged_like_any_other(sets):
    shapes = set()

    @declare_metric(greater_is_better=True, batched=True)
    def batched_profit(y_true, y_pred):
        shapes.add(y_pred.shape)
        return 5.0 * (y_true * y_pred).sum(-1) - y_pred.sum(-1)

    batched = as_true_loss(batched_profit)
    single = as_true_loss(profit, greater_is_better=True)
    shapes.clear()
    torch.testing.assert_close(batched(sets), single(sets))
    [shape] = shapes  # all sets at all thresholds in one call
    assert len(shape) == 2
    torch.testing.assert_close(
        batched.with_threshold(0.5)(sets), single.with_threshold(0.5)(sets)
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
        weighted = sets._replace(weight=weight)
        torch.testing.assert_close(loss(weighted), builtin(weighted))
    without = as_true_loss(recall_of_top_ten, greater_is_better=True)
    assert not without.takes_weight
    with pytest.raises(ValueError, match="`recall_of_top_ten` does not take weights"):
        without(sets._replace(weight=weight))


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
    sets.target[1] = 1
    loss = as_true_loss(sk.roc_auc_score)
    got = loss(sets._replace(score=sets.score.float()))
    assert got.isnan().tolist() == [False, True, False]
    assert got.dtype == torch.float32
    assert loss(Sets(sets.target[1], sets.score[1])).isnan()


def test_a_function_that_writes_into_its_arguments_harms_nobody(sets):
    def vandal(y_true, y_score):
        value = recall_of_top_ten(y_true, y_score)
        y_true[:], y_score[:] = 0, 0
        return value

    given = Sets(sets.target.clone(), sets.score.clone())
    as_true_loss(vandal, greater_is_better=True)(given)
    assert torch.equal(given.target, sets.target)
    assert torch.equal(given.score, sets.score)


def test_an_object_can_be_a_metric(sets):
    class Cost:
        greater_is_better = False

        def __call__(self, y_true, y_pred):
            return float(abs(y_true - y_pred).sum())

    loss = as_true_loss(Cost())
    assert loss.name == "Cost"
    assert as_true_loss(Cost(), name="cost").name == "cost"
    assert loss(sets).shape == (3,)


def test_external_losses_can_be_pickled(sets):
    for metric in (sk.f1_score, "neg_log_loss", mean_rank):
        loss = as_true_loss(metric)
        copy = pickle.loads(pickle.dumps(loss))
        torch.testing.assert_close(copy(sets), loss(sets))


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
    expected = as_true_loss(profit, greater_is_better=True)(sets)
    torch.testing.assert_close(loss(sets), expected)
    copy = pickle.loads(pickle.dumps(loss))
    torch.testing.assert_close(copy(sets), expected)


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
    assert loss(Sets(torch.tensor([0, 1]), torch.rand(2))) == 1
