"""Tables fitted for a metric with constraints: trained, kept, reported, known again."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import precision_score, recall_score

from losslearn import Recipe, fit_table, gap, load_model, subject_to

QUICK = {
    "model": "linear",
    "recipe": Recipe(mode="scratch", max_iter=4, rounds=1, catch_up=2, n_evals=2),
}
BOUNDS = ("precision >= 0.6", gap("tpr", by="sex") <= 0.3)


def make_rows(n=400, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    sex = rng.choice(["f", "m"], n)
    y = (x[:, 0] + rng.normal(size=n) > 0.5).astype(int)
    return pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "sex": sex, "y": y})


def tprs(frame, called):
    return [
        recall_score(frame.y[frame.sex == sex], called[frame.sex == sex])
        for sex in ("f", "m")
    ]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("constraints") / "model"
    return fit_table(
        make_rows(), "y", subject_to("recall", *BOUNDS), out=folder, **QUICK
    )


def test_the_column_of_the_groups_is_no_feature_unless_kept(model):
    assert model.metric.columns == ("sex",)
    assert set(model.encoder.feature_names_in_) == {"a", "b"}
    kept = fit_table(
        make_rows(120),
        "y",
        "recall subject to gap(tpr, by=sex) <= 0.3",
        keep_metric_columns=True,
        **QUICK,
    )
    assert "sex" in set(kept.encoder.feature_names_in_)


def test_sets_are_larger_unless_their_size_is_chosen(model):
    assert model.recipe["batch_size"] == 1_000
    plain = fit_table(make_rows(120), "y", "f1", **QUICK)
    assert plain.recipe["batch_size"] == 500
    chosen = Recipe(mode="scratch", max_iter=2, rounds=1, batch_size=50)
    fitted = fit_table(
        make_rows(120),
        "y",
        "recall subject to f1 >= 0.1",
        model="linear",
        recipe=chosen,
    )
    assert fitted.recipe["batch_size"] == 50


def test_what_the_constraints_come_to_is_in_the_report(model):
    found, frame = model.report["constraints"], make_rows()
    assert [one["constraint"] for one in found] == 2 * [
        "precision >= 0.6",
        "gap(tpr, by=sex) <= 0.3",
    ]
    assert {one["method"] for one in found} == {"surrogate", "cross_entropy"}
    assert model.report["penalty"] == 5.0
    for one in found:
        for part in ("validation", "test"):
            said = one[part]
            low, high = said["interval"]
            assert low <= said["value"] <= high
            is_least = one["constraint"].startswith("precision")
            held = said["value"] >= 0.6 if is_least else said["value"] <= 0.3
            assert said["holds"] == held
    json.dumps(model.report)
    again = model.evaluate(frame)["constraints"]
    called = model.predict(frame)["label"]
    assert again[0]["value"] == pytest.approx(precision_score(frame.y, called))
    low, high = sorted(tprs(frame, called))
    assert again[1]["value"] == pytest.approx(high - low)


def test_a_loaded_model_knows_its_metric_again(model):
    loaded = load_model(model.report["model"])
    other = make_rows(seed=1)
    assert loaded.evaluate(other) == model.evaluate(other)
    assert loaded.metric.source == "built-in"
    called = loaded.predict(other)["label"]
    low, high = sorted(tprs(other, called))
    loss = 1 - recall_score(other.y, called)
    loss += 5 * max(0.6 - precision_score(other.y, called), 0)
    loss += 5 * max(high - low - 0.3, 0)
    assert loaded.evaluate(other)["value"] == pytest.approx(loss)


def test_a_name_in_a_model_runs_nothing(tmp_path, model):
    named = load_model(model.report["model"]).metric
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    text = f"{tmp_path / 'evil.py'}:f subject to precision >= 0.6"
    with pytest.raises(ValueError, match="Unknown metric"):
        type(named)(given=text, name=text, source="built-in").true_loss()
    assert not (tmp_path / "ran").exists()


def test_a_table_without_the_column_is_one_clear_line():
    with pytest.raises(ValueError, match="sex"):
        fit_table(make_rows(80).drop(columns="sex"), "y", subject_to("f1", BOUNDS[1]))


def test_recall_alone_is_answered_with_a_constraint_too():
    with pytest.raises(ValueError, match=r"recall subject to precision >= 0\.8"):
        fit_table(make_rows(80), "y", "recall")
