"""Names that users type: built in, scikit-learn's, or answered with the right one."""

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as sk
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from losslearn import (
    Recipe,
    Sets,
    SurrogateClassifier,
    SurrogateLoss,
    as_true_loss,
    fit_table,
    get_true_loss,
    subject_to,
)
from losslearn.metrics.as_written import as_written
from losslearn.tables.saved import load_model


def ks(y, score):
    """Return the largest distance of the classes' distribution functions."""
    return max(
        (score[y == 1] >= at).mean() - (score[y == 0] >= at).mean() for at in score
    )


def lift(y, score):
    k = round(0.1 * len(y))
    return y[np.argsort(-score)[:k]].mean() / y.mean()


def probability(score):
    return 1 / (1 + np.exp(-score))


@pytest.mark.parametrize(
    ("name", "loss_of"),
    [
        ("gini", lambda y, s: (1 - (2 * sk.roc_auc_score(y, s) - 1)) / 2),
        ("KS", lambda y, s: (1 - ks(y, s)) / 2),
        ("lift@0.1", lambda y, s: 1 - lift(y, s) * y.mean()),
        ("log_loss", lambda y, s: sk.log_loss(y, probability(s))),
        ("log-loss", lambda y, s: sk.log_loss(y, probability(s))),
        ("brier", lambda y, s: np.mean((y - probability(s)) ** 2)),
    ],
)
@given(seed=st.integers(0, 2**31))
@settings(max_examples=10)
def test_names_stand_for_what_their_definition_says(name, loss_of, seed):
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(60) % 3 == 0).astype(int)
    score = rng.normal(size=60) + y  # no ties
    found = as_true_loss(name)(Sets(torch.from_numpy(y), torch.from_numpy(score)))
    assert float(found) == pytest.approx(loss_of(y, score), abs=1e-9)


def at_best_f1(y, score):
    """Return the decisions at the best threshold for F1."""
    return max(((score >= at) for at in score), key=lambda p: sk.f1_score(y, p))


@pytest.mark.parametrize(
    ("name", "value_of"),
    [
        ("f1", lambda y, s: sk.f1_score(y, at_best_f1(y, s))),
        ("F1_loss", lambda y, s: 1 - sk.f1_score(y, at_best_f1(y, s))),
        ("auc", sk.roc_auc_score),
        ("roc_auc_loss", lambda y, s: 1 - sk.roc_auc_score(y, s)),
        ("Gini", lambda y, s: 2 * sk.roc_auc_score(y, s) - 1),
        ("ks", ks),
        ("mcc", lambda y, s: max(sk.matthews_corrcoef(y, s >= at) for at in s)),
        ("kappa", lambda y, s: max(sk.cohen_kappa_score(y, s >= at) for at in s)),
        ("accuracy", lambda y, s: max(((s >= at) == y).mean() for at in s)),
        ("error_rate", lambda y, s: min(((s >= at) != y).mean() for at in s)),
        ("average_precision", sk.average_precision_score),
        ("precision_at_k@0.1", lambda y, s: lift(y, s) * y.mean()),
        ("log_loss", lambda y, s: sk.log_loss(y, probability(s))),
        ("neg_log_loss", lambda y, s: -sk.log_loss(y, probability(s))),
        ("d2_brier_score", lambda y, s: sk.d2_brier_score(y, probability(s))),
    ],
)
def test_a_value_is_that_of_the_metric_by_the_name_it_was_given(name, value_of):
    rng = np.random.default_rng(3)
    y = rng.permutation(np.arange(60) % 3 == 0).astype(int)
    score = rng.normal(size=60) + y
    loss = as_true_loss(name)
    written = as_written(loss)
    found = float(loss(Sets(torch.from_numpy(y), torch.from_numpy(score))))
    assert written.value(found) == pytest.approx(value_of(y, score), abs=1e-6)
    better = value_of(y, score) > value_of(y, 0.01 * score - y)
    assert written.greater_is_better == better
    assert written.name == name


def test_an_interval_of_a_metric_to_be_raised_is_turned_round():
    assert as_written(as_true_loss("f1")).ends((0.2, 0.5)) == (0.5, 0.8)
    assert as_written(as_true_loss("error_rate")).ends((0.2, 0.5)) == (0.2, 0.5)
    assert as_written(as_true_loss("mcc")).ends((0.25, 0.5)) == (0.0, 0.5)


def test_a_loss_that_was_given_as_one_is_shown_as_one():
    written = as_written(get_true_loss("f1"))
    assert (written.name, written.value(0.25)) == ("f1_loss", 0.25)
    assert as_written(get_true_loss("f1"), "f1").value(0.25) == 0.75


@pytest.mark.parametrize(
    ("text", "name", "value", "greater"),
    [
        ("recall subject to precision >= 0.9", "recall", 2 / 3, True),
        ("fpr subject to recall >= 0.9", "fpr", 1 / 3, False),
        ("mcc subject to recall >= 0.9", "mcc", 1 / 3, True),
        ("gap(tpr, by=sex) subject to fpr <= 0.1", "gap(tpr, by=sex)", 0.5, False),
        (
            "worst(tpr, by=sex) subject to recall >= 0.9",
            "worst(tpr, by=sex)",
            0.5,
            True,
        ),
    ],
)
def test_with_constraints_the_value_is_the_aims_own(text, name, value, greater):
    y, decided = torch.tensor([1, 1, 1, 0, 0, 0]), torch.tensor([1.0, 1, 0, 1, 0, 0])
    columns = {"sex": torch.tensor([0.0, 1, 1, 0, 1, 0])}
    written = as_written(as_true_loss(text))
    found = written.of_rows(7.0, Sets(y, decided, None, columns))
    assert (written.name, written.greater_is_better) == (name, greater)
    assert found == pytest.approx(value)
    # what a loss alone can say holds the penalties
    assert written.judged.value(7.0) == 7


def test_with_constraints_a_function_of_ones_own_has_its_own_value_too():
    def profit(y_true, y_pred):
        return 100.0 * (y_true * y_pred).sum() - 20 * y_pred.sum()

    loss = subject_to(profit, "recall >= 0.9", greater_is_better=True)
    y, decided = torch.tensor([1, 1, 1, 0, 0, 0]), torch.tensor([1.0, 1, 0, 1, 0, 0])
    written = as_written(loss)
    assert (written.name, written.greater_is_better) == ("profit", True)
    assert written.of_rows(0.0, Sets(y, decided)) == 140


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("precision", "precision_at_k@0.1"),
        ("recall", "recall_at_precision@0.8"),
        ("Sensitivity", "fbeta@2"),
        ("specificity", "balanced_error"),
    ],
)
def test_a_rate_of_one_class_is_answered_with_what_to_train_for(name, instead):
    frame = pd.DataFrame({"x": [0.0, 1.0] * 9, "y": [0, 1] * 9})
    for train in (
        lambda: fit_table(frame, "y", name),
        lambda: SurrogateClassifier(name).fit(frame[["x"]], frame.y),
        lambda: SurrogateLoss(name),
    ):
        with pytest.raises(ValueError, match="no aim to train for") as raised:
            train()
        assert instead in str(raised.value)
    as_true_loss(instead)


@pytest.mark.parametrize(
    ("typo", "near"), [("ginni", "gini"), ("lif", "lift"), ("f1_scor", "f1_score")]
)
def test_a_typo_names_the_nearest(typo, near):
    with pytest.raises(ValueError, match=f"`{near}`"):
        as_true_loss(typo)


@pytest.mark.parametrize(
    ("name", "said"), [("gini", "(1 - Gini) / 2"), ("f1", None), ("brier", "brier")]
)
def test_the_report_says_how_name_and_loss_are_related(name, said, tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=90)})
    frame["y"] = (frame.x + rng.normal(size=90) > 0).astype(int)
    recipe = Recipe(mode="scratch", max_iter=2, adaptive=False)
    fitted = fit_table(
        frame, "y", name, model="linear", recipe=recipe, out=tmp_path / "model"
    )
    given_ = fitted.report["given"]
    assert given_ is None if said is None else said in given_
    again = load_model(tmp_path / "model").evaluate(frame)
    assert again["value"] == pytest.approx(fitted.evaluate(frame)["value"])
