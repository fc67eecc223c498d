"""What is known of metrics of scikit-learn and torchmetrics."""

import functools

import numpy as np
import pytest
import sklearn.metrics as sk
import torch
import torchmetrics.classification as tm
from external_cases import name_case

from losslearn.metrics import as_true_loss, get_true_loss


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
    expected = [judge(y, s) for y, s in zip(*map(np.asarray, sets[:2]), strict=True)]
    assert loss(sets).tolist() == pytest.approx(expected)


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
    labels = (sets.score >= 0.5).long()
    expected = [
        judge(y, p) for y, p in zip(sets.target.numpy(), labels.numpy(), strict=True)
    ]
    got = loss.with_threshold(0.5)(sets)
    assert got.tolist() == pytest.approx(expected)
    assert (loss(sets) <= got + 1e-9).all()  # the best threshold is no worse


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
    torch.testing.assert_close(loss(sets), builtin(sets), rtol=0, atol=1e-6)
    assert metric.update_called is False  # the user's own is left alone


def test_a_torchmetrics_error_is_to_be_minimised(sets):
    loss = as_true_loss(tm.BinaryCalibrationError())
    assert not loss.greater_is_better
    assert not loss.scale_invariant
    assert (loss(sets) >= 0).all()


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
