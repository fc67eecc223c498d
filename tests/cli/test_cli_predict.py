"""`losslearn predict` and `losslearn evaluate`."""

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cli_cases import error_line, make_frame
from sklearn.metrics import f1_score

from losslearn import load_model
from losslearn.cli import main


def test_predict_writes_csv_to_stdout(fitted, capsys):
    assert main(["predict", str(fitted / "model"), str(fitted / "people.csv")]) == 0
    found = pd.read_csv(io.StringIO(capsys.readouterr().out))
    expected = load_model(fitted / "model").predict(make_frame())
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)


@pytest.mark.parametrize("name", ["out.csv", "out.csv.gz", "out.parquet"])
def test_predict_writes_files_by_suffix(fitted, tmp_path, capsys, name):
    table = tmp_path / "new.parquet"  # without the target, columns in another order
    make_frame(20).drop(columns="churn")[
        ["city", "income", "joined", "age"]
    ].to_parquet(table)
    out = tmp_path / name
    assert main(["predict", str(fitted / "model"), str(table), "--out", str(out)]) == 0
    assert capsys.readouterr() == ("", "")
    found = (pd.read_parquet if name.endswith("parquet") else pd.read_csv)(out)
    assert list(found.columns) == ["score", "probability", "label"]
    assert len(found) == 20
    assert sorted(path.name for path in tmp_path.glob("*out*")) == [name]


def test_a_failed_write_leaves_the_old_file(fitted, tmp_path, capsys, monkeypatch):
    out = tmp_path / "out.csv"
    out.write_text("old")

    def fail(_frame: object, path: Path, **_options: object) -> None:
        path.write_text("half")
        raise OSError("the disk is full")

    monkeypatch.setattr(pd.DataFrame, "to_csv", fail)
    data = str(fitted / "people.csv")
    words = ["predict", str(fitted / "model"), data, "--out", str(out), "--force"]
    assert main(words) == 2
    assert "disk is full" in error_line(capsys)
    assert [path.read_text() for path in tmp_path.glob("*out*")] == ["old"]


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("out.xlsx", "must end in"),
        ("folder.csv", "is a folder"),
        ("none/out.csv", "no folder"),
        ("people.csv", "predictions are made from"),
        ("link.csv", "predictions are made from"),
        ("hard.csv", "predictions are made from"),
        ("old.csv", "--force"),
        ("loop.csv", "Too many levels"),
    ],
)
def test_predict_refuses_what_it_cannot_write(fitted, capsys, out, message):
    Path("folder.csv").mkdir()
    Path("link.csv").symlink_to("people.csv")
    Path("hard.csv").hardlink_to("people.csv")
    Path("loop.csv").symlink_to("loop.csv")
    Path("old.csv").write_text("old")
    before = Path("people.csv").read_bytes()
    words = ["predict", str(fitted / "model"), "people.csv", "--out", out]
    for force in [[], ["--force"]] if out != "old.csv" else [[]]:
        assert main([*words, *force]) == 2
        assert message in error_line(capsys)
    assert Path("people.csv").read_bytes() == before
    assert Path("old.csv").read_text() == "old"


def test_predict_replaces_what_a_link_points_to_if_told_to(fitted, capsys):
    Path("old.csv").write_text("old")
    Path("link.csv").symlink_to("old.csv")
    words = ["predict", str(fitted / "model"), "people.csv", "--out", "link.csv"]
    assert main([*words, "--force"]) == 0
    assert Path("link.csv").is_symlink()
    assert Path("old.csv").read_text().startswith("score,")
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frame: frame.drop(columns="age"), "'age'"),
        (lambda frame: frame.assign(age="old"), "'age'"),
        (lambda frame: frame.assign(age=np.inf), "infinite"),
        (lambda frame: frame.head(0), "no rows"),
    ],
)
def test_predict_refuses_other_columns(fitted, tmp_path, capsys, change, message):
    change(make_frame(20)).to_parquet(tmp_path / "new.parquet")
    words = ["predict", str(fitted / "model"), str(tmp_path / "new.parquet")]
    assert main([*words, "--out", str(tmp_path / "out.csv")]) == 2
    assert message in error_line(capsys)
    assert not (tmp_path / "out.csv").exists()


def test_evaluate_json_is_the_loss_at_the_models_threshold(fitted, tmp_path, capsys):
    frame = make_frame(200, seed=5)
    frame.to_csv(tmp_path / "new.csv", index=False)
    words = ["evaluate", str(fitted / "model"), str(tmp_path / "new.csv")]
    assert main([*words, "--target", "churn", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    model = load_model(fitted / "model")
    expected = f1_score(frame["churn"], model.predict(frame)["label"], pos_label="yes")
    assert found == {
        "metric": "f1",
        "value": pytest.approx(1 - expected, abs=1e-6),
        "interval": found["interval"],
        "metric_name": "f1",
        "metric_value": pytest.approx(expected, abs=1e-6),
        "metric_interval": [1 - end for end in reversed(found["interval"])],
        "greater_is_better": True,
        "rows": 200,
        "rule": model.rule.to_dict(),
        "threshold": found["rule"]["threshold"],
        "seen": {"rows": 0, "compared": 200},
    }
    low, high = found["interval"]
    assert low <= found["value"] <= high


@pytest.mark.parametrize("metric", ["auc", "neg_log_loss", "precision_at_k@10"])
def test_evaluate_takes_another_metric(fitted, capsys, metric):
    words = ["evaluate", str(fitted / "model"), str(fitted / "people.csv")]
    assert main([*words, "--target", "churn", "--metric", metric]) == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"{metric} ")
    assert "(higher is better)" in out
    assert "300 rows" in out.replace("\n", " ")
    assert err == ""
