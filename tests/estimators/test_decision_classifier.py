"""Anybody's classifier, decided for a metric."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from losslearn import MetricDecisionClassifier, tune_decision


def saved(y_true, y_pred, *, amount):
    return (y_pred * (y_true * amount - 10)).sum()


saved.greater_is_better = True


@pytest.fixture(scope="module")
def customers():
    """Features with an amount among them, and who answers."""
    draw = np.random.default_rng(0)
    X = pd.DataFrame(draw.normal(size=(600, 3)), columns=list("abc"))
    X["amount"] = draw.exponential(20, 600)
    y = np.where(draw.random(600) < 1 / (1 + np.exp(1 - 2 * X["a"])), "yes", "no")
    return X, y


@pytest.fixture(scope="module")
def fitted(customers):
    return MetricDecisionClassifier(LogisticRegression(), saved).fit(*customers)


@parametrize_with_checks(
    [MetricDecisionClassifier(LogisticRegression(), "error_rate", cv=2)]
)
def test_it_is_a_classifier(estimator, check):
    check(estimator)


def test_the_decision_is_that_of_out_of_fold_probabilities(customers, fitted):
    X, y = customers
    p = cross_val_predict(LogisticRegression(), X, y, method="predict_proba")
    expected = tune_decision(y == "yes", p, saved, columns={"amount": X["amount"]})
    assert fitted.decision_ == expected
    whole = LogisticRegression().fit(X, y)
    np.testing.assert_array_equal(fitted.predict_proba(X), whole.predict_proba(X))
    decided = expected.decide(whole.predict_proba(X), X)
    np.testing.assert_array_equal(fitted.predict(X) == "yes", decided)


def test_columns_need_not_be_features(customers, fitted):
    X, y = customers
    clf = clone(fitted).fit(X[["a", "b", "c"]], y, columns=X[["amount"]])
    assert clf.decision_.rule == "flip"
    decided = clf.predict(X[["a", "b", "c"]], columns={"amount": X["amount"]})
    assert set(decided) == {"no", "yes"}
    with pytest.raises(ValueError, match="amount"):
        clf.predict(X[["a", "b", "c"]])


def test_a_fitted_classifier_is_only_decided(customers):
    X, y = customers
    inner = LogisticRegression().fit(X[:300], y[:300])
    clf = MetricDecisionClassifier(inner, saved, cv="prefit").fit(X[300:], y[300:])
    assert clf.estimator_ is inner


def test_one_split_without_a_second_fit(customers):
    X, y = customers
    once = MetricDecisionClassifier(LogisticRegression(), "f1", cv=0.25, refit=False)
    assert once.fit(X, y).predict(X).shape == (600,)
    with pytest.raises(ValueError, match="share of the rows"):
        clone(once).set_params(cv=5).fit(X, y)


def test_groups_stay_in_one_fold(customers):
    X, y = customers
    groups = np.arange(600) // 20
    seen = []

    class Spy(LogisticRegression):
        def fit(self, X, y, sample_weight=None):
            seen.append(set(groups[X.index]))
            return super().fit(X, y, sample_weight)

    MetricDecisionClassifier(Spy(), saved, cv=3).fit(X, y, groups=groups)
    *folds, whole = seen
    assert [len(one) for one in folds] == [20, 20, 20]
    assert len(whole) == 30


def test_metadata_is_routed(customers):
    X, y = customers
    features = X[["a", "b", "c"]]
    with sklearn.config_context(enable_metadata_routing=True):
        inner = MetricDecisionClassifier(
            LogisticRegression().set_fit_request(sample_weight=True), saved
        )
        inner.set_fit_request(columns=True).set_predict_request(columns=True)
        pipe = make_pipeline(StandardScaler(), inner)
        pipe.fit(features, y, columns=X[["amount"]])
        decided = pipe.predict(features, columns=X[["amount"]])
    assert set(decided) == {"no", "yes"}


def test_it_is_searched_and_takes_what_its_classifier_takes(customers):
    X, y = customers
    X = X.assign(a=X["a"].where(X["a"] > -1))  # gaps
    search = GridSearchCV(
        MetricDecisionClassifier(HistGradientBoostingClassifier(max_iter=5), saved),
        {"estimator__max_leaf_nodes": [3, 8]},
        cv=2,
    )
    assert search.fit(X, y).best_params_


def test_weights_count_in_both(customers):
    X, y = customers
    weight = np.where(y == "yes", 3.0, 1.0)
    clf = MetricDecisionClassifier(LogisticRegression(), "error_rate")
    clf.fit(X, y, sample_weight=weight)
    whole = LogisticRegression().fit(X, y, weight)
    np.testing.assert_allclose(clf.predict_proba(X), whole.predict_proba(X))
    assert (clf.predict(X) == "yes").mean() > (y == "yes").mean()


def test_more_classes_are_refused():
    X, y = make_classification(n_informative=4, n_classes=3, random_state=0)
    with pytest.raises(ValueError, match="Only binary"):
        MetricDecisionClassifier(LogisticRegression(), "f1").fit(X, y)
