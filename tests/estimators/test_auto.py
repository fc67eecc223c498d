"""The best model of several, all fitted to the same rows."""

import threading

import numpy as np
import pandas as pd
import pytest

from losslearn import SurrogateClassifier, fit_table, load_model
from losslearn.estimators import auto
from losslearn.metrics import as_true_loss
from losslearn.training.recipe import Recipe

RECIPE = Recipe(max_iter=40, n_evals=8, rounds=2, mode="scratch")
N = 400


def rows(kind: str) -> tuple[pd.DataFrame, np.ndarray]:
    draws = np.random.default_rng(0)
    frame = pd.DataFrame(draws.normal(size=(N, 3)), columns=list("abc"))
    frame["city"] = draws.choice(list("xyz"), N)
    if kind == "linear":
        score = 2 * frame.a - frame.b
    else:  # no line divides these
        score = 4 * np.sign(frame.a * frame.b)
    frame.loc[draws.random(N) < 0.1, "c"] = np.nan
    return frame, (score + draws.normal(size=N) > 0).to_numpy().astype(int)


def fitted(kind: str, **given: object) -> SurrogateClassifier:
    # a time that no machine needs, so that nothing is left out for it
    settings = {"cv": 1, "refit": False, "recipe": RECIPE, "random_state": 0}
    settings |= {"max_time": 1e5, **given}
    return SurrogateClassifier("f1", model="auto", **settings).fit(*rows(kind))


@pytest.fixture(scope="module")
def trees() -> SurrogateClassifier:
    return fitted("trees")


def told(found: SurrogateClassifier) -> dict[str, dict]:
    return {one["name"]: one for one in found.report_["models"]}


def test_trees_are_taken_where_no_line_divides_the_rows(trees):
    assert [name for name, one in told(trees).items() if one["chosen"]] == ["lightgbm"]
    assert trees.report_["results"][0]["predictor"] == "lightgbm"
    assert "lightgbm is used" in trees.report_["verdict"]
    X, y = rows("trees")
    assert trees.score(X, y) > 0.8
    assert trees.encoder_.for_trees


def test_all_are_told_and_the_best_two_go_on(trees):
    models = told(trees)
    assert list(models) == ["linear", "lightgbm", "mlp"]
    losses = {name: one["validation"] for name, one in models.items()}
    worst = max(losses, key=losses.get)
    assert models[worst]["left_out"] == "not among the best two by the usual loss"
    assert models[worst]["trained_for_metric"] is False
    assert all(one["seconds"] > 0 for one in models.values())


def test_a_tie_goes_to_the_simpler_model():
    found = fitted("linear")
    models = told(found)
    assert models["linear"]["chosen"]
    assert not found.encoder_.for_trees


def test_what_there_is_no_time_for_is_named(monkeypatch, trees):
    clock = iter(range(0, 10**9, 40))
    monkeypatch.setattr(auto.time, "perf_counter", lambda: float(next(clock)))
    monkeypatch.setattr(auto._Search, "_fitted", lambda *_, **__: trees)
    found = SurrogateClassifier("f1", model="auto", max_time=100.0)
    auto.fit_best(found, None, None, {})
    assert told(found)["mlp"]["left_out"] == "no time was left"


def test_all_candidates_choose_by_the_same_rows(monkeypatch):
    seen, fit = [], SurrogateClassifier.fit

    def spied(self, *given, **further):
        found = fit(self, *given, **further)
        if self.model != "auto":
            seen.append((self.model, self.validation_.target))
        return found

    monkeypatch.setattr(SurrogateClassifier, "fit", spied)
    fitted("linear")
    assert len(seen) == 5
    assert all(bool((target == seen[0][1]).all()) for _, target in seen)


def test_the_same_seed_gives_the_same(trees):
    X, _ = rows("trees")
    np.testing.assert_array_equal(fitted("trees").scores(X), trees.scores(X))


def test_a_metric_that_no_candidate_can_be_fitted_for_is_told():
    X, y = rows("linear")
    with pytest.raises(ValueError, match="`y` holds one class only"):
        SurrogateClassifier("f1", model="auto", recipe=RECIPE).fit(X, np.zeros(len(y)))


def test_matrices_with_gaps_leave_the_networks_out():
    X, y = rows("linear")
    found = SurrogateClassifier(
        "f1", model="auto", cv=1, refit=False, recipe=RECIPE, max_time=1e5
    ).fit(X[list("abc")].to_numpy(), y)
    models = told(found)
    assert "NaN" in models["linear"]["left_out"]
    assert models["lightgbm"]["chosen"]


def test_a_table_goes_through_to_a_saved_model(tmp_path):
    X, y = rows("trees")
    frame = X.assign(y=np.where(y, "yes", "no"))
    stages, looks = [], []

    class Display:
        """As that of the command line, which cannot be copied."""

        fit_progress = None

        def __init__(self):
            self.lock = threading.RLock()

        def stage(self, text):
            stages.append(text)

        def watch(self, record):
            looks.append(record)

        def metric(self, _):
            pass

    model = fit_table(
        frame, "y", "f1", model="auto", out=tmp_path / "m", recipe=RECIPE, cv=1,
        max_time=1e5, display=Display(),
    )  # fmt: skip
    assert "training lightgbm by the usual loss" in stages
    assert "training lightgbm for the metric" in stages
    assert looks
    again = load_model(tmp_path / "m")
    np.testing.assert_array_equal(again.scores(frame), model.scores(frame))
    assert [one["name"] for one in again.report["models"]] == [*told_of(model)]


def told_of(model) -> list[str]:
    return [one["name"] for one in model.report["models"]]


def test_no_round_is_the_usual_loss_alone():
    X, y = rows("linear")
    recipe = Recipe(max_iter=40, rounds=0)
    calls = []

    def own(y_true, y_pred):
        calls.append(1)
        return float((y_true == y_pred).mean())

    found = SurrogateClassifier(
        as_true_loss(own, greater_is_better=True), model="mlp", recipe=recipe,
        cv=1, refit=False, random_state=0,
    ).fit(X, y)  # fmt: skip
    assert found.report_["chosen"] == "cross_entropy"
    assert {one["method"] for one in found.history_} == {"surrogate", "cross_entropy"}
    assert found.report_["difference"] == 0
