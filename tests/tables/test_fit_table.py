"""The main job, from Python."""

import sys
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from cli_cases import make_frame
from sklearn.metrics import f1_score, roc_auc_score

from losslearn import Recipe, SurrogateClassifier, fit_table, load_model
from losslearn.tables.fitted import FittedTable
from losslearn.training.splitting import split_rows

QUICK = {"model": "linear", "mode": "scratch", "max_iter": 6}


class Told:
    """A display that keeps what it is told."""

    def __init__(self) -> None:
        self.stages, self.methods = [], []

    def metric(self, written) -> None:
        self.written = written

    def stage(self, name: str) -> None:
        self.stages.append(name)

    def fit_progress(self, *_what: object) -> None: ...

    def watch(self, record) -> None:
        self.methods.append(record.method)


@pytest.fixture(scope="module")
def told() -> Told:
    return Told()


@pytest.fixture(scope="module")
def fitted(told) -> FittedTable:
    recipe = Recipe(mode="scratch", max_iter=30, model_steps=8)
    how = {"model": "linear", "recipe": recipe, "cv": 1, "refit": False}
    return fit_table(make_frame(), "churn", "auc", display=told, **how)


def test_each_method_is_tested_by_its_own_weights(fitted):
    frame = make_frame()
    y = (frame["churn"] == "yes").to_numpy().astype(int)
    test = split_rows(y, test_size=0.2, validation_size=0.16, seed=0).test
    found = {result["method"]: result["test"] for result in fitted.report["results"]}
    expected = 1 - roc_auc_score(y[test], fitted.scores(frame.iloc[test]))
    assert found[fitted.report["chosen"]] == pytest.approx(expected, abs=1e-6)
    assert len(set(found.values())) == 2, "the methods must differ to tell them apart"


def test_the_report_tells_roles_rules_and_intervals(fitted):
    report = fitted.report
    assert report["task"] == "binary"
    assert (report["metric"], report["loss"], report["model"]) == ("auc", True, None)
    assert report["rows"] == {"train": 192, "validation": 48, "test": 60}
    assert not report["interrupted"]
    assert report["judged_by"] is None
    for result, role in zip(report["results"], ["learned", "usual"], strict=True):
        assert (result["role"], result["predictor"]) == (role, "linear")
        assert result["rule"] == {"kind": "threshold", "threshold": result["threshold"]}
        low, high = result["interval"]
        assert low <= result["test"] <= high


@pytest.mark.usefixtures("fitted")
def test_the_display_is_told_of_stages_and_looks(told):
    assert told.stages == [
        "reading the table",
        "preparing columns and model",
        "testing",
    ]
    assert set(told.methods) == {"surrogate", "cross_entropy"}


def test_the_settings_are_the_recipe_and_what_is_said_beside_it(fitted):
    assert (fitted.recipe["max_iter"], fitted.recipe["model_steps"]) == (30, 8)
    recipe = Recipe(mode="scratch", max_iter=50, rounds=2)
    how = {"model": "linear", "recipe": recipe, "cv": 1, "refit": False}
    other = fit_table(make_frame(), "churn", "f1", max_iter=3, **how)
    assert (other.recipe["max_iter"], other.recipe["rounds"]) == (3, 2)
    assert {result["iterations"] for result in other.report["results"]} == {3}


def test_any_table_gives_the_same_model(tmp_path):
    polars = pytest.importorskip("polars")
    frame = make_frame()
    frame.to_csv(tmp_path / "people.csv", index=False)
    expected = None
    for table in (tmp_path / "people.csv", polars.read_csv(tmp_path / "people.csv")):
        fitted = fit_table(table, "churn", "f1", **QUICK)
        scores = fitted.scores(table)
        expected = scores if expected is None else expected
        np.testing.assert_array_equal(scores, expected)
    predicted = fitted.predict(frame)["label"]
    value = fitted.evaluate(table)["value"]
    assert value == pytest.approx(
        1 - f1_score(frame["churn"], predicted, pos_label="yes"), abs=1e-6
    )


def earned(y_true, y_pred, *, amount):
    return (y_pred * (y_true * amount - 10)).sum()


def test_a_function_with_columns_is_asked_for_again_only_of_a_loaded_model(tmp_path):
    frame = make_frame().assign(amount=lambda table: table["age"] - 20)
    fitted = fit_table(
        frame,
        "churn",
        earned,
        greater_is_better=True,
        metric_columns=["amount"],
        positive="no",
        out=tmp_path / "m",
        **QUICK,
    )
    assert fitted.report["model"] == str(tmp_path / "m")
    assert fitted.labels.names == ["yes", "no"]
    assert "amount" not in fitted.encoder.feature_names_in_
    called = fitted.predict(frame)["label"] == "no"
    expected = (called * ((frame["churn"] == "no") * frame["amount"] - 10)).sum()
    assert fitted.evaluate(frame)["value"] == pytest.approx(-expected, rel=1e-5)
    loaded = load_model(tmp_path / "m")
    with pytest.raises(ValueError, match="Name it again"):
        loaded.evaluate(frame)
    again = loaded.evaluate(frame, metric=earned, greater_is_better=True)
    assert again["value"] == fitted.evaluate(frame)["value"]


def test_learning_curves_are_drawn_once_where_matplotlib_is(fitted, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    bare = replace(fitted)
    assert bare.learning_curves is None
    monkeypatch.undo()
    assert fitted.learning_curves.startswith(b"\x89PNG")
    assert fitted.learning_curves is fitted.learning_curves


def test_warnings_in_a_fit_do_not_reach_the_user(monkeypatch, recwarn):
    fit_rows = SurrogateClassifier.fit

    def warn(self, *args, **options):
        warnings.warn("by the way", RuntimeWarning, stacklevel=1)
        return fit_rows(self, *args, **options)

    monkeypatch.setattr(SurrogateClassifier, "fit", warn)
    fit_table(make_frame(), "churn", "f1", **QUICK)
    assert not recwarn.list


def test_valid_rows_of_their_own_are_encoded_like_the_others():
    valid = make_frame(100, seed=1)
    fitted = fit_table(make_frame(), "churn", "f1", valid=valid, **QUICK)
    assert fitted.report["rows"] == {"train": 240, "validation": 100, "test": 60}
    wrong = pd.DataFrame({"churn": ["yes", "no"], "city": ["Oslo", "Rome"]})
    with pytest.raises(ValueError, match=r"In the validation rows: .*'age'"):
        fit_table(make_frame(), "churn", "f1", valid=wrong, **QUICK)


@pytest.mark.filterwarnings("ignore:Training for")
@pytest.mark.parametrize(("has_valid", "least"), [(False, 6), (True, 4)])
def test_the_stated_least_rows_of_a_class_are_enough(has_valid, least):
    draw = np.random.default_rng(2)

    def drawn(n: int, n_positive: int) -> pd.DataFrame:
        y = draw.permutation(np.arange(n) < n_positive)
        return pd.DataFrame({"x": draw.normal(size=n), "y": y})

    valid = drawn(20, 1) if has_valid else None
    for seed, n in enumerate((2 * least, 40, 300)):
        for metric in ("f1", "auc"):
            quick = {**QUICK, "max_iter": 2, "seed": seed, "valid": valid}
            fitted = fit_table(drawn(n, least), "y", metric, **quick)
            assert all(np.isfinite(one["test"]) for one in fitted.report["results"])
            with pytest.raises(ValueError, match=f"{least - 1}; at least {least} are"):
                fit_table(drawn(n, least - 1), "y", metric, **quick)
