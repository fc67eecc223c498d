"""`score` takes labels and weights as `fit` takes them, or says what is wrong."""

import numpy as np
import pandas as pd
import pytest
from estimator_cases import make
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.exceptions import DataConversionWarning, UndefinedMetricWarning
from sklearn.metrics import f1_score

WORDS = np.array(["no", "yes"], dtype=object)
STRANGE = [np.nan, None, pd.NA, 0, 1, 1.5, "maybe", "", "YES", "nan", True]


@pytest.fixture(scope="module")
def worded(table):
    X, y = table
    return make().fit(X, WORDS[y])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(
    strange=st.sampled_from(STRANGE),
    some=st.sets(st.integers(0, 599), min_size=1),
    box=st.sampled_from([np.asarray, list, pd.Series]),
)
def test_labels_that_fit_did_not_see_are_refused(worded, table, strange, some, box):
    X, y = table
    labels = WORDS[y]
    labels[sorted(some)] = strange
    with pytest.raises(ValueError, match=r"`y` (holds the labels|lacks)|contains NaN"):
        worded.score(X, box(labels))


@given(
    at=st.integers(0, 599),
    wrong=st.sampled_from([-1.0, np.nan, np.inf, -np.inf, "a", None]),
)
@settings(max_examples=20)
def test_weights_that_weigh_nothing_are_refused(fitted, table, at, wrong):
    weight = np.ones(600, dtype=object)
    weight[at] = wrong
    with pytest.raises(ValueError, match="`sample_weight` must be"):
        fitted.score(*table, sample_weight=weight)


@pytest.mark.parametrize("shape", [(), (599,), (600, 1), (1, 600)])
def test_shapes_that_are_not_one_number_a_row_are_refused(shape, fitted, table):
    X, y = table
    with pytest.raises(ValueError, match="`sample_weight` must hold one weight"):
        fitted.score(X, y, sample_weight=np.ones(shape))
    with pytest.raises(ValueError, match="is zero"):
        fitted.score(X, y, sample_weight=np.zeros(600))
    labels = np.zeros(shape, int)
    if shape != (600, 1):
        with pytest.raises(ValueError, match=r"inconsistent|1d array|Expected"):
            fitted.score(X, labels)


def test_column_vector_is_taken_with_a_warning(worded, table):
    X, y = table
    with pytest.warns(DataConversionWarning):
        got = worded.score(X, WORDS[y][:, None])
    assert got == worded.score(X, WORDS[y])


@given(weight=st.lists(st.integers(0, 3), min_size=60, max_size=60).filter(any))
@settings(max_examples=20)
def test_weights_are_those_of_scikit_learn(fitted, table, weight):
    X, y = (values[:60] for values in table)
    if 0 < y @ weight < sum(weight):
        got = fitted.score(X, y, sample_weight=weight)
        expected = f1_score(y, fitted.predict(X), sample_weight=weight)
        assert got == pytest.approx(expected)


@pytest.mark.parametrize("label", [0, 1])
def test_rows_of_one_class_are_said_to_have_no_score(label, fitted, table):
    X, y = table
    some = y == label
    with pytest.warns(UndefinedMetricWarning, match="has no value on these"):
        assert np.isnan(fitted.score(X[some], y[some]))
