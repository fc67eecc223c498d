"""Rows that count for more than others."""

import numpy as np
import pandas as pd
import pytest
import torch
from estimator_cases import make
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import config_context
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import AdaBoostClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from losslearn import Recipe, SurrogateClassifier
from losslearn._fast import as_written, fastest
from losslearn.metrics import Sets, get_true_loss
from losslearn.metrics.builtin import BUILTINS
from losslearn.models.networks import Linear
from losslearn.models.predictor import TorchPredictor
from losslearn.models.rows import Drawn, Rows
from losslearn.surrogate.fitter import SurrogateFitter
from losslearn.surrogate.objective import LearnedObjective
from losslearn.surrogate.universal import initial_surrogate
from losslearn.tasks.binary import Binary
from losslearn.tasks.calibration import Platt
from losslearn.tasks.cross_entropy import CrossEntropy

counts = st.lists(st.integers(1, 3), min_size=12, max_size=12)


def weighed_and_repeated(times: list[int], seed: int) -> tuple[Sets, Sets]:
    """Return rows with weights, and the same rows so many times."""
    draw, n = np.random.default_rng(seed), len(times)
    y = torch.from_numpy(draw.permutation(np.arange(n) % 3 == 0).astype(int))
    score, weight = torch.from_numpy(draw.normal(size=n)).float(), torch.tensor(times)
    rows = Rows(score[:, None], y, weight=weight.float())
    once, again = torch.arange(n), torch.arange(n).repeat_interleave(weight)
    ones = rows._replace(weight=None)
    return (
        rows.sets(Drawn(once), score[once]),
        ones.sets(Drawn(again), score[again]),
    )


@settings(max_examples=20)
@given(times=counts, seed=st.integers(0, 99))
def test_a_weight_of_two_is_as_a_row_twice_in_all_that_is_minimised(times, seed):
    weighed, repeated = weighed_and_repeated(times, seed)
    losses = [CrossEntropy(), *(get_true_loss(one.name) for one in BUILTINS)]
    for name in ("f1", "auc", "precision_at_k"):
        true_loss = get_true_loss(name)
        surrogate = initial_surrogate(true_loss, Binary(), mode="scratch", seed=0)
        fitter = SurrogateFitter(surrogate, CrossEntropy(), lr=1e-3)
        losses.append(LearnedObjective(fastest(fitter), usual_weight=1.0))
    for loss in losses:
        got, expected = (float(loss(one).detach()) for one in (weighed, repeated))
        assert got == pytest.approx(expected, abs=1e-5, nan_ok=True), loss
    full = Platt.fit(repeated.score, repeated.target)
    got = Platt.fit(weighed.score, weighed.target, sample_weight=weighed.weight)
    # the hint of regularisation is so much a row
    assert got.slope == pytest.approx(full.slope, rel=0.1, abs=1e-3)


@pytest.mark.parametrize("n_sets", [1, 3])
def test_a_step_is_that_of_repeated_rows_compiled_or_not(n_sets):
    draw, n = torch.Generator().manual_seed(0), 40
    x, y = torch.randn(n, 3, generator=draw), torch.arange(n) % 2
    times = torch.arange(n) % 3 + 1
    once = torch.arange(n).repeat(n_sets, 1)
    again = once[0].repeat_interleave(times).repeat(n_sets, 1)
    found = []
    for weight, rows in ((times.float(), once), (None, again)):
        for make_it in (lambda part: part, fastest):
            torch.manual_seed(0)
            model = Linear(3)
            table = Rows(x, y, weight=weight)
            predictor = make_it(TorchPredictor(model, table, lr=0.1))
            predictor.descend(CrossEntropy(), Drawn(rows))
            found.append(torch.cat([*map(torch.flatten, model.parameters())]))
    for one in found[1:]:
        assert torch.allclose(one.detach(), found[0].detach(), atol=1e-5)


@pytest.fixture(scope="module")
def times(table):
    return np.random.default_rng(1).integers(0, 4, len(table[1]))


@pytest.mark.parametrize("metric", ["f1", "auc"])
def test_validation_rows_of_a_weight_are_as_repeated_ones(metric, table, times):
    X, y = table
    parts = {"X_valid": X[300:], "y_valid": y[300:]}
    weighed = make(metric).fit(
        X[:300], y[:300], **parts, sample_weight_valid=times[300:]
    )
    again = np.repeat(np.arange(300, 600), times[300:])
    repeated = make(metric).fit(X[:300], y[:300], X_valid=X[again], y_valid=y[again])
    losses, expected = (
        [look["validation_loss"] for look in clf.history_]
        for clf in (weighed, repeated)
    )
    assert losses == pytest.approx(expected, abs=1e-6)
    thresholds, expected = (
        [one["threshold"] for one in clf.report_["results"]]
        for clf in (weighed, repeated)
    )
    assert thresholds == pytest.approx(expected, abs=1e-6)
    plain = make(metric).fit(X[:300], y[:300], **parts)
    assert losses != pytest.approx(
        [look["validation_loss"] for look in plain.history_], abs=1e-6
    )
    got = weighed.score(X[300:], y[300:], sample_weight=times[300:])
    assert got == pytest.approx(repeated.score(X[again], y[again]), abs=1e-6)


def test_rows_of_weight_0_are_as_rows_that_are_not_there(table):
    X, y = table
    weight = np.ones(600)
    weight[300:] = 0
    strange = X.copy()
    strange[300:] = 1e6
    expected = make().fit(X[:300], y[:300])
    for given_x, box in ((strange, np.asarray), (strange, pd.DataFrame)):
        got = make().fit(box(given_x), y, sample_weight=weight)
        assert got.report_["rows"] == expected.report_["rows"]
    got = make().fit(strange, y, sample_weight=weight)
    assert np.array_equal(got.scores(X), expected.scores(X))


@pytest.mark.parametrize("factor", [1e-100, 1 / 600, 1e100])
@pytest.mark.parametrize("metric", ["f1", "auc"])
def test_what_weights_are_measured_in_does_not_matter(factor, metric, table, times):
    got = make(metric).fit(*table, sample_weight=times * factor)
    expected = make(metric).fit(*table, sample_weight=times)
    assert got.scores(table[0]) == pytest.approx(expected.scores(table[0]), abs=1e-4)


def test_the_usual_loss_goes_where_weighed_logistic_regression_goes(table):
    X, y = table
    weight = np.where(X[:, 0] > 0, 20.0, 1.0)
    recipe = Recipe(max_iter=400, rounds=1, batch_size=400, mode="universal")
    rows = {"X_valid": X, "y_valid": y, "sample_weight_valid": weight}
    with as_written():
        plain = SurrogateClassifier("auc", model="linear", recipe=recipe)
        clf = plain.set_params(random_state=0).fit(X, y, weight, **rows)
    score = clf.method_scores(X)["cross_entropy"]
    weighed, alike = (
        LogisticRegression(C=1e6).fit(X, y, own).decision_function(X)
        for own in (weight, None)
    )
    near, far = (np.corrcoef(score, one)[0, 1] for one in (weighed, alike))
    assert near > 0.99
    assert near > far


def test_all_rows_alike_are_as_without_weights(table):
    ones, none = make().fit(*table, np.ones(600)), make().fit(*table)
    assert np.array_equal(ones.scores(table[0]), none.scores(table[0]))
    assert ones.history_[-1]["validation_loss"] == none.history_[-1]["validation_loss"]


def test_a_metric_without_weights_says_so_before_it_is_trained_for(table, times):
    looks = []

    def own(y_true, y_pred):
        return f1_score(y_true, y_pred)

    clf = make(own, greater_is_better=True, mode="scratch", watch=looks.append)
    with pytest.raises(ValueError, match="`own` does not take weights"):
        clf.fit(*table, sample_weight=times)
    assert not looks


@pytest.mark.parametrize(
    ("given_weights", "message"),
    [
        ({"sample_weight": -np.ones(600)}, "finite and at least 0, got -1.0"),
        ({"sample_weight": np.ones(599)}, "one weight for each of the 600 rows"),
        ({"sample_weight": np.arange(600) < 1}, "at least 2 rows of each class"),
        ({"sample_weight_valid": np.ones(600)}, "without the `X_valid`"),
    ],
)
def test_weights_that_cannot_be_used_are_refused(given_weights, message, table):
    with pytest.raises(ValueError, match=message):
        make().fit(*table, **given_weights)


def test_tools_that_pass_weights(table, times):
    X, y = table
    boosted = AdaBoostClassifier(
        make("error_rate", max_iter=60), n_estimators=3, random_state=0
    )
    assert len(boosted.fit(X, y, sample_weight=times + 1).estimators_) == 3
    calibrated = CalibratedClassifierCV(make(), cv=2).fit(X, y, sample_weight=times)
    assert calibrated.predict_proba(X).shape == (600, 2)
    search = GridSearchCV(make(), {"recipe__model_lr": [0.1]}, cv=2)
    assert search.fit(X, y, sample_weight=times).best_score_ > 0


def test_weights_are_routed_as_metadata(table, times):
    X, y = table
    with config_context(enable_metadata_routing=True):
        asking = make().set_fit_request(sample_weight=True)
        asking.set_score_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipeline = make_pipeline(scaler, asking)
        got = pipeline.fit(X, y, sample_weight=times)[-1]
        expected = make().fit(StandardScaler().fit_transform(X), y, times)
        assert np.array_equal(got.scores(X), expected.scores(X))
        found = cross_validate(asking, X, y, cv=2, params={"sample_weight": times})
        assert len(found["test_score"]) == 2


def test_class_weight_is_refused_with_what_to_do():
    with pytest.raises(TypeError, match="`sample_weight="):
        make(class_weight="balanced")
    with pytest.raises(ValueError, match="`sample_weight="):
        make().set_params(class_weight="balanced")
