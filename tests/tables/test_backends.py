"""Folds that are trained as tasks of a Ray cluster."""

import os
import signal
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from table_cases import one_line

from losslearn import fit_table
from losslearn.metrics import MetricError
from losslearn.tables.display import Silent

SETTINGS = {"model": "linear", "mode": "scratch", "max_iter": 10, "seed": 1}

# Ray leaves its processes' pipes to the collector
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
slow = pytest.mark.slow


@pytest.fixture(scope="module")
def table():
    draws = np.random.default_rng(0)
    frame = pd.DataFrame(draws.normal(size=(300, 3)), columns=["a", "b", "c"])
    return frame.assign(y=frame["a"] + draws.normal(size=300) > 0.5)


@pytest.fixture(scope="module")
def cluster():
    """A cluster of two workers."""
    ray = pytest.importorskip("ray", reason="the extra `ray` is not installed")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield ray
    ray.shutdown()


class Seen(Silent):
    """The folds of the looks that are told, each once, in their order."""

    def __init__(self):
        self.folds = []

    def watch(self, record):
        if record.fold and record.fold[0] not in self.folds:
            self.folds.append(record.fold[0])


def looks(fitted):
    return repr([{**look, "seconds": 0} for look in fitted.history])  # with NaNs


def make_accuracy(place: Path | None = None):
    """Return a metric that kills the first worker that gets to it, if told a place."""
    here = os.getpid()

    def accuracy(y_true, y_pred):
        if place is not None and os.getpid() != here:
            try:
                place.touch(exist_ok=False)
            except FileExistsError:
                pass
            else:
                os.kill(os.getpid(), signal.SIGKILL)
        return float((y_true == y_pred).mean())

    return accuracy


@slow
@pytest.mark.usefixtures("cluster")
def test_a_fit_is_the_same_where_one_of_two_workers_is_killed(table, tmp_path):
    place, seen = tmp_path / "killed", Seen()
    how = {"greater_is_better": True, **SETTINGS}
    expected = fit_table(table, "y", make_accuracy(), **how)
    own = make_accuracy(place)
    found = fit_table(table, "y", own, backend="ray", display=seen, **how)
    assert place.exists()
    assert looks(found) == looks(expected)
    assert found.rule == expected.rule
    pd.testing.assert_frame_equal(found.predict(table), expected.predict(table))
    assert seen.folds == [1, 2, 3, 4, 5]


@slow
@pytest.mark.usefixtures("cluster")
def test_what_fails_there_is_said_here(table):
    here = os.getpid()

    def broken(y_true, y_pred):
        if os.getpid() != here:
            raise RuntimeError("out of ink")
        return float((y_true == y_pred).mean())

    with pytest.raises(MetricError, match="out of ink") as error:
        fit_table(table, "y", broken, backend="ray", greater_is_better=True, **SETTINGS)
    assert one_line(error)


def test_a_backend_that_is_not_there_is_refused(table, monkeypatch):
    with pytest.raises(ValueError, match="must be one of 'local', 'ray', got 'dask'"):
        fit_table(table, "y", "f1", backend="dask")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ImportError, match=r"pip install 'losslearn\[ray\]'"):
        fit_table(table, "y", "f1", backend="ray")
