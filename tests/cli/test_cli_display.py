"""What is printed while a fit runs, and after."""

import io
import json
import math
from inspect import signature
from typing import get_args

import pytest
from rich.console import Console

from losslearn.cli import commands, demo, main
from losslearn.cli.progress import FitDisplay
from losslearn.cli.reporting import describe_choice
from losslearn.metrics.as_written import AsWritten
from losslearn.models.kinds import AUTO, NAMES
from losslearn.training.loop import Record
from losslearn.training.recipe import Mode, Recipe


def test_the_display_shows_both_methods_and_the_time_left():
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=120)
    with FitDisplay(console, Recipe(max_iter=80)) as display:
        display.metric(AsWritten("f1", 1.0, -1.0))
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
        "validation f1 0.5000, best 0.5000",
        # 40 turns of 0.1 s for one method, and a guess of three times that
        "0:16 left",
        "validation f1 0.2500, best 0.7500",
        # 40 turns of 0.1 s, and 10 of 0.2 s
        "0:06 left",
        "70/80",
    ):
        assert words in shown, words


def test_the_display_shows_how_far_a_limited_time_reaches():
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=120)
    with FitDisplay(console, Recipe(max_iter=8_000)) as display:
        display.watch(Record("cross_entropy", 110, 1.0, 0.5, math.nan, 220))
        display.watch(Record("surrogate", 115, 1.0, 0.5, 0.1, 220))
    shown = screen.getvalue()
    assert "110/220" in shown
    assert "115/220" in shown


def test_the_display_begins_anew_with_each_fold():
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=140)
    looks = (0.5, (1, 5)), (0.75, (2, 5))
    with FitDisplay(console, Recipe()) as display:
        for loss, fold in looks:
            display.watch(
                Record("cross_entropy", 10, 1.0, loss, math.nan, 20, fold=fold)
            )
            display.refresh()
    shown = screen.getvalue()
    assert "cross-entropy, fold 1 of 5" in shown
    assert "cross-entropy, fold 2 of 5" in shown
    assert "validation loss 0.7500, best 0.7500" in shown
    assert "best 0.5000" in shown


def result(method: str, test: float, low: float, high: float) -> dict[str, object]:
    return {
        "role": "learned" if method == "surrogate" else "usual",
        "method": method,
        "validation": 0.2,
        "rule": {"kind": "threshold", "threshold": low},
        "test": test,
        "metric_test": 1 - test,
        "metric_interval": [1 - high, 1 - low],
    }


@pytest.mark.parametrize(
    ("ours", "control", "words"),
    [
        ((0.1, 0.05, 0.15), (0.3, 0.2, 0.4), "0.2000 higher than"),
        ((0.1, 0.05, 0.15), (0.3, 0.2, 0.4), "do not overlap"),
        ((0.3, 0.1, 0.5), (0.2, 0.2, 0.4), "0.1000 lower than"),
        ((0.3, 0.1, 0.5), (0.2, 0.2, 0.4), "(the intervals overlap)"),
        ((0.30004, 0.2, 0.4), (0.3, 0.2, 0.4), "4.0e-05 lower than"),
        ((0.3, 0.1, 0.4), (0.3, 0.2, 0.4), "the same as"),
    ],
)
def test_the_choice_is_described_honestly(ours, control, words):
    results = [result("surrogate", *ours), result("cross_entropy", *control)]
    report = {"chosen": "surrogate", "results": results, "metric_name": "f1"}
    sentence = describe_choice(report)
    assert "On the test rows f1 of the learned surrogate is" in sentence
    assert words in sentence


def test_two_methods_with_one_model_are_said_to_be_one():
    results = [result(name, 0.3, 0.2, 0.4) for name in ("surrogate", "cross_entropy")]
    sentence = describe_choice({"chosen": "cross_entropy", "results": results})
    assert "are the same model" in sentence


def test_the_choices_on_the_command_line_are_those_of_the_library():
    assert signature(commands.demo).parameters["seed"].default == demo.SEED
    assert [mode.value for mode in commands.ModeName] == list(get_args(Mode))
    assert {kind.value for kind in commands.ModelKind} == {*NAMES, AUTO}


@pytest.mark.slow
def test_a_real_table_trains_a_model_that_is_better_than_chance(data_dir, capsys):
    words = ["--target", "target", "--metric", "auc", "--out", "m", "--mode", "scratch"]
    words += ["--model", "linear", "--max-iter", "20", "--json"]
    assert main(["fit", str(data_dir / "ijcnn1.parquet"), *words]) == 0
    found = json.loads(capsys.readouterr().out)
    assert all(result["test"] < 0.15 for result in found["results"])
