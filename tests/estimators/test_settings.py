"""The recipe within a classifier, and the arguments of before."""

from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import numpy as np
import pytest
from estimator_cases import make
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from losslearn import PAPER, Recipe
from losslearn.estimators.classifier import SurrogateClassifier


def test_the_settings_of_the_recipe_are_parameters():
    clf = make()
    found = clf.get_params()
    settings = clf.recipe.get_params()
    assert {"recipe__" + name for name in settings} < set(found)
    assert all(found["recipe__" + name] == settings[name] for name in settings)
    assert not any(name.startswith("recipe__") for name in clf.get_params(deep=False))
    assert SurrogateClassifier().get_params()["recipe__max_iter"] == Recipe().max_iter


def test_a_setting_of_the_recipe_replaces_it():
    recipe = Recipe(max_iter=20, rounds=2)
    clf = SurrogateClassifier(recipe=recipe)
    assert clf.set_params(recipe__max_iter=7, model="linear") is clf
    assert clf.model == "linear"
    assert clf.recipe == Recipe(max_iter=7, rounds=2)
    assert recipe == Recipe(max_iter=20, rounds=2)
    with pytest.raises(FrozenInstanceError):
        clf.recipe.max_iter = 3
    both = clf.set_params(recipe__max_iter=9, recipe=Recipe(rounds=3))
    assert both.recipe == Recipe(max_iter=9, rounds=3)
    assert SurrogateClassifier().set_params(recipe__mode="scratch").recipe == Recipe(
        mode="scratch"
    )


@pytest.mark.parametrize("name", ["recipe__max_iters", "max_iters", "recipe__metric"])
def test_a_parameter_that_is_none_is_refused(name):
    clf = make()
    before = clf.recipe
    with pytest.raises(ValueError, match="Invalid parameter"):
        clf.set_params(**{name: 3})
    assert clf.recipe == before


def test_a_search_over_a_setting_of_the_recipe(table):
    search = GridSearchCV(make(), {"recipe__max_iter": [4, 8]}, cv=2).fit(*table)
    found = [params["recipe__max_iter"] for params in search.cv_results_["params"]]
    assert found == [4, 8]
    best = search.best_estimator_
    iterations = {result["iterations"] for result in best.report_["results"]}
    assert iterations == {best.recipe.max_iter}
    assert best.recipe.max_iter == search.best_params_["recipe__max_iter"]


OLD = {
    "pos_rate": (0.25, {"strata_shares": (0.75, 0.25)}),
    "min_per_class": (3, {"min_per_stratum": 3}),
    "prevalence_weights": (False, {"weigh_back": False}),
    "cross_entropy_weight": (2.0, {"usual_weight": 2.0}),
}
NEW = {new for _, instead in OLD.values() for new in instead}
OLD |= {
    name: (value, {name: value})
    for name, value in PAPER.get_params().items()
    if name not in NEW
}
"""Arguments of release 0.1, each with what the recipe holds instead."""


def test_every_setting_had_an_argument():
    assert len(OLD) == len(Recipe().get_params())


@pytest.mark.parametrize("name", OLD)
def test_arguments_of_release_0_1_go_on_working_and_warn(name):
    value, instead = OLD[name]
    (new,) = instead
    words = f"`{name}` is `recipe__{new}`"
    with pytest.warns(FutureWarning, match=words) as said:
        clf = SurrogateClassifier("auc", **{name: value})
    assert [Path(warning.filename).name for warning in said] == [Path(__file__).name]
    assert clf.recipe == Recipe(**instead)
    assert clone(clf).recipe == clf.recipe  # by its present name: no warning
    with pytest.warns(FutureWarning, match=words):
        other = SurrogateClassifier(recipe=Recipe(rounds=3)).set_params(**{name: value})
    assert other.recipe == replace(Recipe(rounds=3), **instead)


def test_an_argument_that_never_was_is_refused():
    with pytest.raises(TypeError, match="unexpected keyword argument 'max_iters'"):
        SurrogateClassifier(max_iters=3)


def test_a_fit_by_old_arguments_is_the_fit_by_the_recipe(table, fitted):
    with pytest.warns(FutureWarning):
        clf = SurrogateClassifier(
            "f1",
            model="linear",
            max_iter=20,
            rounds=2,
            catch_up=8,
            batch_size=100,
            random_state=0,
            cv=1,
            refit=False,
        )
    X, _ = table
    assert np.array_equal(
        clf.fit(*table).decision_function(X), fitted.decision_function(X)
    )


def test_what_is_no_recipe_is_refused_by_the_fit(table):
    with pytest.raises(ValueError, match="`recipe` must be a `Recipe` or None, got 3"):
        SurrogateClassifier(recipe=3).fit(*table)


@pytest.mark.parametrize("model", ["linear", "mlp"])
def test_the_report_says_with_what_both_methods_were_trained(model):
    x = np.random.default_rng(0).normal(size=(200, 3))
    y = (x[:, 0] > np.random.default_rng(1).normal(size=200)).astype(int)
    clf = make(model=model, max_iter=8, n_evals=8, mode="scratch").fit(x, y)
    settings = clf.report_["settings"]
    is_solved = model == "linear"
    assert settings["is_solved"] == is_solved
    assert settings["n_tried"] == (4 if is_solved else 0)  # 2 iterations tell nothing
    assert settings["model_lr"] == 1e-2
    known = [strength / 160 for strength in (0.1, 1, 10, 100)]
    assert settings["penalty"] in (known if is_solved else [0])
    given = replace(clf.recipe, model_lr=0.3, penalty=0.2)
    kept = clf.set_params(recipe=given).fit(x, y).report_["settings"]
    assert list(kept.values()) == [0.3, 0.2, False, 8, 0, None]
