"""What an estimator cannot be used with is said in a line, before any training."""

import numpy as np
import pytest
import torch

from losslearn import Recipe, SurrogateClassifier
from losslearn.estimators.rows import Given, as_targets, as_weights, split_numbers
from losslearn.estimators.time_limit import check_max_time

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


RECIPE = Recipe(mode="scratch", max_iter=4, n_evals=2, rounds=1, catch_up=4)


def classifier(**settings) -> SurrogateClassifier:
    own = {"model": "linear", "recipe": RECIPE, "random_state": 0, "refit": False}
    settings = own | settings
    return SurrogateClassifier("f1", **settings)


@pytest.fixture(scope="module")
def fitted() -> SurrogateClassifier:
    return classifier().fit(X, Y)


def divided(n_positive: int, *, groups=None) -> None:
    strata = torch.tensor([0] * 9 + [1] * n_positive)
    split_numbers(
        strata, validation_fraction=0.2, seed=0, in_order=False, groups=groups
    )


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda f: f.decision_function(X[:, :1]), "expecting 2 features"),
        (lambda f: f.scores(X * np.nan), "contains NaN"),
        (lambda f: f.score(X, Y + 1), "the labels 2; expected only 0, 1"),
        (lambda f: f.score(X, Y * np.nan), "contains NaN"),
        (lambda f: f.score(X, Y[:9]), "inconsistent numbers of samples"),
        (lambda f: f.score(X, Y, -np.ones(60)), "finite and at least 0, got -1.0"),
        (lambda f: f.score(X, Y, np.zeros(60)), "Every weight in `sample_weight` is"),
        (
            lambda f: f.score(X, Y, metric_columns={"dose": Y}),
            "holds the column `dose`",
        ),
        (lambda f: f.set_params(speed=1), "argument 'speed'"),
        (lambda f: f.set_params(recipe__speed=1), "no setting 'speed'"),
        (lambda _: classifier(recipe=3).fit(X, Y), "`recipe` must be a `Recipe`"),
        (lambda _: classifier(model="tree").fit(X, Y), "`model` must be one of"),
        (lambda _: classifier(device="abacus").fit(X, Y), "`device` must be"),
        (lambda _: classifier(max_time=-1).fit(X, Y), "`max_time` must be"),
        (lambda _: classifier(pos_label=2).fit(X, Y), "must be one of 0, 1; got 2"),
        (lambda _: classifier(validation_fraction=1).fit(X, Y), "between 0 and 1"),
        (lambda _: classifier().fit(X, Y, X_valid=X), "must be given together"),
        (
            lambda _: classifier().fit(X, Y, X_valid=X, y_valid=Y + 1),
            "In the validation rows: `y_valid` holds the labels 2",
        ),
        (
            lambda _: Given(None, None, weight=Y).check_goes_with(Given(X, Y)),
            "`sample_weight_valid` was given without the `X_valid`",
        ),
        (
            lambda _: Given(None, None, columns={}).check_goes_with(Given(X, Y)),
            "`metric_columns_valid` was given without the `X_valid`",
        ),
        (
            lambda _: Given(X, Y).check_goes_with(Given(X, Y, groups=Y)),
            "`X_valid` are divided already",
        ),
        (lambda _: divided(1), "at least 2 rows of each class.*got 1"),
        (lambda _: divided(2, groups=[0] * 9 + [1] * 2), "cannot be divided"),
        (lambda _: as_targets([[1, 2]]), "y should be a 1d array"),
        (lambda _: as_targets([np.inf]), "infinity"),
        (
            lambda _: as_weights([1, 2], n_rows=3),
            r"each of the 3 rows, got shape \[2\]",
        ),
        (lambda _: as_weights(["a"], n_rows=1), "must be numbers, got values such as"),
        (lambda _: as_weights([np.inf], n_rows=1), "finite and at least 0, got inf"),
        (lambda _: check_max_time("10"), "`max_time` must be"),
    ],
)
def test_each_refusal_says_why(fitted, use, message):
    with pytest.raises(ValueError, match=message):
        use(fitted)


def test_two_rows_of_a_class_are_enough():
    divided(2)
    divided(2, groups=[*range(11)])
    y = np.array([0, 1, 0, 1])
    assert classifier().fit(X[:4], y).n_iter_ == 4
