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
)
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
