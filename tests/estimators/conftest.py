"""Fixtures of this folder."""

import pytest
from estimator_cases import Table, make
from sklearn.datasets import make_classification

from losslearn.estimators.classifier import SurrogateClassifier


@pytest.fixture(scope="module")
def table() -> Table:
    return make_classification(
        600, n_features=6, weights=[0.85], flip_y=0.05, class_sep=0.8, random_state=0
    )


@pytest.fixture(scope="module")
def fitted(table) -> SurrogateClassifier:
    return make().fit(*table)
