"""Validation rows as users of boosted trees give them."""

import numpy as np
import pandas as pd
import pytest
from estimator_cases import make

QUICK = {"mode": "scratch", "max_iter": 4}


@pytest.fixture(scope="module")
def parts(table):
    X, y = table
    return {"X": X[:400], "y": y[:400]}, (X[400:], y[400:])


@pytest.mark.parametrize("given", [lambda pair: [pair], lambda pair: pair])
def test_one_pair_is_the_rows_to_choose_by(given, parts):
    train, pair = parts
    times = np.arange(200) % 3
    expected = make(**QUICK).fit(
        **train, X_valid=pair[0], y_valid=pair[1], sample_weight_valid=times
    )
    found = make(**QUICK).fit(**train, eval_set=given(pair), sample_weight_valid=times)
    assert found.report_["rows"] == {"train": 400, "validation": 200 - 67}
    assert found.threshold_ == expected.threshold_
    assert found.report_["difference"] == expected.report_["difference"]


def test_the_pair_may_be_a_table_and_its_labels(parts):
    train, (X, y) = parts
    names = [f"f{i}" for i in range(X.shape[1])]
    frames = [pd.DataFrame(rows, columns=names) for rows in (train["X"], X)]
    clf = make(**QUICK).fit(frames[0], train["y"], eval_set=[[frames[1], y.tolist()]])
    assert clf.report_["rows"] == {"train": 400, "validation": 200}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (lambda X, y: [(X, y), (X, y)], "list of 2"),
        (lambda X, y: ((X, y), (X, y)), "tuple of 2"),
        (lambda *_: [], "list of 0"),
        (lambda X, y: [X, y], "list of 2"),
        (lambda X, y: [(X, y, y)], "list of 1"),
        (lambda X, *_: X, "ndarray"),
        (lambda *_: True, "bool"),
    ],
)
def test_anything_but_one_pair_is_refused(given, said, parts):
    train, pair = parts
    expected = rf"must be one pair, \[\(X_valid, y_valid\)\], got .*{said}"
    with pytest.raises(ValueError, match=expected) as error:
        make(**QUICK).fit(**train, eval_set=given(*pair))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("argument", [0, 1])
def test_both_ways_at_once_are_refused(argument, parts):
    train, pair = parts
    twice = {("X_valid", "y_valid")[argument]: pair[argument]}
    with pytest.raises(ValueError, match="Leave one of both out"):
        make(**QUICK).fit(**train, eval_set=[pair], **twice)


def test_a_pair_that_lacks_one_is_refused(parts):
    train, (X, _) = parts
    with pytest.raises(ValueError, match="must be given together"):
        make(**QUICK).fit(**train, eval_set=(X, None))
