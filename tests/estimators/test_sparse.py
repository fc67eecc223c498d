"""Sparse features."""

import numpy as np
import pytest
import scipy.sparse as sp
from estimator_cases import make
from sklearn.decomposition import TruncatedSVD
from sklearn.preprocessing import MaxAbsScaler, OneHotEncoder

from losslearn.encoding import sparse

QUICK = {"mode": "scratch", "max_iter": 4}


@pytest.fixture(scope="module")
def gaps() -> tuple[np.ndarray, np.ndarray]:
    """Features of which most are 0, in double precision, and labels."""
    draw = np.random.default_rng(0)
    X = np.where(draw.random((200, 9)) < 0.8, 0.0, draw.normal(size=(200, 9)))
    return X, (X.sum(1) + draw.normal(size=200) > 0.3).astype(int)


def halved(X: np.ndarray) -> sp.csr_array:
    """Return rows in which every entry stands twice, and the halves do not add up
    in single precision.
    """
    rows, columns = X.nonzero()
    part = X[rows, columns] / 3
    values = np.r_[part, X[rows, columns] - part]
    starts = np.r_[0, np.cumsum(2 * (X != 0).sum(1))]
    order = np.argsort(np.r_[rows, rows], kind="stable")
    found = sp.csr_array(
        (values[order], np.r_[columns, columns][order], starts), X.shape
    )
    assert not found.has_canonical_format
    return found


@pytest.mark.parametrize(
    "form",
    [
        *(sp.csr_matrix, sp.csc_matrix, sp.coo_matrix, sp.lil_matrix),
        *(sp.csr_array, sp.csc_array, sp.coo_array, halved),
    ],
)
@pytest.mark.parametrize("model", ["mlp", "linear"])
def test_the_model_is_that_of_the_dense_matrix_to_the_bit(form, model, gaps):
    X, y = gaps
    given = form(X)
    before = given.copy()
    dense = given.toarray()  # what the user would have passed else
    expected = make(model=model, **QUICK).fit(dense, y)
    found = make(model=model, **QUICK).fit(given, y)
    assert found.n_features_in_ == 9
    for features in (dense, given):
        for name in ("decision_function", "predict", "predict_proba"):
            one, other = (getattr(clf, name)(features) for clf in (found, expected))
            assert np.array_equal(one, other), name
        assert found.score(features, y) == expected.score(features, y)
    assert given.nnz == before.nnz
    assert (given != before).nnz == 0


def test_validation_rows_may_be_sparse_or_dense_by_themselves(gaps):
    X, y = gaps
    scores = [
        make(**QUICK)
        .fit(train(X[:150]), y[:150], X_valid=valid(X[150:]), y_valid=y[150:])
        .decision_function(X)
        for train in (np.asarray, sp.csr_array)
        for valid in (np.asarray, sp.coo_array)
    ]
    assert all(np.array_equal(scores[0], one) for one in scores[1:])


def test_an_encoder_takes_them_as_they_are(gaps):
    X, y = gaps
    by_hand = MaxAbsScaler()
    clf = make(encoder=by_hand, **QUICK).fit(sp.coo_array(X), y)
    dense = make(encoder=by_hand, **QUICK).fit(X, y)
    scores = dense.decision_function(X)
    assert np.array_equal(clf.decision_function(sp.csc_array(X)), scores)
    few = make(encoder=TruncatedSVD(3, random_state=0), **QUICK).fit(sp.csr_array(X), y)
    assert few.encoder_.transform(X).shape == (200, 3)
    assert few.predict(sp.coo_array(X)).shape == (200,)


def test_rows_of_a_table_may_come_sparse(gaps):
    pd = pytest.importorskip("pandas")
    X, y = gaps
    frame = pd.DataFrame(X, columns=[f"f{i}" for i in range(9)])
    clf = make(**QUICK).fit(frame, y)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        found = clf.decision_function(sp.csr_array(X))
    # a `TableEncoder` takes numbers in double precision
    assert np.allclose(found, clf.decision_function(frame), atol=1e-5)


@pytest.mark.filterwarnings("ignore:overflow encountered in cast")  # NumPy's own
@pytest.mark.parametrize("wrong", [np.nan, np.inf, 1e300])
@pytest.mark.parametrize("form", [sp.csr_array, sp.csc_array, sp.coo_array])
def test_what_is_not_finite_is_refused_as_in_dense_matrices(wrong, form, gaps):
    X, y = gaps
    clf, X = make(**QUICK).fit(X, y), X.copy()
    X[3, 4] = wrong
    for call in (lambda given: make().fit(given, y), clf.predict):
        errors = []
        for given in (X, form(X)):
            with pytest.raises(ValueError, match=r"NaN|infinity") as error:
                call(given)
            errors.append(str(error.value))
        assert errors[0] == errors[1]


def test_a_matrix_too_large_to_be_dense_is_refused_in_one_line():
    X = sp.csr_array((20_000, 30_000), dtype=np.float32)
    with pytest.raises(ValueError, match="20,000 rows and 30,000 columns") as error:
        make().fit(X, np.arange(20_000) % 2)
    message = str(error.value)
    assert "2.2 GiB" in message  # 4 x 20,000 x 30,000 / 2 ** 30
    assert "TruncatedSVD" in message
    assert "\n" not in message


def test_what_is_as_large_as_allowed_is_taken(gaps, monkeypatch):
    X, y = gaps
    clf, given = make(**QUICK).fit(X, y), sp.csr_array(X)
    monkeypatch.setattr(sparse, "LARGEST", 4 * X.size)
    clf.predict(given)
    hot = make(encoder=OneHotEncoder(handle_unknown="ignore"), **QUICK)
    with pytest.raises(ValueError, match="would be"):
        hot.fit(np.round(X, 2), y)
    monkeypatch.setattr(sparse, "LARGEST", 4 * X.size - 1)
    with pytest.raises(ValueError, match="would be"):
        clf.predict(given)


def test_one_axis_alone_is_refused_as_in_dense_arrays(gaps):
    X, y = gaps
    clf = make(**QUICK).fit(X, y)
    with pytest.raises(ValueError, match="Expected 2D"):
        clf.predict(sp.coo_array(X[0]))
