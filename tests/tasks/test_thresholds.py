import math

import numpy as np
import oracles
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from metric_cases import OF_LABELS, labelled_sets, random_sets
from sklearn.metrics import f1_score, roc_auc_score

from losslearn.metrics import Sets, as_true_loss, get_true_loss, interval
from losslearn.tasks.thresholds import (
    best_threshold,
    bootstrap_interval,
    evaluate,
    tune_threshold,
)


def one_set(n: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    sets = random_sets(1, n, seed=seed)
    return sets.target[0], sets.score[0]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", OF_LABELS)
@settings(max_examples=30)
@given(case=labelled_sets(weighted=False))
def test_the_threshold_reaches_the_lowest_loss_there_is(name, case):
    loss = get_true_loss(name)
    threshold, value = best_threshold(loss, *case.arguments())
    y_true, y_score, weight = case.lists()
    oracle = OF_LABELS[name][0]
    best = oracles.best_over_thresholds(oracle, y_true, y_score, weight)
    called = oracles.called_positive(y_score, threshold)
    assert math.isfinite(threshold)
    assert value == pytest.approx(best, abs=1e-9)
    assert oracle(y_true, called, weight) == pytest.approx(best, abs=1e-9)


@pytest.mark.parametrize("name", OF_LABELS)
@settings(max_examples=30)
@given(case=labelled_sets(weighted=True))
def test_with_weights_the_threshold_reaches_the_lowest_weighted_loss(name, case):
    loss = get_true_loss(name)
    threshold, value = best_threshold(loss, *case.arguments(), **case.weights())
    y_true, y_score, weight = case.lists()
    oracle = OF_LABELS[name][0]
    best = oracles.best_over_thresholds(oracle, y_true, y_score, weight)
    called = oracles.called_positive(y_score, threshold)
    assert value == pytest.approx(best, abs=1e-9)
    assert oracle(y_true, called, weight) == pytest.approx(best, abs=1e-9)


def test_a_callable_is_tuned_with_weights_too():
    y_true, y_score = one_set(100)
    weight = torch.rand(100, generator=generator(), dtype=torch.float64)
    own, built_in = as_true_loss(f1_score), get_true_loss("f1")
    assert best_threshold(own, y_true, y_score, sample_weight=weight) == pytest.approx(
        best_threshold(built_in, y_true, y_score, sample_weight=weight)
    )
    assert best_threshold(built_in, y_true, y_score, sample_weight=weight) != (
        best_threshold(built_in, y_true, y_score)
    )


def as_series(values) -> pd.Series:
    return pd.Series(values, index=range(5, 5 + len(values)))


def read_only(values) -> np.ndarray:
    array = np.array(values)
    array.setflags(write=False)
    return array


@pytest.mark.parametrize(
    "make",
    [
        list,
        np.array,
        torch.tensor,
        as_series,
        read_only,
        lambda values: np.array(values[::-1])[::-1],
        lambda values: np.array(values)[:, None],
        lambda values: torch.tensor(values)[:, None],
        lambda values: torch.tensor(values, dtype=torch.float64, requires_grad=True),
    ],
)
def test_tune_threshold_takes_arrays_and_tensors_of_any_make(make):
    y_true, y_score = [0.0, 1.0, 0.0, 1.0, 1.0], [0.0, 2.0, 1.0, 3.0, 0.5]
    # both of 1.5 and 0.25 have one error; F1 prefers to call too many positive
    assert tune_threshold(make(y_true), make(y_score), "f1") == 0.25
    assert tune_threshold(make(y_true), make(y_score), "mcc") == 1.5
    assert tune_threshold(make(y_true), y_score, "f1") == 0.25
    assert tune_threshold(y_true, make(y_score), "f1") == 0.25


@pytest.mark.parametrize("make", [np.array, torch.tensor])
def test_tune_threshold_takes_labels_and_scores_of_any_type(make):
    for labels in ([False, True], [0, 1], [0.0, 1.0]):
        for scores in ([1, 2], [1.0, 2.0]):
            assert tune_threshold(make(labels), make(scores), "f1") == 1.5
    low, high = 0.1, math.nextafter(0.1, 1.0)  # one in single precision
    assert tune_threshold([0, 1], [low, high], "f1") == high


@pytest.mark.parametrize("metric", ["f1", f1_score, "balanced_accuracy"])
def test_tuned_threshold_gives_the_metrics_best_value(metric):
    y_true, y_score = one_set(200)
    threshold = tune_threshold(y_true.numpy(), y_score.numpy(), metric)
    assert threshold == best_threshold(as_true_loss(metric), y_true, y_score)[0]


@pytest.mark.parametrize(
    ("y", "scores", "metric", "message"),
    [
        ([0, 1], [0.1, 0.2, 0.3], "f1", r"got \[2\] and \[3\]"),
        ([[0, 1]], [[0.1, 0.2]], "f1", r"got \[1, 2\] and \[1, 2\]"),
        (1, 0.5, "f1", r"got \[\] and \[\]"),
        ([1, 2], [0.1, 0.2], "f1", "`y` must hold nothing but 0 and 1"),
        ([math.nan, 1.0], [0.1, 0.2], "f1", "`y` must hold nothing but 0 and 1"),
        ([1, 1], [0.1, 0.2], "f1", "both classes, got 2 positive rows of 2"),
        ([], [], "f1", "both classes, got 0 positive rows of 0"),
        ([0, 1], [math.nan, 0.2], "f1", "not a number"),
        ([0, 1], [0.1, 0.2], "auc", "`roc_auc_loss` has no threshold"),
        ([0, 1], [0.1, 0.2], "no_such", "Unknown metric `no_such`"),
    ],
)
def test_what_cannot_be_tuned_is_named(y, scores, metric, message):
    with pytest.raises(ValueError, match=message):
        tune_threshold(y, scores, metric)


def test_the_threshold_lies_halfway_between_neighbouring_scores():
    y_true = torch.tensor([0, 0, 1, 1])
    y_score = torch.tensor([-3.0, 1.0, 2.0, 9.0])
    assert best_threshold(get_true_loss("mcc"), y_true, y_score) == (1.5, 0.0)


def test_of_several_lowest_losses_the_widest_run_is_taken():
    # One error is left with the cut between 0 and 1, and with that between 2 and 30.
    y_true = torch.tensor([0, 1, 0, 1])
    y_score = torch.tensor([0.0, 1.0, 2.0, 30.0])
    threshold, value = best_threshold(get_true_loss("error_rate"), y_true, y_score)
    assert (threshold, value) == (16.0, 0.25)


def test_of_a_run_the_middle_cut_is_taken():
    # A metric of one's own that is as good at the cuts below 2, 3 and 4.
    def off_three(y_true, y_pred):
        assert y_true.shape == y_pred.shape
        return float(abs(y_pred.sum() - 3) > 1)

    loss = as_true_loss(off_three, greater_is_better=False)
    y_true, y_score = torch.tensor([0, 1, 0, 1, 0, 1]), torch.arange(6.0)
    assert best_threshold(loss, y_true, y_score) == (2.5, 0.0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_neighbouring_floats_are_still_parted(dtype):
    lower = torch.tensor(1.0, dtype=dtype)
    upper = lower.nextafter(torch.tensor(2.0, dtype=dtype))
    y_true, y_score = torch.tensor([0, 1, 0, 1]), torch.stack([lower, upper] * 2)
    threshold, value = best_threshold(get_true_loss("f1"), y_true, y_score)
    assert value == 0
    assert (y_score >= threshold).tolist() == [False, True, False, True]
    assert (y_score.double() >= threshold).tolist() == [False, True, False, True]


@pytest.mark.parametrize("name", OF_LABELS)
def test_infinite_and_constant_scores_have_a_finite_threshold(name):
    loss, y_true = get_true_loss(name), torch.tensor([0, 0, 1, 1])
    for scores in ([-math.inf, 0.0, 1.0, math.inf], [0.0] * 4, [math.inf] * 4):
        threshold, value = best_threshold(loss, y_true, torch.tensor(scores))
        assert math.isfinite(threshold)
        at = loss.at_threshold(y_true, torch.tensor(scores), threshold=threshold)
        assert at == pytest.approx(value, abs=1e-6)


def test_nobody_positive_can_be_the_best_choice():
    y_true = torch.tensor([0] * 9 + [1])
    y_score = torch.arange(10.0).flip(0)
    threshold, value = best_threshold(get_true_loss("error_rate"), y_true, y_score)
    assert threshold > 9
    assert value == pytest.approx(0.1)


def test_a_callable_is_tried_at_no_more_than_200_thresholds():
    n_called = []

    def misses(y_true, y_pred):
        n_called.append(y_pred.sum())
        return (y_true != y_pred).mean()

    loss = as_true_loss(misses, greater_is_better=False)
    n_called.clear()
    y_true, y_score = one_set(5000)
    y_score = y_score + torch.rand(5000, generator=generator()) / 100
    threshold, value = best_threshold(loss, y_true, y_score)
    assert len(n_called) <= 200
    assert min(n_called) == 1
    assert max(n_called) == 5000
    assert value == evaluate(loss, y_true, y_score, threshold=threshold)
    best = get_true_loss("mcr")(Sets(y_true, y_score)).item()
    assert value == pytest.approx(best, abs=0.02)


def test_rare_positives_do_not_fall_between_two_thresholds():
    # ten positives of 20,000 rows, the highest scores of all
    y_true = (torch.arange(20_000) < 10).long()
    y_score = torch.arange(20_000, 0, -1).float()

    def errors(y_true, y_pred):
        return float((y_true != y_pred).sum())

    loss = as_true_loss(errors, greater_is_better=False)
    threshold, value = best_threshold(loss, y_true, y_score)
    assert value <= 1
    assert int((y_score >= threshold).sum()) in {9, 10, 11}


def test_with_few_scores_a_callable_is_tuned_exactly():
    def own(y_true, y_pred):
        return f1_score(y_true, y_pred)

    loss = as_true_loss(own, greater_is_better=True)
    y_true, y_score = one_set(100)
    threshold, value = best_threshold(loss, y_true, y_score)
    expected, best = best_threshold(get_true_loss("f1"), y_true, y_score)
    assert threshold == expected
    assert value == pytest.approx(best - 1)


def test_a_loss_without_threshold_cannot_be_tuned():
    with pytest.raises(ValueError, match="`roc_auc_loss` has no threshold"):
        best_threshold(get_true_loss("auc"), torch.tensor([0, 1]), torch.rand(2))


def test_one_class_or_a_missing_score_cannot_be_tuned():
    f1 = get_true_loss("f1")
    with pytest.raises(ValueError, match="both classes, got 0 positive rows of 3"):
        best_threshold(f1, torch.zeros(3, dtype=torch.long), torch.rand(3))
    with pytest.raises(ValueError, match="not a number"):
        best_threshold(f1, torch.tensor([0, 1]), torch.tensor([math.nan, 1.0]))


def test_evaluate_judges_labels_at_the_threshold_given():
    y_true, y_score = one_set(200)
    weight = torch.rand(200, generator=generator(), dtype=torch.float64)
    got = evaluate(
        get_true_loss("f1"), y_true, y_score, threshold=0.7, sample_weight=weight
    )
    expected = 1 - f1_score(y_true, y_score >= 0.7, sample_weight=weight)
    assert got == pytest.approx(expected)


def test_evaluate_does_not_look_at_a_threshold_it_does_not_need():
    y_true, y_score = one_set(200)
    for threshold in (None, 0.7):
        got = evaluate(get_true_loss("auc"), y_true, y_score, threshold=threshold)
        assert got == pytest.approx(1 - roc_auc_score(y_true, y_score))


@pytest.mark.parametrize("judge", [evaluate, bootstrap_interval])
def test_a_threshold_is_never_chosen_on_the_rows_measured(judge):
    random = {"generator": generator()} if judge is bootstrap_interval else {}
    with pytest.raises(ValueError, match="`f1_loss` needs a `threshold`"):
        judge(get_true_loss("f1"), *one_set(20), **random)


@pytest.mark.parametrize("metric", [f1_score, roc_auc_score])
@pytest.mark.parametrize("wrap", [False, True])
def test_bootstrap_interval_is_that_of_resampled_rows(metric, wrap):
    y_true, y_score = one_set(150)
    loss = as_true_loss(metric) if wrap else get_true_loss(metric.__name__)
    low, high = bootstrap_interval(
        loss, y_true, y_score, threshold=0.5, n_resamples=60, generator=generator(3)
    )
    rows = torch.randint(150, (60, 150), generator=generator(3)).numpy()
    judged = (y_score >= 0.5).numpy() if metric is f1_score else y_score.numpy()
    values = [1 - metric(y_true.numpy()[i], judged[i]) for i in rows]
    assert (low, high) == pytest.approx(tuple(np.quantile(values, [0.025, 0.975])))


def test_bootstrap_interval_is_the_same_in_chunks(monkeypatch):
    arguments = (get_true_loss("ap"), *one_set(100))
    whole = bootstrap_interval(*arguments, generator=generator())
    monkeypatch.setattr(interval, "_CHUNK", 700)
    assert bootstrap_interval(*arguments, generator=generator()) == whole
    assert bootstrap_interval(*arguments, generator=generator(1)) != whole


def test_a_wider_level_is_a_wider_interval_around_the_value():
    y_true, y_score = one_set(300)
    loss = get_true_loss("auc")
    narrow, wide = (
        bootstrap_interval(loss, y_true, y_score, level=level, generator=generator())
        for level in (0.5, 0.99)
    )
    assert wide[0] < narrow[0] < evaluate(loss, y_true, y_score) < narrow[1] < wide[1]


def test_resamples_of_one_class_are_left_out():
    y_true, y_score = torch.tensor([0] * 29 + [1]), torch.arange(30.0)
    low, high = bootstrap_interval(
        get_true_loss("auc"), y_true, y_score, generator=generator()
    )
    assert (low, high) == (0.0, 0.0)
    one_class = torch.zeros(30, dtype=torch.long)
    ends = bootstrap_interval(
        get_true_loss("auc"), one_class, y_score, generator=generator()
    )
    assert all(math.isnan(end) for end in ends)


@pytest.mark.parametrize(
    ("name", "wrong"), [("level", 0.0), ("level", 1.0), ("n_resamples", 0)]
)
def test_bootstrap_settings_out_of_range_are_named(name, wrong):
    with pytest.raises(ValueError, match=f"`{name}` must be"):
        bootstrap_interval(
            get_true_loss("auc"), *one_set(20), generator=generator(), **{name: wrong}
        )
