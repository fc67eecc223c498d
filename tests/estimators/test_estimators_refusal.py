"""What an estimator cannot be used with is said in a line, before any training."""

import numpy as np
import pytest

from losslearn import SurrogateClassifier

X = np.random.default_rng(0).normal(size=(60, 2))
Y = (X[:, 0] > 0).astype(int)
TOO_LARGE = np.array([10**309, *range(59)], dtype=object)


def cost(y_true, y_pred, *, dose):
    return float((y_true * y_pred * dose).sum())


@pytest.mark.parametrize(
    ("metric", "given", "said"),
    [
        ("f1", {"X": TOO_LARGE[:, None]}, "Column 0 of `X`"),
        ("f1", {"sample_weight": TOO_LARGE}, "`sample_weight`"),
        (cost, {"metric_columns": {"dose": TOO_LARGE}}, r"`metric_columns\['dose'\]`"),
    ],
)
def test_an_integer_that_no_number_holds_is_told_with_its_place(metric, given, said):
    direction = None if metric == "f1" else True
    clf = SurrogateClassifier(metric, greater_is_better=direction)
    with pytest.raises(ValueError, match=f"{said} holds an integer of too many"):
        clf.fit(**({"X": X, "y": Y} | given))
