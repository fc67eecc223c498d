"""`losslearn fit`: what it prints and writes."""

import io
import json
import sys
from pathlib import Path

import pandas as pd
import pytest
from cli_cases import error_line, fit, make_frame
from sklearn.metrics import f1_score

from losslearn import load_model
from losslearn.cli import main
from losslearn.training.splitting import split_rows


def test_fit_json_is_the_promised_object_and_nothing_else(capsys):
    assert fit("--json", "--cv", "1", "--no-refit") == 0
    out, _ = capsys.readouterr()
    found = json.loads(out)
    names = ["task", "metric", "loss", "rows", "results", "chosen", "verdict", "model"]
    assert list(found) == [*names, "columns"]
    assert found["task"] == "binary"
    assert "raining for f1" in found["verdict"]
    assert found["metric"] == "f1"
    assert found["loss"] is True
    assert found["rows"] == {"train": 192, "validation": 48, "test": 60}
    who = [(result["role"], result["method"]) for result in found["results"]]
    assert who == [("learned", "surrogate"), ("usual", "cross_entropy")]
    for result in found["results"]:
        keys = ["role", "method", "predictor", "rule", "threshold"]
        values = ["validation", "test", "metric_validation", "metric_test"]
        assert list(result) == [*keys, *values, "seconds", "iterations"]
        for part in ("validation", "test"):
            assert result[f"metric_{part}"] == pytest.approx(1 - result[part])
        assert result["predictor"] == "linear"
        assert result["rule"] == {"kind": "threshold", "threshold": result["threshold"]}
        assert result["iterations"] == 6
    assert found["chosen"] in {"surrogate", "cross_entropy"}
    assert found["model"] == "people-f1-model"
    assert sorted(path.name for path in Path("people-f1-model").iterdir()) == [
        "columns.json",
        "history.json",
        "learning_curves.png",
        "seen_rows.bin",
        "settings.json",
        "weights.safetensors",
    ]


def test_the_reported_losses_are_those_of_the_written_model(capsys):
    fit("--json", "--seed", "3", "--out", "m")
    found = json.loads(capsys.readouterr().out)
    frame, model = make_frame(), load_model("m")
    is_positive = (frame["churn"] == "yes").to_numpy()
    split = split_rows(is_positive, test_size=0.2, validation_size=0.16, seed=3)
    predicted = model.predict(frame)["label"] == "yes"
    chosen = next(r for r in found["results"] if r["method"] == found["chosen"])
    expected = 1 - f1_score(is_positive[split.test], predicted.iloc[split.test])
    assert chosen["test"] == pytest.approx(expected, abs=1e-6)
    # decided by rules that were fitted to the other folds
    tried = {one["rule"]: one["loss"] for one in model.report["rules_tried"]}
    assert chosen["validation"] == tried[chosen["rule"]["kind"]]
    assert chosen["threshold"] == model.rule.to_dict()["threshold"]
    for result in model.report["results"]:
        low, high = result["interval"]
        assert low <= result["test"] <= high


def test_the_same_seed_gives_the_same_results(capsys):
    found = []
    for seed in ("1", "1", "2"):
        fit("--json", "--seed", seed)
        result = json.loads(capsys.readouterr().out)["results"][0]
        found.append((result["validation"], result["test"], result["threshold"]))
    assert found[0] == found[1] != found[2]


def test_fit_prints_a_table_and_the_choice(capsys):
    assert fit("--out", "deep/er/model") == 0
    out, err = capsys.readouterr()
    words = ("learned surrogate", "cross-entropy", "threshold ", "seconds")
    for word in (*words, "raining for f1", "deep/er/model", "95 % interval"):
        assert word in out
    assert max(map(len, out.splitlines())) <= 80
    assert err == ""  # the progress needs a terminal


def test_validation_rows_can_have_a_table_of_their_own(capsys):
    make_frame(100, seed=1).to_parquet("valid.parquet")
    assert fit("--valid", "valid.parquet", "--json") == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert rows == {"train": 240, "validation": 100, "test": 60}


def test_the_positive_label_can_be_chosen(capsys):
    fit("--positive", "no", "--out", "m", metric="mcc")
    capsys.readouterr()
    assert main(["predict", "m", "people.csv"]) == 0
    predictions = pd.read_csv(io.StringIO(capsys.readouterr().out))
    by_label = predictions.groupby("label")["score"]
    assert by_label.min()["no"] > by_label.max()["yes"]
    words = ["--target", "churn", "--metric", "f1", "--json"]
    assert main(["evaluate", "m", "people.csv", *words]) == 0
    value = json.loads(capsys.readouterr().out)["value"]
    expected = f1_score(make_frame()["churn"], predictions["label"], pos_label="no")
    assert value == pytest.approx(1 - expected, abs=1e-6)


def test_an_old_model_is_replaced_and_nothing_else(capsys):
    for _ in range(2):
        assert fit("--out", "m", "--max-iter", "2") == 0
    capsys.readouterr()
    Path("photos").mkdir()
    Path("photos/cat.png").touch()
    assert fit("--out", "photos") == 2
    assert "no losslearn model" in error_line(capsys)
    assert [path.name for path in Path("photos").iterdir()] == ["cat.png"]


def test_text_labels_dates_and_missing_values_train_a_model(fitted):
    model = load_model(fitted / "model")
    assert model.encoder.kinds == {
        "age": "number",
        "city": "category",
        "joined": "date",
        "income": "number",
    }
    assert model.labels.names == ["no", "yes"]


def test_without_matplotlib_there_is_no_figure_but_a_note(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert fit("--out", "m", "--json") == 0
    out, err = capsys.readouterr()
    json.loads(out)
    assert err == (
        "losslearn: matplotlib is not installed, so there are no learning curves.\n"
    )
    assert not Path("m/learning_curves.png").exists()


@pytest.mark.parametrize("mode", ["universal", "refined"])
def test_the_other_modes_and_models_train(capsys, mode):
    assert fit("--mode", mode, "--model", "mlp", "--json", "--max-time", "20") == 0
    assert json.loads(capsys.readouterr().out)["model"] == "people-f1-model"
