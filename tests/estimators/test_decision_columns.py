"""Decisions that depend on a column of each row, such as an amount."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from amount_rule import WorthIt
from metric_columns_cases import profit, table
from sklearn import config_context
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from losslearn import Recipe, SurrogateClassifier

X, Y, AMOUNT = table(200, 0)
RULE = WorthIt(1.0)


def fitted(X: object = X, **settings: object) -> SurrogateClassifier:
    recipe = Recipe(mode="scratch", max_iter=2)
    clf = SurrogateClassifier(profit, model="linear", recipe=recipe, random_state=0)
    clf.fit(X, Y, metric_columns={"amount": AMOUNT}, **settings)
    clf.rule_ = RULE
    return clf


@pytest.fixture(scope="module")
def of_arrays() -> SurrogateClassifier:
    return fitted()


@pytest.fixture(scope="module")
def of_tables() -> SurrogateClassifier:
    return fitted(as_frame())


def as_frame(n: int = 200) -> pd.DataFrame:
    return pd.DataFrame(X[:n], columns=list("abcd"))


def expected(clf: SurrogateClassifier, X: object, amount: object) -> np.ndarray:
    return (clf.decision_function(X) + amount >= RULE.least).astype(int)


def test_columns_are_given_as_a_mapping_or_a_table(of_arrays):
    wanted = expected(of_arrays, X, AMOUNT)
    assert 0 < wanted.sum() < 200
    assert (wanted != expected(of_arrays, X, AMOUNT[::-1])).any()
    others = {"amount": AMOUNT, "era": ["a"] * 200}
    for columns in (
        others,
        pd.DataFrame(others),
        pa.table(others),
        {"amount": list(AMOUNT)},
    ):
        assert (of_arrays.predict(X, columns) == wanted).all()
        assert (of_arrays.predict(X, columns=columns) == wanted).all()


def test_columns_are_taken_from_a_table_that_holds_them(of_tables):
    frame = as_frame()
    wanted = expected(of_tables, frame, AMOUNT)
    with_it = frame.assign(amount=AMOUNT)
    for rows in (with_it, pa.table(with_it), with_it[["amount", *"dcba"]]):
        assert (of_tables.predict(rows) == wanted).all()
    doubled = of_tables.predict(with_it, {"amount": 2 * AMOUNT})
    assert (doubled == expected(of_tables, frame, 2 * AMOUNT)).all()


def test_a_column_that_is_a_feature_as_well_stays_one():
    frame = as_frame().assign(amount=AMOUNT)
    clf = fitted(frame)
    assert (clf.predict(frame) == expected(clf, frame, AMOUNT)).all()


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            None,
            r'The decisions need \'amount\' of each row. Pass `columns={"amount": v',
        ),
        ({"amounts": AMOUNT}, "The decisions need 'amount' of each row"),
        ({"amount": AMOUNT[:3]}, "for each of the 200 rows"),
        ({"amount": ["much"] * 200}, "must be numeric"),
        (AMOUNT, "must be a mapping of names to values or a DataFrame, got ndarray"),
    ],
)
def test_columns_that_are_missing_or_wrong_are_told_in_one_line(
    of_arrays, columns, message
):
    with pytest.raises(ValueError, match=message) as error:
        of_arrays.predict(X, columns)
    assert "\n" not in str(error.value)


def test_a_threshold_needs_none_and_takes_any(of_arrays):
    recipe = Recipe(mode="scratch", max_iter=2)
    clf = SurrogateClassifier("f1", model="linear", recipe=recipe, random_state=0)
    clf.fit(X, Y)
    assert tuple(clf.rule_.columns) == ()
    wanted = clf.classes_[(clf.decision_function(X) >= clf.threshold_).astype(int)]
    for columns in (None, {"amount": AMOUNT}):
        assert (clf.predict(X, columns) == wanted).all()
    assert (of_arrays.predict_proba(X) >= 0).all()


def test_columns_are_routed_as_metadata():
    with config_context(enable_metadata_routing=True):
        recipe = Recipe(mode="scratch", max_iter=2)
        clf = SurrogateClassifier(profit, model="linear", recipe=recipe, random_state=0)
        clf.set_fit_request(metric_columns=True).set_predict_request(columns=True)
        pipe = make_pipeline(StandardScaler(), clf)
        pipe.fit(X, Y, metric_columns={"amount": AMOUNT})
        inner = pipe[-1]
        inner.rule_ = RULE
        scaled = pipe[:-1].transform(X)
        found = pipe.predict(X, columns={"amount": AMOUNT})
        assert (found == expected(inner, scaled, AMOUNT)).all()
        with pytest.raises(ValueError, match="The decisions need 'amount'"):
            pipe.predict(X)


def calls(y_true, y_pred, *, amount):
    """Each call costs .3, each hit brings its amount."""
    return (y_pred * (y_true * amount - 0.3)).sum()


calls.greater_is_better = True


def test_a_fit_learns_to_decide_by_what_is_known():
    rows, y, amount = table(1_500, 0)
    amount = amount**2  # few large ones, which count most
    branch = np.where(np.arange(1_500) % 3 == 0, "a", "b")
    given = {"amount": amount, "branch": branch}
    clf = SurrogateClassifier(
        calls,
        model="linear",
        decision_columns=["amount", "branch"],
        recipe=Recipe(mode="scratch", max_iter=4),
        random_state=0,
    ).fit(rows, y, metric_columns=given)
    assert clf.rule_.columns == ("amount", "branch")
    decided = clf.predict(rows, columns=given)
    formula = clf.predict_proba(rows)[:, 1] * amount > 0.3
    assert (decided == formula).mean() > 0.9
    assert clf.score(rows, y, metric_columns=given) == pytest.approx(
        calls(y, decided, amount=amount)
    )
    with pytest.raises(AttributeError, match="more than a threshold"):
        _ = clf.threshold_
    with pytest.raises(ValueError, match="branch"):
        clf.predict(rows, columns={"amount": amount})
