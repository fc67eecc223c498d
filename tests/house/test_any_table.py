"""A task without classes goes through tables, model directories and commands."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from dummy_task import MEAN_GAP, Pairs, PairsEstimator

from losslearn import Recipe, fit_table, load_model
from losslearn.cli import main
from losslearn.estimators.registry import ESTIMATORS
from losslearn.tasks.registry import TASKS

SUPPORT = Path(__file__).parents[1] / "support"
METRIC = f"{SUPPORT / 'dummy_task.py'}:MEAN_GAP"


@pytest.fixture(autouse=True)
def _known(monkeypatch, tmp_path):
    monkeypatch.setitem(TASKS, "pairs", Pairs)
    monkeypatch.setitem(ESTIMATORS, "pairs", PairsEstimator)
    monkeypatch.chdir(tmp_path)


def make_frame() -> pd.DataFrame:
    """Rows of text, gaps and numbers, whose two targets are sums of them."""
    draw = np.random.default_rng(0)
    size, town = draw.normal(size=200), draw.choice(["a", "b"], 200)
    pairs = zip(2 * size, size - (town == "b"), strict=True)
    wanted = [f"{first:.3f};{second:.3f}" for first, second in pairs]
    size[::20] = np.nan
    return pd.DataFrame({"size": size, "town": town, "wanted": wanted})


def test_a_table_is_fitted_saved_loaded_and_evaluated(tmp_path):
    frame = make_frame()
    recipe = Recipe(mode="scratch", max_iter=60, rounds=2, n_evals=4, n_sets=4)
    fitted = fit_table(
        frame, "wanted", MEAN_GAP, model="linear", recipe=recipe, out=tmp_path / "m"
    )
    assert (fitted.report["task"], fitted.rule.to_dict()) == ("pairs", {"kind": "none"})
    loaded = load_model(tmp_path / "m")
    found = loaded.predict(frame.drop(columns="wanted"))
    pd.testing.assert_frame_equal(found, fitted.predict(frame))
    assert list(found.columns) == ["first", "second"]
    target = loaded.labels.encode(frame["wanted"])
    expected = (np.abs(target - found.to_numpy()).sum(1) * 10).round().mean() / 10
    measured = loaded.evaluate(frame, metric=MEAN_GAP)
    assert measured["value"] == pytest.approx(expected, abs=1e-3)
    assert measured["value"] < (np.abs(target - target.mean(0)).sum(1)).mean()


def test_the_commands_take_it(capsys):
    make_frame().to_csv("pairs.csv", index=False)
    quick = ("--mode", "scratch", "--model", "linear", "--max-iter", "20")
    data = ("pairs.csv", "--target", "wanted", "--metric", METRIC)
    assert main(["fit", *data, *quick, "--out", "m"]) == 0
    assert "squared-error" in capsys.readouterr().out
    assert main(["evaluate", "m", *data, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["rule"] == {"kind": "none"}
    assert main(["predict", "m", "pairs.csv", "--out", "scores.csv"]) == 0
    assert list(pd.read_csv("scores.csv")) == ["first", "second"]


def test_an_option_of_another_task_is_refused(capsys):
    make_frame().to_csv("pairs.csv", index=False)
    data = ("pairs.csv", "--target", "wanted", "--metric", METRIC)
    assert main(["fit", *data, "--positive", "x"]) == 2
    assert "`positive` (--positive) says nothing to" in capsys.readouterr().err
