"""What `model=` stands for, and what is refused in a sentence."""

import pytest
from sklearn.linear_model import LogisticRegression

from losslearn import SurrogateClassifier
from losslearn.models.kinds import kind_of


def test_another_classifier_is_sent_to_what_decides_it():
    said = r"`MetricDecisionClassifier\(LogisticRegression\(\.\.\.\), metric\)`"
    with pytest.raises(ValueError, match=said):
        kind_of(LogisticRegression())
    with pytest.raises(ValueError, match=said):
        SurrogateClassifier("f1", model=LogisticRegression()).fit([[0], [1]], [0, 1])


@pytest.mark.parametrize("model", ["forest", 3, ["mlp"]])
def test_what_is_no_model_is_told_what_is(model):
    with pytest.raises(ValueError, match=r"must be one of .*`?lightgbm.*XGBClassifier"):
        kind_of(model)
