"""A metric of the user's own on the command line."""

import json
import re
from pathlib import Path

import pytest
from cli_cases import error_line, fit, make_frame

from losslearn import load_model
from losslearn.cli import main


def test_a_metric_of_ones_own_is_trained_for_and_asked_for_again(capsys):
    words = ("--greater-is-better", "--json", "--max-iter", "2")
    assert fit(*words, metric="money.py:profit") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["metric"] == "money.py:profit"
    assert found["model"] == "people-profit-model"
    assert found["results"][0]["test"] < 0  # minus the profit
    for one in found["results"]:
        for part in ("validation", "test"):
            assert one[f"metric_{part}"] == -one[part]
    evaluation = ["evaluate", found["model"], "people.csv", "--target", "churn"]
    assert main(evaluation) == 2
    assert "--metric money.py:profit" in error_line(capsys)
    assert main([*evaluation, "--metric", "money.py:profit", "--json"]) == 0
    evaluated = json.loads(capsys.readouterr().out)
    value = evaluated["value"]
    assert evaluated["metric_value"] == -value
    low, high = evaluated["metric_interval"]
    assert [-high, -low] == evaluated["interval"]
    predicted = load_model(found["model"]).predict(make_frame())["label"] == "yes"
    is_positive = make_frame()["churn"] == "yes"
    assert value == predicted.sum() - 10 * (predicted & is_positive).sum()


def test_a_metric_to_be_raised_is_printed_as_its_function_returns_it(capsys):
    words = ("--greater-is-better", "--max-iter", "2", "--out", "model")
    assert fit(*words, metric="money.py:profit") == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "money.py:profit, higher is better" in shown
    # of the methods, and maybe of two rules
    best, *_ = re.findall(r"profit ([\d.]+) on the validation rows against", shown)
    (told,) = re.findall(r"on the validation rows it is (-?[\d.]+) of them", shown) or (
        best,
    )
    assert float(told) > 0 < float(best)
    evaluation = ["evaluate", "model", "people.csv", "--target", "churn"]
    assert main([*evaluation, "--metric", "money.py:profit", *words[:1]]) == 0
    assert re.match(
        r"money.py:profit: profit \d[\d.,]* \(higher is better\)",
        capsys.readouterr().out,
    )
    assert main([*evaluation, "--metric", "f1"]) == 0
    assert re.match(r"f1 0\.\d+ \(higher is better\)", capsys.readouterr().out)
    assert main([*evaluation, "--metric", "f1_loss"]) == 0
    assert "f1_loss 0." in (out := capsys.readouterr().out)
    assert "(lower is better)" in out


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
