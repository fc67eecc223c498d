"""Tables of any columns in the estimator: one preparation for it and `fit_table`."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from cli_cases import make_frame
from estimator_cases import make
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from table_cases import WORDS

from losslearn import Recipe, SurrogateClassifier, TableEncoder, fit_table
from losslearn.estimators.rows import split_numbers
from losslearn.training.splitting import split_rows

RECIPE = Recipe(mode="scratch", max_iter=8, rounds=2)


@pytest.fixture(scope="module")
def people() -> tuple[pd.DataFrame, pd.Series]:
    """Text, gaps and numbers, and a label that depends on them."""
    frame = make_frame()
    frame.loc[frame.index[::9], "age"] = np.nan
    return frame.drop(columns="churn"), frame["churn"]


@pytest.fixture(scope="module")
def fitted(people) -> SurrogateClassifier:
    return make(max_iter=8, mode="scratch").fit(*people)


def test_text_and_gaps_are_taken(people, fitted):
    X, y = people
    assert fitted.score(X, y) > 0
    assert list(fitted.feature_names_in_) == list(X.columns)
    assert fitted.n_features_in_ == X.shape[1]
    assert isinstance(fitted.encoder_, TableEncoder)
    assert set(fitted.predict(X)) <= {"no", "yes"}


def test_a_text_weighs_in_the_model_what_it_says(people):
    X, y = people
    draw = np.random.default_rng(0)
    words = [" ".join(three) for three in draw.choice(WORDS, (len(X), 3))]
    clf = make(max_iter=2, mode="scratch").fit(X.assign(remark=words), y)
    matrix = clf.encoder_.transform(X.assign(remark=words))
    seen = clf.model_.standardizer(torch.from_numpy(matrix)).std(dim=0)
    is_text = ["remark:text" in name for name in clf.encoder_.get_feature_names_out()]
    spreads = torch.from_numpy(clf.encoder_.spreads)
    assert any(is_text)
    torch.testing.assert_close(seen[is_text], spreads[is_text], rtol=0.2, atol=0.0)


def test_the_encoder_sees_the_training_rows_alone(people):
    X, y = people
    seen = []

    class Spy(TableEncoder):
        def fit(self, X, y=None):
            seen.append(X.index)
            return super().fit(X, y)

        def __sklearn_clone__(self):
            return self

    clf = make(max_iter=2, mode="scratch", encoder=Spy()).fit(X, y)
    seed = int(np.random.RandomState(0).randint(2**31 - 1))
    codes = clf.labels_.encode(y)
    split = split_numbers(
        torch.from_numpy(codes), validation_fraction=0.2, seed=seed, in_order=False
    )
    assert [list(rows) for rows in seen] == [split.train.tolist()]


def test_it_is_the_preparation_of_the_main_job(people):
    X, y = people
    how = {"model": "linear", "recipe": RECIPE, "cv": 1, "refit": False}
    whole = fit_table(X.assign(churn=y), "churn", "f1", **how)
    codes = (y == "yes").to_numpy().astype(int)
    parts = split_rows(codes, test_size=0.2, validation_size=0.16, seed=0)
    clf = SurrogateClassifier("f1", model="linear", recipe=RECIPE, random_state=0)
    clf.fit(
        X.iloc[parts.train],
        y.iloc[parts.train],
        X_valid=X.iloc[parts.validation],
        y_valid=y.iloc[parts.validation],
    )
    assert np.array_equal(clf.decision_function(X), whole.scores(X))
    assert clf.threshold_ == whole.rule.to_dict()["threshold"]


def test_columns_are_read_by_name(people, fitted):
    X, _ = people
    expected = fitted.decision_function(X)
    assert np.array_equal(fitted.decision_function(X[X.columns[::-1]]), expected)
    polars = pytest.importorskip("polars")
    other = fitted.decision_function(polars.from_pandas(X))
    np.testing.assert_array_equal(other, expected)
    with pytest.raises(ValueError, match=r"lacks columns .*'age'"):
        fitted.predict(X.drop(columns="age"))


def test_numbers_without_names_are_those_of_the_columns():
    draw = np.random.default_rng(0)
    X = draw.normal(size=(80, 3))
    y = (X[:, 0] > 0).astype(int)
    clf = make(max_iter=4, mode="scratch").fit(pd.DataFrame(X), y)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        from_array = clf.decision_function(X)
    assert np.array_equal(from_array, clf.decision_function(pd.DataFrame(X)))


def test_any_transformer_can_be_the_encoder(people):
    X, y = people
    town = make_column_transformer((OneHotEncoder(), ["city"]))
    clf = make(max_iter=4, mode="scratch", encoder=town).fit(X, y)
    assert clf.encoder_ is not town
    assert not hasattr(town, "transformers_"), "what was given stays as it was"
    assert clf.model_.standardizer.mean.shape == (X["city"].nunique(),)
    scaled = make(max_iter=4, mode="scratch", encoder=StandardScaler())
    numbers = np.random.default_rng(0).normal(size=(len(y), 2))
    assert scaled.fit(numbers, y).predict(numbers).shape == (len(y),)
    own = fit_table(X.assign(churn=y), "churn", "f1", recipe=RECIPE, encoder=town)
    assert own.predict(X).shape == (len(y), 3)
    with pytest.raises(ValueError, match="encoder of your own cannot be written"):
        own.save("own")


def test_search_clone_and_pickle(people, fitted):
    X, y = people
    search = GridSearchCV(clone(fitted), {"recipe__model_lr": [1e-2]}, cv=2)
    assert (
        search.fit(
            X,
            y,
        ).best_score_
        >= 0
    )
    again = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(again.decision_function(X), fitted.decision_function(X))


def test_the_encoder_stands_in_pipelines(people):
    X, y = people
    pipeline = make_pipeline(TableEncoder(), LogisticRegression()).fit(X, y)
    assert pipeline.predict(X).shape == y.shape
    names = pipeline[0].get_feature_names_out().tolist()
    assert "age is missing" in names
    roles = {"city": "ignore"}
    assert clone(TableEncoder(read_as=roles)).get_params()["read_as"] == roles
    assert TableEncoder().set_params(read_as=roles).read_as == roles
    with pytest.raises(ValueError, match="no setting 'bins'"):
        TableEncoder().set_params(bins=3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda _X, y: y.mask(y.index == 3), "`y` lacks a value in 1 of"),
        (lambda _X, y: y[:-1], "inconsistent numbers of samples"),
        (lambda _X, _y: None, "requires y"),
    ],
)
def test_what_is_wrong_with_targets_is_said(people, change, message):
    with pytest.raises(ValueError, match=message):
        make().fit(people[0], change(*people))


def test_what_is_wrong_with_validation_rows_is_said_to_be_theirs(people):
    X, y = people
    with pytest.raises(ValueError, match=r"In the validation rows: .*lacks.*'age'"):
        make().fit(X, y, X_valid=X.drop(columns="age"), y_valid=y)
