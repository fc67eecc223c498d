"""A fit that was killed goes on from its checkpoint to the very same end."""

import copy
from dataclasses import replace

import pytest
import torch
from core_cases import new_predictor
from torch import nn

from losslearn._fast import as_written
from losslearn.metrics import TrueLoss, get_true_loss
from losslearn.models.networks import build_model
from losslearn.models.rows import Rows
from losslearn.surrogate.universal import initial_surrogate
from losslearn.tasks.binary import Binary
from losslearn.training import checkpoint as checkpoints
from losslearn.training.checkpoint import Checkpoint
from losslearn.training.comparison import compare
from losslearn.training.recipe import Recipe
from losslearn.training.setup import Setup

RECIPE = Recipe(max_iter=24, n_evals=12, rounds=2, batch_size=60, catch_up=8)
LOOKS = [2, 8, 11, 17]
"""In the warm-up and in each stage after it."""
SOLVED_LOOKS = [2, 6, 8, 10]
"""The same where a linear model is solved, and its control stands."""


class Killed(BaseException):
    """As a kill: nobody catches it."""


@pytest.fixture(autouse=True)
def _write_at_every_look(monkeypatch):
    monkeypatch.setattr(checkpoints, "_FIRST", 0.0)
    monkeypatch.setattr(checkpoints, "_SHARE", 1e9)


def rows(seed: int) -> Rows:
    draws = torch.Generator().manual_seed(seed)
    x = torch.randn(300, 4, generator=draws)
    y = (x[:, 0] + torch.randn(300, generator=draws) > 0.8).long()
    return Rows(x, y)


def fit(path, kind, mode, *, kill_at: int | None = None, key="one", **settings):
    """Return a comparison; with `kill_at` the process dies at that look."""
    train, valid = rows(0), rows(1)
    recipe, task = replace(RECIPE, mode=mode, **settings), Binary()
    true_loss: TrueLoss = get_true_loss("f1")
    looks = []

    def watch(record) -> None:
        looks.append(record)
        if len(looks) == kill_at:
            raise Killed

    def make_predictor():
        if kind == "module":
            model: nn.Module = nn.Sequential(
                nn.Linear(4, 8), nn.Dropout(), nn.Linear(8, 1)
            )
        else:
            model = build_model(kind, train.x)
        return new_predictor(model, train, recipe)

    found, predictor = compare(
        make_predictor,
        valid,
        Setup(
            true_loss,
            task,
            initial_surrogate(true_loss, task, mode=mode, seed=0),
            recipe,
            5,
        ),
        watch=watch,
        checkpoint=None if path is None else Checkpoint(path, key),
    )
    return found, predictor.weights(), looks


def facts(found, weights):
    """Return everything of a fit but its times."""
    runs = [
        (run.method, run.n_iter, run.best_loss, run.best_iter, run.n_adopted)
        for run in found.runs.values()
    ]
    looks = [
        repr(record._replace(seconds=0.0))
        for run in found.runs.values()
        for record in run.history
    ]
    return runs, looks, found.chosen, found.difference, copy.deepcopy(weights)


def assert_same(one, other) -> None:
    assert one[:4] == other[:4]
    assert all(torch.equal(one[4][name], other[4][name]) for name in one[4])


@pytest.mark.parametrize("mode", ["refined", "universal", "scratch"])
@pytest.mark.parametrize("kind", ["linear", "mlp", "module"])
def test_a_killed_fit_ends_as_if_nothing_had_been(tmp_path, kind, mode):
    whole, weights, _ = fit(None, kind, mode)
    for kill_at in SOLVED_LOOKS if kind == "linear" else LOOKS:
        path = tmp_path / f"{kill_at}.checkpoint"
        with pytest.raises(Killed):
            fit(path, kind, mode, kill_at=kill_at)
        found, again, looks = fit(path, kind, mode)
        assert_same(facts(found, again), facts(whole, weights))
        assert len(looks) < sum(len(run.history) for run in whole.runs.values())
        found, again, looks = fit(path, kind, mode)  # what comes after was interrupted
        assert_same(facts(found, again), facts(whole, weights))
        assert not looks


def test_a_fit_that_patience_ended_trains_no_further(tmp_path):
    early = {"patience": 2, "model_lr": 0.3, "rounds": 1, "max_iter": 60, "n_evals": 60}
    whole, weights, _ = fit(None, "linear", "refined", **early)
    assert whole.usual.n_iter < whole.learned.n_iter < 60, "each has its own end"
    for _ in range(2):
        found, again, looks = fit(tmp_path / "state", "linear", "refined", **early)
        assert_same(facts(found, again), facts(whole, weights))
    assert not looks


def test_in_pytorch_alone_as_well(tmp_path):
    path = tmp_path / "state"
    with as_written():
        whole, weights, _ = fit(None, "mlp", "refined")
        with pytest.raises(Killed):
            fit(path, "mlp", "refined", kill_at=10)
        found, again, _ = fit(path, "mlp", "refined")
    assert_same(facts(found, again), facts(whole, weights))


def test_a_fit_can_be_killed_again_and_again(tmp_path):
    path = tmp_path / "state"
    whole, weights, _ = fit(None, "mlp", "refined")
    for _ in range(5):
        with pytest.raises(Killed):
            fit(path, "mlp", "refined", kill_at=3)
    found, again, _ = fit(path, "mlp", "refined")
    assert_same(facts(found, again), facts(whole, weights))


@pytest.fixture
def kept_state(tmp_path):
    """Return the file that a killed fit leaves."""
    path = tmp_path / "state"
    with pytest.raises(Killed):
        fit(path, "mlp", "refined", kill_at=9)
    return path


def test_only_the_same_fit_goes_on(kept_state):
    _, _, looks = fit(kept_state, "mlp", "refined", key="another")
    assert looks[0].iteration == 2


@pytest.mark.parametrize("kept", [slice(50), slice(0), slice(None, None, -1)])
def test_a_damaged_file_starts_anew(kept_state, kept):
    kept_state.write_bytes(kept_state.read_bytes()[kept])
    _, _, looks = fit(kept_state, "mlp", "refined")
    assert looks[0].iteration == 2


def test_writing_takes_a_small_share_of_the_time(tmp_path, monkeypatch):
    monkeypatch.undo()
    now = 0.0
    monkeypatch.setattr(checkpoints.time, "perf_counter", lambda: now)

    def slow(path, data):
        nonlocal now
        now += 0.1
        path.write_bytes(data)

    monkeypatch.setattr(checkpoints, "write_whole", slow)
    path = tmp_path / "state"
    checkpoint, written = Checkpoint(path, "one"), []
    for now in (0.5, 0.9, 1.1, 2.0, 3.1, 3.3):
        path.unlink(missing_ok=True)
        checkpoint.keep(lambda: {"looks": 1})
        written += [round(now, 1)] * path.exists()
    # none of a fit of a second, which is done again; then a twentieth of the time
    assert written == [1.2, 3.4]
