import io
import json
import os
import signal
import subprocess
import sys
import time
import warnings
from inspect import signature
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from sklearn.metrics import f1_score, roc_auc_score

from losslearn import load_model
from losslearn.cli import commands, demo, fitting, main, universals
from losslearn.cli.fitting import FitOptions, fit_table
from losslearn.cli.progress import FitDisplay
from losslearn.cli.reporting import describe_choice
from losslearn.config import BilevelConfig, Mode
from losslearn.models import MODELS
from losslearn.tables import split_rows
from losslearn.training import Record
from losslearn.universal import UniversalConfig, load_universal, make_universal

QUICK = ("--mode", "scratch", "--model", "linear", "--max-iter", "6")
LOSSLEARN = (sys.executable, "-c", "from losslearn.cli import main; exit(main())")

PROFIT = """
def profit(y_true, y_pred):
    return 10 * (y_true * y_pred).sum() - y_pred.sum()

def broken(y_true, y_score):
    raise RuntimeError("out of\\n ink")

def nothing(y_true, y_score):
    return float("nan")

broken.greater_is_better = nothing.greater_is_better = True
"""


def make_frame(n: int = 300, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    age = rng.normal(50, 10, size=n)
    city = rng.choice(["Oslo", "Rome", "Lima"], size=n)
    joined = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), "D")
    income = np.where(rng.random(n) < 0.1, np.nan, rng.lognormal(size=n))
    churn = (age - 50) / 10 + (city == "Rome") + rng.normal(size=n) > 1.3
    return pd.DataFrame(
        {
            "age": age.round(1),
            "city": city,
            "joined": joined.strftime("%Y-%m-%d"),
            "income": income.round(3),
            "churn": np.where(churn, "yes", "no"),
        }
    )


@pytest.fixture(autouse=True)
def _working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in a folder with a table and a few metrics."""
    monkeypatch.chdir(tmp_path)
    make_frame().to_csv("people.csv", index=False)
    Path("money.py").write_text(PROFIT)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table and a model that are only read."""
    folder = tmp_path_factory.mktemp("fitted")
    make_frame().to_csv(folder / "people.csv", index=False)
    words = ("--target", "churn", "--metric", "f1", "--out", str(folder / "model"))
    assert main(["fit", str(folder / "people.csv"), *words, *QUICK, "--json"]) == 0
    return folder


class Silent:
    """A display that shows nothing."""

    def stage(self, name: str) -> None: ...

    def fit_progress(self, step: int, n_steps: int, error: float) -> None: ...

    def watch(self, record: Record) -> None: ...


def fit(*words: str, data: str = "people.csv", metric: str = "f1") -> int:
    return main(["fit", data, "--target", "churn", "--metric", metric, *QUICK, *words])


def error_line(capsys: pytest.CaptureFixture[str]) -> str:
    """Return the one line that a wrong use prints."""
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("losslearn: ")
    assert err.count("\n") == 1
    assert err.endswith("\n")
    assert "Traceback" not in err
    return err


# fit


def test_fit_json_is_the_promised_object_and_nothing_else(capsys):
    assert fit("--json") == 0
    out, _ = capsys.readouterr()
    found = json.loads(out)
    assert list(found) == ["metric", "loss", "rows", "results", "chosen", "model"]
    assert found["metric"] == "f1"
    assert found["loss"] is True
    assert found["rows"] == {"train": 192, "validation": 48, "test": 60}
    assert [result["method"] for result in found["results"]] == [
        "surrogate",
        "cross_entropy",
    ]
    for result in found["results"]:
        keys = ["method", "validation", "test", "threshold", "seconds", "iterations"]
        assert list(result) == keys
        assert result["iterations"] == 6
    assert found["chosen"] in {"surrogate", "cross_entropy"}
    assert found["model"] == "people-f1-model"
    assert sorted(path.name for path in Path("people-f1-model").iterdir()) == [
        "history.json",
        "learning_curves.png",
        "preprocessing.npz",
        "settings.json",
        "weights.safetensors",
    ]


def test_the_reported_losses_are_those_of_the_written_model(capsys):
    fit("--json", "--seed", "3", "--out", "m")
    found = json.loads(capsys.readouterr().out)
    frame, model = make_frame(), load_model("m")
    is_positive = (frame["churn"] == "yes").to_numpy()
    split = split_rows(is_positive, test_size=0.2, validation_size=0.16, seed=3)
    predicted = model.predict_frame(frame)["label"] == "yes"
    chosen = next(r for r in found["results"] if r["method"] == found["chosen"])
    for part, rows in (("test", split.test), ("validation", split.validation)):
        expected = 1 - f1_score(is_positive[rows], predicted.iloc[rows])
        assert chosen[part] == pytest.approx(expected, abs=1e-6), part
    assert chosen["threshold"] == model.classifier.threshold_
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
    words = ("learned surrogate", "cross-entropy", "tuned threshold", "seconds")
    for word in (*words, "the validation rows", "deep/er/model", "95 % interval"):
        assert word in out
    assert max(map(len, out.splitlines())) <= 80
    assert err == ""  # the progress needs a terminal


def test_validation_rows_can_have_a_table_of_their_own(capsys):
    make_frame(100, seed=1).to_parquet("valid.parquet")
    assert fit("--valid", "valid.parquet", "--json") == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert rows == {"train": 240, "validation": 100, "test": 60}


def test_the_positive_label_can_be_chosen(capsys):
    fit("--positive", "no", "--out", "m")
    capsys.readouterr()
    assert main(["predict", "m", "people.csv"]) == 0
    predictions = pd.read_csv(io.StringIO(capsys.readouterr().out))
    by_label = predictions.groupby("label")["score"]
    assert by_label.min()["no"] > by_label.max()["yes"]
    assert main(["evaluate", "m", "people.csv", "--target", "churn", "--json"]) == 0
    value = json.loads(capsys.readouterr().out)["value"]
    expected = f1_score(make_frame()["churn"], predictions["label"], pos_label="no")
    assert value == pytest.approx(1 - expected, abs=1e-6)


def test_each_method_is_tested_by_its_own_weights():
    config = BilevelConfig(mode="scratch", max_iter=30, model_steps=8)
    options = FitOptions(target="churn", metric="auc", model="linear", config=config)
    outcome = fit_table(make_frame(), options, display=Silent())
    classifier = outcome.model.classifier
    y = (make_frame()["churn"] == "yes").to_numpy().astype(int)
    test = split_rows(y, test_size=0.2, validation_size=0.16, seed=0).test
    found = {}
    for result in outcome.report["results"]:
        found[result["method"]] = result["test"]
        classifier.model_.load_state_dict(classifier.method_weights_[result["method"]])
        y_score = outcome.model.score_frame(make_frame().iloc[test])
        expected = 1 - roc_auc_score(y[test], y_score)
        assert result["test"] == pytest.approx(expected, abs=1e-6), result["method"]
    assert len(set(found.values())) == 2, "the methods must differ to tell them apart"


def test_an_old_model_is_replaced_and_nothing_else(capsys):
    assert fit("--out", "m") == 0
    assert fit("--out", "m") == 0
    capsys.readouterr()
    Path("photos").mkdir()
    Path("photos/cat.png").touch()
    assert fit("--out", "photos") == 2
    assert "no losslearn model" in error_line(capsys)
    assert [path.name for path in Path("photos").iterdir()] == ["cat.png"]


def test_text_labels_dates_and_missing_values_train_a_model():
    fit("--out", "m")
    model = load_model("m")
    assert model.encoder.kinds == {
        "age": "number",
        "city": "category",
        "joined": "date",
        "income": "number",
    }
    assert model.classes == ("no", "yes")


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


# Ctrl-C


def interrupt(at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Press Ctrl-C at a look at the validation rows."""
    looks = []

    def watch(_display: FitDisplay, record: Record) -> None:
        looks.append(record)
        if len(looks) == at:
            raise KeyboardInterrupt

    monkeypatch.setattr(FitDisplay, "watch", watch)


@pytest.mark.parametrize(("at", "n_iter"), [(1, 1), (5, 4)])
def test_an_interrupted_fit_keeps_the_best_so_far(capsys, monkeypatch, at, n_iter):
    interrupt(at, monkeypatch)
    assert fit("--out", "m", "--json") == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["results"][1]["iterations"] == n_iter
    assert err == "losslearn: interrupted; the best weights so far are kept.\n"
    load_model("m").predict_frame(make_frame())


def test_the_table_says_that_the_fit_was_interrupted(capsys, monkeypatch):
    interrupt(2, monkeypatch)
    assert fit("--out", "m") == 0
    assert "Interrupted after 2 iterations" in capsys.readouterr().out


def test_an_interruption_before_any_weights_writes_nothing(capsys, monkeypatch):
    def press(*_args: object, **_options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("losslearn.tables.TableEncoder.fit", press)
    assert fit("--out", "m") == 130
    assert error_line(capsys) == "losslearn: interrupted.\n"
    assert sorted(path.name for path in Path().iterdir()) == ["money.py", "people.csv"]


@pytest.mark.slow
def test_a_signal_ends_a_real_fit_with_a_model():
    Path("slow.py").write_text(
        "def slow(y_true, y_score):\n"
        "    open('called', 'a').write('x')\n"
        "    return float((y_score[y_true == 1] < 0).mean())\n"
    )
    words = ["--target", "churn", "--metric", "slow.py:slow", "--out", "m", "--json"]
    words += ["--lower-is-better", "--model", "linear", "--mode", "scratch"]
    process = subprocess.Popen(
        [*LOSSLEARN, "fit", "people.csv", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    # the trial of the metric and the units of its surrogate take less than a hundred
    # calls; the training takes long
    called, deadline = Path("called"), time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if called.exists() and called.stat().st_size > 200:
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert json.loads(out)["model"] == "m"
    assert "interrupted" in err
    assert load_model("m").metric.given == "slow.py:slow"


# predict


def test_predict_writes_csv_to_stdout(fitted, capsys):
    assert main(["predict", str(fitted / "model"), str(fitted / "people.csv")]) == 0
    found = pd.read_csv(io.StringIO(capsys.readouterr().out))
    expected = load_model(fitted / "model").predict_frame(make_frame())
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
    assert main(["predict", str(fitted / "model"), data, "--out", str(out)]) == 2
    assert "disk is full" in error_line(capsys)
    assert [path.read_text() for path in tmp_path.glob("*out*")] == ["old"]


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("out.xlsx", "must end in"),
        ("folder.csv", "is a folder"),
        ("none/out.csv", "no folder"),
    ],
)
def test_predict_refuses_what_it_cannot_write(fitted, capsys, out, message):
    Path("folder.csv").mkdir()
    words = ["predict", str(fitted / "model"), "people.csv", "--out", out]
    assert main(words) == 2
    assert message in error_line(capsys)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frame: frame.drop(columns="age"), "'age'"),
        (lambda frame: frame.assign(shoe=1), "'shoe'"),
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


# evaluate


def test_evaluate_json_is_the_loss_at_the_models_threshold(fitted, tmp_path, capsys):
    frame = make_frame(200, seed=5)
    frame.to_csv(tmp_path / "new.csv", index=False)
    words = ["evaluate", str(fitted / "model"), str(tmp_path / "new.csv")]
    assert main([*words, "--target", "churn", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    model = load_model(fitted / "model")
    expected = f1_score(
        frame["churn"], model.predict_frame(frame)["label"], pos_label="yes"
    )
    assert found == {
        "metric": "f1",
        "value": pytest.approx(1 - expected, abs=1e-6),
        "rows": 200,
        "threshold": model.classifier.threshold_,
    }


@pytest.mark.parametrize("metric", ["auc", "neg_log_loss", "precision_at_k@10"])
def test_evaluate_takes_another_metric(fitted, capsys, metric):
    words = ["evaluate", str(fitted / "model"), str(fitted / "people.csv")]
    assert main([*words, "--target", "churn", "--metric", metric]) == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"{metric}: loss ")
    assert "300 rows" in out.replace("\n", " ")
    assert err == ""


# a metric of the user's own


def test_a_metric_of_ones_own_is_trained_for_and_asked_for_again(capsys):
    words = ("--greater-is-better", "--json", "--max-iter", "2")
    assert fit(*words, metric="money.py:profit") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["metric"] == "money.py:profit"
    assert found["model"] == "people-profit-model"
    assert found["results"][0]["test"] < 0  # minus the profit
    evaluation = ["evaluate", found["model"], "people.csv", "--target", "churn"]
    assert main(evaluation) == 2
    assert "--metric money.py:profit" in error_line(capsys)
    assert main([*evaluation, "--metric", "money.py:profit", "--json"]) == 0
    value = json.loads(capsys.readouterr().out)["value"]
    predicted = load_model(found["model"]).predict_frame(make_frame())["label"] == "yes"
    is_positive = make_frame()["churn"] == "yes"
    assert value == predicted.sum() - 10 * (predicted & is_positive).sum()


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        ("f2_score", "`f1_score`"),
        ("money.py:profit", "--greater-is-better or --lower-is-better"),
        ("money.py:prophet", "prophet"),
        ("nothing.py:profit", "nothing.py"),
        ("money.py:broken", "`broken` raised RuntimeError"),
        ("money.py:nothing", "nan"),
    ],
)
def test_a_metric_that_cannot_be_used_is_one_clear_line(capsys, metric, message):
    assert fit(metric=metric) == 2
    assert message in error_line(capsys)
    assert not list(Path().glob("*model*"))


def test_a_metric_that_fails_in_training_leaves_nothing(capsys):
    Path("late.py").write_text(
        "calls = []\n"
        "def late(y_true, y_score):\n"
        "    calls.append(0)\n"
        "    return 1 / (len(calls) < 40) - 1 + (y_score[y_true == 1] < 0).mean()\n"
        "late.greater_is_better = False\n"
    )
    assert fit(metric="late.py:late") == 2
    assert "ZeroDivisionError" in error_line(capsys)
    assert not list(Path().glob("*model*"))


# wrong use of fit


def write(change) -> None:
    change(make_frame()).to_parquet("bad.parquet")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frame: frame.drop(columns="churn"), "no column 'churn'"),
        (lambda frame: frame.assign(churn="no"), "one class only"),
        (
            lambda frame: frame.assign(churn=np.arange(300) % 3),
            "3 classes (0, 1, 2). Only two are handled for now",
        ),
        (lambda frame: frame.assign(income=np.nan), "'income' has no value"),
        (lambda frame: frame.head(0), "no rows"),
        (
            lambda frame: frame.assign(age=frame["age"].replace(50.0, np.inf)),
            "infinite",
        ),
        (lambda frame: frame.assign(age=[-np.inf, *frame["age"][1:]]), "infinite"),
        (lambda frame: frame[["churn"]], "no column besides"),
        (
            lambda frame: frame.assign(churn=[None, *frame["churn"][1:]]),
            "lacks a value",
        ),
        (
            lambda frame: frame.assign(churn=["yes"] + ["no"] * 299),
            "Class 'yes' has too few rows",
        ),
    ],
)
def test_a_table_that_cannot_be_used_is_one_clear_line(capsys, change, message):
    frame = make_frame()
    frame.loc[:5, "age"] = 50.0
    change(frame).to_parquet("bad.parquet")
    assert fit(data="bad.parquet") == 2
    assert message in error_line(capsys)
    assert not list(Path().glob("*model*"))
    assert not list(Path().glob(".*"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--target", "chrun"), "'churn'"),
        (("--model", "tree"), "'tree'"),
        (("--mode", "fast"), "'fast'"),
        (("--speed", "3"), "--speed"),
        (("--seed", "x"), "'--seed'"),
        (("--seed", "-1"), "'--seed'"),
        (("--max-iter", "0"), "'--max-iter'"),
        (("--max-time", "0"), "'--max-time'"),
        (("--positive", "x"), "'x'"),
        (("--out", "people.csv"), "is a file"),
        (("--out", "people.csv/m"), "cannot be written"),
        (("--valid", "no.csv"), "'no.csv'"),
        (("--lower-is-better",), "f1_loss"),
        (("--metric",), "--metric"),
    ],
)
def test_a_wrong_option_is_one_clear_line(capsys, words, message):
    assert fit(*words) == 2
    assert message in error_line(capsys)
    assert sorted(path.name for path in Path().iterdir()) == ["money.py", "people.csv"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("fit none.csv --target churn --metric f1", "no file 'none.csv'"),
        ("fit money.py --target churn --metric f1", "unknown format"),
        ("fit people.csv --target churn", "'--metric'"),
        ("fit people.csv --metric f1", "'--target'"),
        ("fit --target churn --metric f1", "DATA"),
        ("predict none people.csv", "no model directory 'none'"),
        ("predict . people.csv", "no losslearn model"),
        ("evaluate none people.csv --target churn", "'none'"),
        ("universal speed", "Unknown metric `speed`"),
        ("fitt", "'fit'"),
        ("--fast", "--fast"),
    ],
)
def test_wrong_use_is_one_clear_line(capsys, words, message):
    assert main(words.split()) == 2
    assert message in error_line(capsys)
    assert sorted(path.name for path in Path().iterdir()) == ["money.py", "people.csv"]


def test_validation_rows_of_other_columns_are_named_as_such(capsys):
    make_frame(50).drop(columns="age").to_csv("valid.csv", index=False)
    assert fit("--valid", "valid.csv") == 2
    line = error_line(capsys)
    assert "validation rows" in line
    assert "'age'" in line


def test_a_damaged_or_other_model_is_one_clear_line(fitted, tmp_path, capsys):
    (tmp_path / "m").mkdir()
    for part in (fitted / "model").iterdir():
        (tmp_path / "m" / part.name).write_bytes(part.read_bytes())
    words = ["predict", str(tmp_path / "m"), str(fitted / "people.csv")]
    weights = tmp_path / "m" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-7])
    assert main(words) == 2
    assert "weights.safetensors" in error_line(capsys)
    settings = tmp_path / "m" / "settings.json"
    other = json.loads(settings.read_text()) | {"version": 2}
    settings.write_text(json.dumps(other))
    assert main(words) == 2
    assert "version 2" in error_line(capsys)


# the process


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["fit", "people.csv", "--target", "churn", "--metric", "money.py:broken"],
            "ink",
        ),
        (["fit", "people.csv", "--nothing"], "--nothing"),
    ],
)
def test_the_process_exits_with_2_and_no_traceback(words, message):
    done = subprocess.run([*LOSSLEARN, *words], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("losslearn: ")
    assert done.stderr.count("\n") == 1
    assert message in done.stderr


def test_a_reader_that_stops_early_sees_no_traceback(fitted):
    model, data = fitted / "model", fitted / "people.csv"
    pipe = f"'{sys.executable}' -c '{LOSSLEARN[2]}' predict {model} {data} | head -n 1"
    done = subprocess.run(pipe, shell=True, capture_output=True, text=True)
    assert done.stdout == "score,probability,label\n"
    assert done.stderr == ""


def test_help_loads_nothing_slow():
    code = (
        "import sys; from losslearn.cli import main; main(['fit', '--help']);"
        "print(sorted({'torch', 'pandas', 'sklearn', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "--max-time S" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


def test_no_words_show_the_help(capsys):
    assert main([]) == 0
    assert "predict" in capsys.readouterr().out
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("losslearn ")


# metrics, universal, demo


def test_metrics_lists_every_loss(capsys):
    assert main(["metrics", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    by_name = {metric["name"]: metric for metric in listed}
    assert by_name["roc_auc_loss"]["needs_threshold"] is False
    assert "f1" in by_name["f1_loss"]["aliases"]
    assert main(["metrics"]) == 0
    out, _ = capsys.readouterr()
    for name in by_name:
        assert name in out


def test_universal_writes_a_surrogate_and_its_error(tmp_path, capsys, monkeypatch):
    config = UniversalConfig(set_sizes=(32,), n_sets=64, max_iter=100)

    def make_quickly(loss, **options):
        return make_universal(loss, config=config, **options)

    monkeypatch.setattr(universals, "make_universal", make_quickly)
    assert main(["universal", "mcc", "--out", str(tmp_path / "u"), "--seed", "7"]) == 0
    made = load_universal(tmp_path / "u" / "mcc_loss.safetensors")
    assert made.settings["seed"] == 7
    assert f"mcc_loss: surrogate error {made.error:.4f}" in capsys.readouterr().out
    monkeypatch.setattr(universals, "list_true_losses", short_list)
    assert main(["universal", "all", "--out", str(tmp_path / "all")]) == 0
    assert sorted(path.stem for path in (tmp_path / "all").iterdir()) == [
        "error_rate",
        "f1_loss",
    ]


def short_list():
    from losslearn.metrics import list_true_losses

    return {name: list_true_losses()[name] for name in ("error_rate", "f1_loss")}


def test_the_demo_runs_the_main_job(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(demo, "MAX_ITER", 6)
    monkeypatch.setattr(demo, "MODE", "scratch")
    assert main(["demo"]) == 0
    out, err = capsys.readouterr()
    for words in ("scikit-learn", "losslearn fit", "learned surrogate", "probability"):
        assert words in out
    assert "precision_at_k needs no threshold" in out
    assert "Model written" not in out
    assert main(["demo", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["model"] is None
    assert err == ""
    assert main(["demo", "--json", "--out", str(tmp_path / "m")]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["model"] == str(tmp_path / "m")
    assert sum(found["rows"].values()) == 1797
    load_model(tmp_path / "m")


# what is printed while it runs, and after


def test_the_display_shows_both_methods_and_the_time_left():
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=120)
    with FitDisplay(console, BilevelConfig(max_iter=80)) as display:
        display.stage("preparing the columns")
        display.fit_progress(50, 100, 0.0123)
        display.watch(Record("cross_entropy", 40, 4.0, 0.5, float("nan")))
        display.watch(Record("surrogate", 60, 8.0, 0.25, 0.1))
        display.watch(Record("surrogate", 70, 10.0, 0.75, 0.1))
    shown = screen.getvalue()
    for words in (
        "preparing the columns",
        "universal surrogate",
        "surrogate error 0.0123",
        "validation loss 0.5000, best 0.5000",
        # 40 turns of 0.1 s for one method, and a guess of three times that
        "0:16 left",
        "validation loss 0.7500, best 0.2500",
        # 40 turns of 0.1 s, and 10 of 0.2 s
        "0:06 left",
        "70/80",
    ):
        assert words in shown, words


def test_the_display_finds_out_how_far_a_limited_time_reaches():
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=120)
    config = BilevelConfig(max_iter=8_000, n_evals=40)
    with FitDisplay(console, config, max_time=3.0) as display:
        display.watch(Record("cross_entropy", 5, 1.0, 0.5, float("nan")))
        display.watch(Record("cross_entropy", 110, 1.0, 0.5, float("nan")))
        display.watch(Record("surrogate", 115, 1.0, 0.5, 0.1))
    shown = screen.getvalue()
    assert "110/200" in shown  # 40 looks
    assert "110/220" in shown  # half of the iterations are the warm-up
    assert "115/220" in shown


def result(method: str, test: float, low: float, high: float) -> dict[str, object]:
    return {
        "method": method,
        "validation": 0.2,
        "threshold": low,
        "test": test,
        "interval": [low, high],
    }


@pytest.mark.parametrize(
    ("ours", "control", "words"),
    [
        ((0.1, 0.05, 0.15), (0.3, 0.2, 0.4), "0.2000 lower than"),
        ((0.1, 0.05, 0.15), (0.3, 0.2, 0.4), "do not overlap"),
        ((0.3, 0.1, 0.5), (0.2, 0.2, 0.4), "0.1000 higher than"),
        ((0.3, 0.1, 0.5), (0.2, 0.2, 0.4), "(the intervals overlap)"),
        ((0.30004, 0.2, 0.4), (0.3, 0.2, 0.4), "4.0e-05 higher than"),
        ((0.3, 0.1, 0.4), (0.3, 0.2, 0.4), "the same as"),
    ],
)
def test_the_choice_is_described_honestly(ours, control, words):
    results = [result("surrogate", *ours), result("cross_entropy", *control)]
    report = {"chosen": "surrogate", "results": results}
    sentence = describe_choice(report)
    assert "the learned surrogate is used" in sentence
    assert words in sentence


def test_two_methods_with_one_model_are_said_to_be_one():
    results = [result(name, 0.3, 0.2, 0.4) for name in ("surrogate", "cross_entropy")]
    sentence = describe_choice({"chosen": "cross_entropy", "results": results})
    assert "both are the same model" in sentence


def test_the_choices_on_the_command_line_are_those_of_the_library():
    assert signature(commands.demo).parameters["seed"].default == demo.SEED
    assert [mode.value for mode in commands.ModeName] == list(get_args(Mode))
    assert {kind.value for kind in commands.ModelKind} == set(MODELS)


def test_warnings_in_a_fit_do_not_reach_the_user(capsys, monkeypatch):
    fit_rows = fitting.SurrogateClassifier.fit

    def warn(self, *args, **options):
        warnings.warn("by the way", RuntimeWarning, stacklevel=1)
        return fit_rows(self, *args, **options)

    monkeypatch.setattr(fitting.SurrogateClassifier, "fit", warn)
    assert fit("--out", "m", "--json") == 0
    assert "by the way" not in capsys.readouterr().err


@pytest.mark.slow
def test_a_real_table_trains_a_model_that_is_better_than_chance(data_dir, capsys):
    words = ["--target", "target", "--metric", "auc", "--out", "m", "--mode", "scratch"]
    words += ["--model", "linear", "--max-iter", "20", "--json"]
    assert main(["fit", str(data_dir / "ijcnn1.parquet"), *words]) == 0
    found = json.loads(capsys.readouterr().out)
    assert all(result["test"] < 0.15 for result in found["results"])
