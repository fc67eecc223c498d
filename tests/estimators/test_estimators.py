import copy
import pickle
from dataclasses import FrozenInstanceError
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.metrics import f1_score, fbeta_score, make_scorer
from sklearn.model_selection import GridSearchCV, cross_validate, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from torch import nn

from losslearn import Recipe
from losslearn._fast import fastest
from losslearn.estimators import base as estimators
from losslearn.estimators.classifier import SurrogateClassifier
from losslearn.metrics import Sets, get_true_loss
from losslearn.models.predictor import TorchPredictor
from losslearn.models.rows import Rows
from losslearn.surrogate.universal import initial_surrogate
from losslearn.tasks import labels
from losslearn.tasks.binary import Binary
from losslearn.training.comparison import compare
from losslearn.training.loop import Record
from losslearn.training.trust import Reading

Table = tuple[NDArray[np.float32], NDArray[np.int64]]


def make(metric="f1", **settings) -> SurrogateClassifier:
    """Return a quick classifier; settings of the recipe are told from its own."""
    own = {"model": "linear", "random_state": 0}
    recipe = {"max_iter": 20, "rounds": 2, "catch_up": 8, "batch_size": 100}
    for name, value in settings.items():
        (recipe if name in Recipe().get_params() else own)[name] = value
    return SurrogateClassifier(metric, recipe=Recipe(**recipe), **own)


# as scikit-learn's own threshold-tuning classifiers: a tuned threshold is not where
# the calibrated probability is 0.5, nor where the score is 0
TUNED = {"check_classifiers_train": "Threshold at probability 0.5 does not hold"}


@parametrize_with_checks(
    [make(), make("roc_auc", model="mlp", max_iter=60)],
    expected_failed_checks=lambda _: TUNED,
)
def test_scikit_learn_contract(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def table() -> Table:
    return make_classification(
        600, n_features=6, weights=[0.85], flip_y=0.05, class_sep=0.8, random_state=0
    )


@pytest.fixture(scope="module")
def fitted(table) -> SurrogateClassifier:
    return make().fit(*table)


def test_predict_is_the_score_against_the_threshold(fitted, table):
    X, _ = table
    expected = fitted.decision_function(X) >= fitted.threshold_
    assert np.array_equal(fitted.predict(X), expected.astype(int))
    assert 0 < expected.mean() < 1


def test_probabilities_are_calibrated_and_keep_the_order(fitted, table):
    X, y = table
    proba = fitted.predict_proba(X)
    assert np.allclose(proba.sum(1), 1)
    assert proba[:, 1].mean() == pytest.approx(y.mean(), abs=0.05)
    order = np.argsort(fitted.decision_function(X))
    assert (np.diff(proba[order, 1]) >= 0).all()


def test_report_tells_of_both_methods_and_the_choice(fitted):
    report = fitted.report_
    methods = {result["method"]: result for result in report["results"]}
    assert list(methods) == ["surrogate", "cross_entropy"]
    assert report["rows"] == {"train": 480, "validation": 120}
    gain = -report["difference"]
    surrogate, control = methods.values()
    assert gain == pytest.approx(control["validation"] - surrogate["validation"])
    is_clear = gain > report["standard_error"]
    assert report["chosen"] == ("surrogate" if is_clear else "cross_entropy")
    chosen = methods[report["chosen"]]
    assert fitted.threshold_ == chosen["threshold"]
    assert {result["iterations"] for result in methods.values()} == {20}


def test_scores_of_both_methods_are_given_and_the_chosen_model_stays(fitted, table):
    X, _ = table
    scores = fitted.method_scores(X)
    assert set(scores) == {"surrogate", "cross_entropy"}
    chosen = scores[fitted.report_["chosen"]]
    assert np.array_equal(fitted.decision_function(X), chosen)


def test_history_has_a_dictionary_for_each_look(fitted):
    expected = {*Record._fields, *Reading._fields} - {"health"}
    assert set(fitted.history_[0]) == expected
    assert fitted.history_[-1]["iteration"] == 20


def test_threshold_and_choice_come_from_the_given_validation_rows(table):
    X, y = table
    clf = make().fit(X[:400], y[:400], X_valid=X[400:], y_valid=y[400:])
    assert clf.report_["rows"] == {"train": 400, "validation": 200}
    chosen = {r["method"]: r for r in clf.report_["results"]}[clf.report_["chosen"]]
    loss = 1 - f1_score(y[400:], clf.predict(X[400:]))
    # with a threshold between two scores, the best over all cut points is reached
    assert loss == pytest.approx(chosen["validation"], abs=1e-6)


def test_score_is_the_metric(fitted, table):
    X, y = table
    assert fitted.score(X, y) == pytest.approx(f1_score(y, fitted.predict(X)))


@pytest.mark.parametrize(
    "labels", [["no", "yes"], [False, True], [-1, 1], [2.0, 5.0], ["b", "a"]]
)
def test_labels_of_any_type(labels, table):
    X, y = table
    named = np.array(labels)[y]
    clf = make(pos_label=labels[1]).fit(X, named)
    assert clf.classes_.tolist() == labels
    assert np.array_equal(clf.predict(X), np.array(labels)[make().fit(X, y).predict(X)])


@pytest.mark.parametrize("library", [pd, pl])
def test_frames_of_pandas_and_polars(library, table):
    X, y = table
    frame = library.DataFrame({f"f{i}": X[:, i] for i in range(X.shape[1])})
    clf = make().fit(frame, library.Series(y))
    assert list(clf.feature_names_in_) == [f"f{i}" for i in range(6)]
    assert np.array_equal(clf.predict(frame), make().fit(X, y).predict(X))


def test_pipeline_search_cross_validation_clone_and_pickle(table):
    X, y = table
    pipeline = make_pipeline(StandardScaler(), make())
    assert len(cross_validate(pipeline, X, y, cv=2)["test_score"]) == 2
    search = GridSearchCV(make(), {"recipe__model_lr": [1e-2, 1e-1]}, cv=2).fit(X, y)
    assert search.best_params_["recipe__model_lr"] in (1e-2, 1e-1)
    assert search.best_estimator_.recipe.max_iter == 20
    again = pickle.loads(pickle.dumps(search.best_estimator_))
    assert np.array_equal(again.predict(X), search.predict(X))
    assert clone(again).recipe == again.recipe
    assert again.recipe.model_lr == search.best_params_["recipe__model_lr"]


def test_same_random_state_gives_the_same_history(table, fitted):
    def losses(clf):
        return [(r["method"], r["validation_loss"]) for r in clf.history_]

    assert losses(make().fit(*table)) == losses(fitted)
    assert losses(make(random_state=1).fit(*table)) != losses(fitted)


@pytest.mark.parametrize("columns", [1, None])
def test_own_module_is_accepted(columns, table):
    X, y = table
    layers = [nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 1)]
    module = nn.Sequential(*layers, *([] if columns else [nn.Flatten(0)]))
    before = [p.detach().clone() for p in module.parameters()]
    clf = make(model=module).fit(X, y)
    assert clf.predict(X).shape == y.shape
    # the given module is a setting: fitting leaves it alone
    assert all(map(torch.equal, before, module.parameters()))


@pytest.mark.parametrize("mode", ["universal", "scratch", "refined"])
@pytest.mark.parametrize("metric", ["roc_auc", "error_rate"])
def test_every_mode_fits(mode, metric, table):
    X, y = table
    clf = make(metric, mode=mode).fit(X, y)
    assert clf.score(X, y) > 0.6
    errors = [r["surrogate_error"] for r in clf.history_ if r["method"] == "surrogate"]
    assert np.isnan(errors[-1]) == (mode == "universal")


def test_scorer_of_scikit_learn_as_metric(table):
    X, y = table
    scorer = make_scorer(fbeta_score, beta=0.5)
    clf = make(scorer, mode="scratch", surrogate_steps=1, n_sets=1).fit(X, y)
    expected = fbeta_score(y, clf.predict(X), beta=0.5)
    assert clf.score(X, y) == pytest.approx(expected)


def test_callable_in_money_as_metric(table):
    X, y = table

    def profit(y_true, y_score):
        called = y_score >= 0
        return 100.0 * (called & (y_true == 1)).sum() - 20.0 * called.sum()

    clf = make(profit, greater_is_better=True, mode="scratch").fit(X, y)
    assert clf.score(X, y) == profit(y, clf.decision_function(X))


def test_direction_of_a_callable_is_asked_for(table):
    def profit(y_true, y_score):
        return float(len(y_true) == len(y_score))

    with pytest.raises(ValueError, match="greater_is_better"):
        make(profit).fit(*table)


def test_time_limit_is_kept(table):
    clf = make(max_iter=1_000_000, max_time=2.0).fit(*table)
    assert clf.n_iter_ < 100_000


def test_ctrl_c_warns_and_leaves_a_fitted_classifier(table):
    def interrupt(_: Record) -> None:
        raise KeyboardInterrupt

    with pytest.warns(RuntimeWarning, match="interrupted"):
        clf = make(watch=interrupt).fit(*table)
    assert clf.predict(table[0]).shape == (600,)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.zeros(60, int), "one class only"),
        (np.arange(60) % 3, "Only binary classification"),
        (np.r_[np.zeros(59, int), 1], "at least 2 rows of each class"),
    ],
)
def test_targets_that_cannot_be_used_are_refused(y, message, table):
    with pytest.raises(ValueError, match=message):
        make().fit(table[0][:60], y)


def test_unknown_metric_names_the_nearest(table):
    with pytest.raises(ValueError, match="f1"):
        make("f11").fit(*table)


def test_unknown_positive_label_is_refused(table):
    with pytest.raises(ValueError, match=r"\[0, 1\], got 'yes'"):
        make(pos_label="yes").fit(*table)


def test_validation_rows_need_their_labels(table):
    X, y = table
    with pytest.raises(ValueError, match="given together"):
        make().fit(X, y, X_valid=X)


def test_losses_without_threshold_use_the_error_rate(table):
    X, y = table
    clf = make("average_precision").fit(X, y)
    error = get_true_loss("error_rate").with_threshold(clf.threshold_)
    scores = torch.from_numpy(clf.decision_function(X))
    assert error(Sets(torch.from_numpy(y), scores)).item() == pytest.approx(
        (clf.predict(X) != y).mean()
    )


def test_a_fit_leaves_torchs_global_generator_alone(table):
    before = torch.get_rng_state()
    make(mode="refined").fit(*table)
    assert torch.equal(torch.get_rng_state(), before)


class Scaled(nn.Module):
    """A linear model whose features are scaled as single-precision statistics say."""

    def __init__(self, x):
        super().__init__()
        self.register_buffer("mean", x.mean(0))
        self.register_buffer("scale", x.std(0, correction=0))
        self.layer = nn.Linear(x.shape[1], 1)

    def forward(self, x):
        return self.layer((x - self.mean) / self.scale)


def copied_parts(table) -> tuple[Rows, Rows, int]:
    """Return both parts as arrays of their own, by scikit-learn's split."""
    X, y = table
    # the first draw from the estimator's `random_state` is the seed of the split
    seed = int(np.random.RandomState(0).randint(2**31 - 1))
    parts = train_test_split(
        X.astype(np.float32), y, test_size=120, stratify=y, random_state=seed
    )
    x_train, x_valid, y_train, y_valid = map(torch.from_numpy, parts)
    return Rows(x_train, y_train), Rows(x_valid, y_valid), seed


def test_rows_by_number_give_the_history_of_copied_parts(table):
    train, valid, seed = copied_parts(table)
    torch.manual_seed(0)
    module = Scaled(train.x)
    clf = make(model=module).fit(*table)
    recipe, f1, task = clf.recipe, get_true_loss("f1"), Binary()
    surrogate = initial_surrogate(f1, task, mode=recipe.mode, seed=seed)
    settings = {"lr": recipe.model_lr, "max_grad_norm": recipe.max_grad_norm}
    comparison, predictor = compare(
        lambda: fastest(TorchPredictor(copy.deepcopy(module), train, **settings)),
        valid,
        f1,
        task,
        surrogate,
        recipe,
        seed=seed,
    )
    expected = [
        (record.method, record.iteration, record.validation_loss)
        for run in comparison.runs.values()
        for record in run.history
    ]
    assert expected == [
        (r["method"], r["iteration"], r["validation_loss"]) for r in clf.history_
    ]
    for name, weights in predictor.weights().items():
        assert torch.equal(weights, clf.model_.state_dict()[name])


def test_statistics_are_of_the_training_rows_alone(table):
    train, _, _ = copied_parts(table)
    standardizer = make().fit(*table).model_.standardizer
    assert torch.allclose(standardizer.mean, train.x.mean(0), atol=1e-6)
    assert torch.allclose(standardizer.scale, train.x.std(0, correction=0), rtol=1e-5)


@pytest.mark.parametrize("mode", ["r", "r+", "c"])
def test_memory_map_is_fitted_as_the_array_is(mode, table, fitted, tmp_path):
    X, y = table
    np.save(tmp_path / "x.npy", X.astype(np.float32))
    mapped = np.load(tmp_path / "x.npy", mmap_mode=mode)
    clf = make().fit(mapped, y)
    # validation rows are scored in the order of the file, which rounds otherwise
    assert np.allclose(
        clf.decision_function(mapped), fitted.decision_function(X), atol=1e-4
    )
    assert clf.threshold_ == pytest.approx(fitted.threshold_, abs=1e-4)


def test_no_row_of_an_array_is_copied(table, monkeypatch):
    X, y = table
    X = np.ascontiguousarray(X, dtype=np.float32)
    seen = []

    def keep(make_predictor, valid, *args, **kwargs):
        seen.extend([make_predictor().rows, valid])
        return compare(make_predictor, valid, *args, **kwargs)

    monkeypatch.setattr(estimators, "compare", keep)
    make().fit(X, y)
    make().fit(X, y, X_valid=X, y_valid=y)
    assert [rows.x.data_ptr() for rows in seen] == [X.ctypes.data] * 4


def test_labels_are_looked_through_in_parts(table, fitted, monkeypatch):
    X, y = table
    monkeypatch.setattr(labels, "_LABELS", 7)
    assert np.array_equal(make().fit(X, y).predict(X), fitted.predict(X))
    with pytest.raises(ValueError, match="Only binary classification"):
        make().fit(X, np.arange(len(y)) // 100)
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        make().fit(X, X[:, 0])


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
    "max_iter": (30, {"max_iter": 30}),
    "mode": ("scratch", {"mode": "scratch"}),
}
"""Arguments of release 0.1, each with what the recipe holds instead."""


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
    assert other.recipe == Recipe(rounds=3, **instead)


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
        )
    X, _ = table
    assert np.array_equal(
        clf.fit(*table).decision_function(X), fitted.decision_function(X)
    )


def test_what_is_no_recipe_is_refused_by_the_fit(table):
    with pytest.raises(ValueError, match="`recipe` must be a `Recipe` or None, got 3"):
        SurrogateClassifier(recipe=3).fit(*table)
