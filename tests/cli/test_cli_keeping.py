"""What a fit has come to is kept, whatever happens to its disk."""

import errno
import math
import os
import re
import signal
from pathlib import Path

import pandas as pd
import pytest
from cli_cases import fit, make_frame

from losslearn import fit_table, load_model
from losslearn.cli.progress import FitDisplay
from losslearn.training.loop import Record

STEPS = ("mkdir", "write_bytes", "write_text")


def full_at(step: int, monkeypatch: pytest.MonkeyPatch, *, everywhere: bool) -> None:
    """Have the disk full from a step of the writing on, or the temporary one too.

    The model's own place is named relative to the working directory.
    """
    count = iter(range(step))

    def filled(function):
        def call(path, *args, **options):
            is_meant = everywhere or not path.is_absolute()
            if is_meant and next(count, None) is None:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
            return function(path, *args, **options)

        return call

    for name in STEPS:
        monkeypatch.setattr(Path, name, filled(getattr(Path, name)))


@pytest.fixture
def whole(capsys):
    """What an undisturbed fit predicts."""
    assert fit("--out", "whole") == 0
    capsys.readouterr()
    return load_model("whole").predict(make_frame())


@pytest.fixture
def quick(monkeypatch):
    """Fits that are over before their state would be kept, however slow the machine."""
    monkeypatch.setattr("losslearn.training.checkpoint._FIRST", math.inf)


def test_a_state_that_cannot_be_kept_stops_no_fit(whole, capsys, monkeypatch):
    monkeypatch.setattr("losslearn.training.checkpoint._FIRST", 0.0)
    with monkeypatch.context() as patch:
        patch.setattr("losslearn.training.checkpoint.write_whole", no_room)
        assert fit("--out", "m", "--json") == 0
    said = capsys.readouterr().err
    assert said.count("the state of the fit is not kept in m.checkpoint: No space") == 1
    pd.testing.assert_frame_equal(load_model("m").predict(make_frame()), whole)


def no_room(*_given):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("step", range(1, 7))
def test_a_full_disk_is_one_line_and_the_model_elsewhere(
    whole, capsys, monkeypatch, step
):
    with monkeypatch.context() as patch:
        full_at(step, patch, everywhere=False)
        assert fit("--out", "m", "--json") == 3
    line = capsys.readouterr().err
    found = re.fullmatch(
        r"losslearn: the model could not be written to 'm' \(No space left on device\);"
        r" it is in '(.*)'\.\n",
        line,
    )
    assert found, line
    pd.testing.assert_frame_equal(load_model(found[1]).predict(make_frame()), whole)
    assert sorted(path.name for path in Path().iterdir()) == [
        "money.py",
        "people.csv",
        "whole",
    ]


@pytest.mark.usefixtures("quick")
def test_where_no_disk_has_room_the_model_is_returned(monkeypatch):
    settings = {"out": "m", "model": "linear", "mode": "scratch", "max_iter": 4}
    with monkeypatch.context() as patch:
        full_at(2, patch, everywhere=True)
        with pytest.warns(RuntimeWarning, match="No space left on device.*nor to"):
            fitted = fit_table(make_frame(), "churn", "f1", **settings)
    assert fitted.report["model"] is None
    assert len(fitted.report["failures"]) == 1
    fitted.save("m")
    assert len(load_model("m").predict(make_frame())) == 300


def test_a_signal_to_end_does_what_ctrl_c_does(capsys, monkeypatch):
    looks = []

    def watch(_display: FitDisplay, record: Record) -> None:
        looks.append(record)
        if len(looks) == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(FitDisplay, "watch", watch)
    before = signal.getsignal(signal.SIGTERM)
    assert fit("--out", "m", "--json") == 0
    assert capsys.readouterr().err.startswith("losslearn: interrupted; the best")
    assert signal.getsignal(signal.SIGTERM) == before
    load_model("m").predict(make_frame())
