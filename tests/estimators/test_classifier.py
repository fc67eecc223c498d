import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from estimator_cases import make
from sklearn.base import clone
from sklearn.metrics import f1_score, fbeta_score, make_scorer
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from torch import nn

from losslearn import tune_decision, tune_threshold
from losslearn.metrics import Sets, get_true_loss
from losslearn.training.loop import Record
from losslearn.training.trust import Reading

# as scikit-learn's own threshold-tuning classifiers: a tuned threshold is not where
# the calibrated probability is 0.5, nor where the score is 0
TUNED = {
    "check_classifiers_train": "Threshold at probability 0.5 does not hold",
    # a row twice may be drawn twice, and stand on both sides of the split
    "check_sample_weight_equivalence_on_dense_data": "Sets and split are drawn",
    "check_sample_weight_equivalence_on_sparse_data": "Sets and split are drawn",
}


@parametrize_with_checks(
    [make(), make("roc_auc", model="mlp", max_iter=60)],
    expected_failed_checks=lambda _: TUNED,
)
def test_scikit_learn_contract(estimator, check):
    check(estimator)


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
    best = tune_threshold(y[400:], clf.decision_function(X[400:]), "f1")
    assert clf.threshold_ == pytest.approx(best)
    chosen = {r["method"]: r for r in clf.report_["results"]}[clf.report_["chosen"]]
    # of decisions by thresholds that were fitted to the other folds
    p = clf.predict_proba(X[400:])[:, 1]
    alone = tune_decision(y[400:], p, "f1", random_state=seed_of(clf))
    assert chosen["validation"] == pytest.approx(alone.loss)


def seed_of(clf) -> int:
    """Return the seed that a fit draws from its `random_state`."""
    return int(np.random.RandomState(clf.random_state).randint(2**31 - 1))


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
    assert clf.n_iter_ < 1_000_000


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
    with pytest.raises(ValueError, match=r"one of 0, 1; got 'yes'. `y` holds"):
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
