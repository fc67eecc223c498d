"""A fit that was interrupted or killed goes on when the same command is given again."""

import json
import os
import signal
from pathlib import Path

import pytest
from cli_cases import fit
from safetensors.torch import load_file

from losslearn.cli import main
from losslearn.cli.progress import FitDisplay
from losslearn.training import checkpoint
from losslearn.training.loop import Trainer

LONG = ("--max-iter", "24")


@pytest.fixture(autouse=True)
def _write_at_every_look(monkeypatch):
    monkeypatch.setattr(checkpoint, "_FIRST", 0.0)
    monkeypatch.setattr(checkpoint, "_SHARE", 1e9)


def stop_at(look: int, monkeypatch: pytest.MonkeyPatch, stop) -> None:
    """Have something happen within a look, the state before it being kept."""
    take, looks = Trainer.look, []

    def stopping(self, *arguments, **further):
        looks.append(None)
        if len(looks) == look:
            stop()
        take(self, *arguments, **further)

    monkeypatch.setattr(Trainer, "look", stopping)


def stop_before(stage: str, monkeypatch: pytest.MonkeyPatch, stop) -> None:
    """Have something happen when a stage of the job begins."""
    say = FitDisplay.stage

    def stopping(self, name):
        say(self, name)
        if name == stage:
            stop()

    monkeypatch.setattr(FitDisplay, "stage", stopping)


def press() -> None:
    signal.raise_signal(signal.SIGINT)


def facts(folder: str) -> tuple:
    """Return weights, decisions and looks of a written model, without times."""
    path = Path(folder)
    settings = json.loads((path / "settings.json").read_text())
    history = json.loads((path / "history.json").read_text())
    looks = [{**look, "seconds": None} for look in history]
    weights = load_file(path / "weights.safetensors")
    kept = {name: tensor.tolist() for name, tensor in weights.items()}
    return kept, settings["rule"], settings["calibration"], looks


@pytest.mark.parametrize("look", [6, 10, 15])
def test_an_interrupted_fit_leaves_a_model_and_goes_on(capsys, monkeypatch, look):
    assert fit(*LONG, "--out", "whole") == 0
    with monkeypatch.context() as patch:
        stop_at(look, patch, press)
        assert fit(*LONG, "--out", "m") == 0
    assert "the same command goes on from m.checkpoint" in capsys.readouterr().err
    assert main(["predict", "m", "people.csv"]) == 0
    capsys.readouterr()
    assert fit(*LONG, "--out", "m") == 0
    assert "goes on from m.checkpoint" in capsys.readouterr().err
    assert facts("m") == facts("whole")
    assert not Path("m.checkpoint").exists()


def killed_fit(stop_there, place, monkeypatch: pytest.MonkeyPatch) -> int:
    """Return the status of a process that fits and is killed at a place."""
    child = os.fork()
    if child == 0:
        stop_there(place, monkeypatch, lambda: os.kill(os.getpid(), signal.SIGKILL))
        fit(*LONG, "--out", "m")
        os._exit(0)
    return os.waitpid(child, 0)[1]


def test_a_killed_fit_goes_on(monkeypatch):
    assert fit(*LONG, "--out", "whole") == 0
    assert killed_fit(stop_at, 12, monkeypatch) == signal.SIGKILL
    assert Path("m.checkpoint").exists()
    assert not Path("m").exists()
    assert fit(*LONG, "--out", "m") == 0
    assert facts("m") == facts("whole")
    assert [path.name for path in Path().glob("*.part")] == []


@pytest.mark.parametrize("stage", ["testing", "writing the model"])
@pytest.mark.parametrize("is_killed", [False, True])
def test_what_comes_after_the_training_loses_nothing(
    capsys, monkeypatch, stage, is_killed
):
    assert fit(*LONG, "--out", "whole") == 0
    with monkeypatch.context() as patch:
        if is_killed:
            assert killed_fit(stop_before, stage, patch) == signal.SIGKILL
        else:
            stop_before(stage, patch, press)
            assert fit(*LONG, "--out", "m") == 130
            assert "goes on from m.checkpoint" in capsys.readouterr().err
    assert not Path("m").exists()
    with monkeypatch.context() as patch:
        stop_at(1, patch, lambda: pytest.fail("it is trained already"))
        assert fit(*LONG, "--out", "m") == 0
    assert facts("m") == facts("whole")
    assert not Path("m.checkpoint").exists()


def test_a_fit_within_a_time_goes_on_too(monkeypatch):
    words = (*LONG, "--max-time", "60", "--out", "m")
    with monkeypatch.context() as patch:
        stop_before("testing", patch, press)
        assert fit(*words) == 130
    stop_at(1, monkeypatch, lambda: pytest.fail("it is trained already"))
    assert fit(*words) == 0


@pytest.mark.parametrize("other", [("--seed", "3"), ("--max-iter", "20")])
def test_another_fit_starts_anew(monkeypatch, other):
    with monkeypatch.context() as patch:
        stop_at(12, patch, lambda: signal.raise_signal(signal.SIGINT))
        assert fit(*LONG, "--out", "m") == 0
    assert fit(*LONG, *other, "--out", "m") == 0
    assert fit(*LONG, *other, "--out", "whole") == 0
    assert facts("m") == facts("whole")
