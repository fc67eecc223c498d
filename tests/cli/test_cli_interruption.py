"""Ctrl-C in a fit."""

import contextlib
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from cli_cases import LOSSLEARN, error_line, fit, make_frame

from losslearn import SurrogateClassifier, load_model
from losslearn.cli.progress import FitDisplay
from losslearn.training.loop import Record


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
    assert fit("--out", "m", "--json", "--cv", "1") == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["results"][1]["iterations"] == n_iter
    assert err == "losslearn: interrupted; the best weights so far are kept.\n"
    load_model("m").predict(make_frame())


def test_the_table_says_that_the_fit_was_interrupted(capsys, monkeypatch):
    interrupt(2, monkeypatch)
    assert fit("--out", "m") == 0
    assert "Interrupted after 2 iterations" in capsys.readouterr().out


def test_an_interruption_before_any_weights_writes_nothing(capsys, monkeypatch):
    def press(*_args: object, **_options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("losslearn.encoding.TableEncoder.fit", press)
    assert fit("--out", "m") == 130
    assert error_line(capsys) == "losslearn: interrupted.\n"
    assert sorted(path.name for path in Path().iterdir()) == ["money.py", "people.csv"]


def test_an_interruption_before_the_first_iteration_is_one_line(capsys, monkeypatch):
    def press(*_args: object, **_options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("losslearn.training.loop.turn", press)
    monkeypatch.setattr("scipy.optimize.minimize", press)
    assert fit("--out", "m") == 130
    assert error_line(capsys) == "losslearn: interrupted.\n"
    x, y = make_frame()[["age"]], make_frame()["churn"]
    with pytest.raises(KeyboardInterrupt):
        SurrogateClassifier("f1", model="linear").fit(x, y)
    assert sorted(path.name for path in Path().iterdir()) == ["money.py", "people.csv"]


def test_endless_time_is_one_line(capsys):
    assert fit("--out", "m", "--max-time", "inf") == 2
    assert "must be a finite number of seconds above 0" in error_line(capsys)


@pytest.mark.slow
def test_a_signal_ends_a_real_fit_with_a_model():
    Path("slow.py").write_text(
        "import time\n"
        "def slow(y_true, y_score):\n"
        "    time.sleep(0.005)\n"
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
    for wait in (20, 20, 60):  # Python loses a signal now and then, in C code
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            out, err = process.communicate(timeout=wait)
            break
    assert process.returncode == 0, err
    assert json.loads(out)["model"] == "m"
    assert "interrupted" in err
    assert load_model("m").metric.given == "slow.py:slow"
