"""What the criterion keeps: copies, resumes, warnings and metrics that give nothing."""

import copy
import io
import math
import os
import pickle
import subprocess
import sys
import threading
import warnings
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from criterion_cases import (
    SMALL,
    batch,
    fed,
    gap,
    losses_and_model,
    missed_share,
    same,
    small_model,
    weights,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from test_criterion import cross_entropy_gradient
from torch import nn

from losslearn import SurrogateLoss, get_true_loss
from losslearn.criterion import loss as criterion
from losslearn.metrics import Sets
from losslearn.surrogate.universal import UniversalConfig, store

OTHER_SETTINGS = {
    "warm_up": 7,
    "usual_weight": 0.5,
    "set_size": 40,
    "queue_size": 100,
    "learn_every": 2,
    "surrogate_steps": 2,
    "surrogate_lr": 1e-2,
    "n_sets": 3,
    "replay": 3,
    "perturbation": 0.2,
    "mode": "scratch",
    "prevalence": 0.3,
    "random_state": 5,
}
"""Each unlike the default."""


def through_pickle(criterion: SurrogateLoss) -> SurrogateLoss:
    return pickle.loads(pickle.dumps(criterion))


def in_memory(state: dict) -> dict:
    """A state saved and loaded as weights alone."""
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def test_it_has_no_parameters_and_no_buffers():
    criterion = fed("f1")
    assert list(criterion.parameters()) == list(criterion.buffers()) == []
    assert list(criterion.modules()) == [criterion]
    assert list(criterion.state_dict()) == ["_extra_state"]


@pytest.mark.parametrize("cast", ["half", "double", "bfloat16"])
def test_a_cast_of_the_module_that_holds_it_leaves_it_alone(cast):
    criterion = fed("f1")
    before = criterion.state_dict()
    getattr(nn.ModuleList([small_model(), criterion]), cast)()
    assert same(criterion.state_dict(), before)


@pytest.mark.parametrize("copied", [copy.deepcopy, through_pickle])
@pytest.mark.parametrize("metric", ["f1", missed_share])
@pytest.mark.parametrize("calls", [0, 3])
def test_a_copy_goes_on_identically_and_on_its_own(copied, metric, calls):
    original = fed(metric, calls=calls, **OTHER_SETTINGS)
    left_alone = fed(metric, calls=calls, **OTHER_SETTINGS)
    copied = copied(original)
    for seed in range(4):
        losses = [criterion(*batch(seed)).item() for criterion in (original, copied)]
        assert losses[0] == losses[1]
    assert same(original.state_dict(), copied.state_dict())
    copied(*batch(9))
    for seed in range(4):
        left_alone(*batch(seed))
    assert same(original.state_dict(), left_alone.state_dict())


class Guarded:
    """A metric that can be called, not copied."""

    greater_is_better = False

    def __init__(self) -> None:
        self.lock = threading.Lock()

    def __call__(self, y_true, y_score) -> float:
        with self.lock:
            return missed_share(y_true, y_score)


def test_a_metric_that_cannot_be_copied_is_shared():
    original = fed(Guarded(), mode="scratch")
    copied, twice = copy.deepcopy([original, original])
    assert copied is twice
    assert copied is not original
    assert copied(*batch(0)).item() == original(*batch(0)).item()


@pytest.mark.parametrize("copied", [copy.deepcopy, through_pickle])
@pytest.mark.parametrize("training", [True, False])
def test_a_copy_is_in_the_same_mode(copied, training):
    assert copied(fed("f1").train(training)).training is training


def test_a_state_is_a_snapshot():
    criterion = fed("f1")
    state = criterion.state_dict()
    kept = copy.deepcopy(state)
    criterion(*batch(0))
    assert same(state, kept)
    assert not same(criterion.state_dict(), kept)


@settings(max_examples=15)
@given(stop=st.integers(0, 12), learn_every=st.integers(1, 3))
def test_a_resumed_run_is_the_run_that_was_not_stopped(stop, learn_every):
    def start(seed: int):
        criterion = fed(
            "auc", calls=0, warm_up=5, learn_every=learn_every, random_state=seed
        )
        model = small_model(seed)
        return criterion, model, torch.optim.Adam(model.parameters(), lr=0.05)

    criterion, model, optimizer = start(0)
    losses = losses_and_model(criterion, range(12), model, optimizer)
    assert criterion.metrics()["blend"] > 0

    first, resumed = start(0), start(1)
    found = losses_and_model(first[0], range(stop), *first[1:])
    for old, new in zip(first, resumed, strict=True):
        new.load_state_dict(in_memory(old.state_dict()))
    found += losses_and_model(resumed[0], range(stop, 12), *resumed[1:])
    assert found == losses
    assert same(resumed[1].state_dict(), model.state_dict())
    assert same(resumed[0].state_dict(), criterion.state_dict())


def checkpointed_run(folder: Path, *, steps: int, kill_at: int | None = None) -> None:
    """Train from the folder's checkpoint on; die in the middle of a step."""
    criterion, model = SurrogateLoss("f1", warm_up=5, **SMALL), small_model()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    whole = {"criterion": criterion, "model": model, "optimizer": optimizer}
    file, step = folder / "checkpoint.pt", 0
    if file.exists():
        saved = torch.load(file, weights_only=True)
        step = saved.pop("step")
        for name, state in saved.items():
            whole[name].load_state_dict(state)
    while step < steps:
        losses_and_model(criterion, range(step, step + 1), model, optimizer)
        if step == kill_at:
            os.kill(os.getpid(), 9)
        step += 1
        states = {name: part.state_dict() for name, part in whole.items()}
        torch.save({"step": step, **states}, file.with_suffix(".part"))
        file.with_suffix(".part").replace(file)


@pytest.mark.slow
def test_a_killed_process_is_resumed_to_the_last_bit(tmp_path):
    here = Path(__file__).parent

    def run(folder: Path, kill_at: int | None) -> int:
        program = (
            "import sys, pathlib, torch; torch.set_num_threads(1); "
            f"sys.path[:0] = {[str(here), str(here.parent / 'support')]!r}; "
            "from test_criterion_state import checkpointed_run as run; "
            f"run(pathlib.Path({str(folder)!r}), steps=20, kill_at={kill_at})"
        )
        return subprocess.run([sys.executable, "-c", program], check=False).returncode

    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
    assert run(tmp_path / "whole", None) == 0
    assert run(tmp_path / "killed", 11) == -9
    saved = torch.load(tmp_path / "killed" / "checkpoint.pt", weights_only=True)
    assert saved["step"] == 11
    assert run(tmp_path / "killed", None) == 0
    whole, killed = (
        torch.load(tmp_path / name / "checkpoint.pt", weights_only=True)
        for name in ("whole", "killed")
    )
    assert whole["step"] == 20
    assert same(whole, killed)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            {"metric": "auc"},
            "of a criterion for 'f1_loss', this one is for 'roc_auc_lo",
        ),
        ({"queue_size": 300}, "holds a queue of 256 rows, this one has 300"),
    ],
)
def test_a_state_of_another_kind_is_refused_and_changes_nothing(other, message):
    criterion = fed(**{"metric": "f1", **other})
    before = criterion.state_dict()
    with pytest.raises(ValueError, match=message):
        criterion.load_state_dict(fed("f1").state_dict())
    assert same(criterion.state_dict(), before)


@pytest.mark.parametrize("calls", range(1, 7))
def test_a_state_of_another_set_size_goes_on(calls):
    criterion = SurrogateLoss("f1", **{**SMALL, "set_size": 100})
    criterion.load_state_dict(fed("f1", calls=calls).state_dict())
    assert criterion(*batch(0)).isfinite()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_state_of_a_gpu_goes_on_where_there_is_none():
    state = fed("f1").state_dict()
    # what a generator of CUDA has: seed and offset
    state["_extra_state"]["stream"] |= {
        "device": "cuda",
        "generator": torch.zeros(16).byte(),
    }
    results = []
    for _ in range(2):
        criterion = SurrogateLoss("f1", **SMALL)
        criterion.load_state_dict(state)
        results.append(criterion(*batch(0)).item())
    assert results[0] == results[1]


def constant(y_true, y_score):
    assert len(y_true) == len(y_score)
    return 0.25


def switch(name: str = "auc"):
    """A built-in loss that can be made to ignore the scores: `off[0] = True`."""
    loss, off = get_true_loss(name), [False]

    def function(y_true, y_score, *, sample_weight=None):
        values = loss(Sets(y_true, y_score, sample_weight))
        return values * 0 + 0.25 if off[0] else values

    return replace(loss, function=function), off


def test_a_metric_that_ignores_the_scores_is_warned_of_once():
    criterion = SurrogateLoss(
        constant, greater_is_better=False, response_method="predict", mode="scratch"
    )
    criterion._stream.blend = 1.0
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        for seed in range(150):
            y_score, y_true = batch(seed)
            criterion(y_score, y_true).backward()
    assert [w.category for w in found] == [RuntimeWarning]
    assert "'constant' does not change with the scores" in str(found[0].message)
    assert criterion.metrics()["blend"] == 0
    assert criterion.metrics()["dead_share"] == 1
    assert torch.allclose(y_score.grad, cross_entropy_gradient(y_score, y_true))


def test_a_perfect_stream_is_told_from_a_metric_that_ignores_the_scores():
    criterion = SurrogateLoss("f1", warm_up=10, **SMALL)

    def see_separated_rows(calls: int) -> None:
        for seed in range(calls):
            y_score, y_true = batch(seed)
            criterion(y_score + 100 * y_true, y_true)

    with pytest.warns(RuntimeWarning, match="it is 0 on the latest rows"):
        see_separated_rows(410)
    see_separated_rows(1)  # without a second warning


def test_a_metric_that_becomes_informative_lets_the_blend_rise():
    loss, off = switch()
    criterion = SurrogateLoss(loss, warm_up=10, **SMALL)

    def blend_after(calls: int, criterion: SurrogateLoss = criterion) -> float:
        for seed in range(calls):
            criterion(*batch(seed))
        return criterion.metrics()["blend"]

    off[0] = True
    with pytest.warns(RuntimeWarning, match="does not change with the scores"):
        assert blend_after(410) == 0
    resumed = SurrogateLoss(loss, warm_up=10, **SMALL)
    resumed.load_state_dict(criterion.state_dict())
    assert blend_after(1, resumed) == 0  # without a second warning
    off[0] = False
    assert blend_after(400) > 0.5


def test_equal_scores_at_the_start_are_not_warned_of():
    criterion = SurrogateLoss("f1", warm_up=10, **SMALL)
    for seed in range(40):  # as of a last layer that starts from zeros
        y_score, y_true = batch(seed)
        criterion(y_score * 0, y_true).backward()
        assert torch.equal(y_score.grad, torch.zeros(32))
    assert criterion.metrics()["blend"] == 0
    for seed in range(60):
        criterion(*batch(seed))
    assert criterion.metrics()["blend"] > 0.1


def test_a_slow_metric_is_warned_of_once(monkeypatch):
    clock = iter(range(1_000_000))  # every look at the clock is a second later
    monkeypatch.setattr(
        criterion, "time", SimpleNamespace(perf_counter=lambda: next(clock))
    )
    slow = SurrogateLoss("f1", **SMALL)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        for seed in range(50):
            slow(*batch(seed))
    assert [w.category for w in found] == [RuntimeWarning]
    assert "'f1_loss' takes 1.0 s a step" in str(found[0].message)
    assert "learn_every" in str(found[0].message)
    assert found[0].filename == __file__  # the loop, which can do something about it


def test_what_compiles_at_the_first_fit_is_no_slow_metric(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(criterion, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    quick = fed("f1", calls=0, learn_every=5)
    stream, fit = quick._stream, quick._stream._fit

    def fit_and_compile(layout):
        now[0] += 60.0 if stream.n_fits == 0 else 0.01
        fit(layout)

    monkeypatch.setattr(stream, "_fit", fit_and_compile)
    for seed in range(40):  # a warning would be an error
        quick(*batch(seed))
    assert stream.n_fits == 8


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_a_metric_of_ones_own_gets_a_universal_surrogate_and_keeps_it(
    stream, monkeypatch
):
    config = UniversalConfig(set_sizes=(64,), n_sets=128, max_iter=100)
    monkeypatch.setattr(store, "CALLABLE", config)
    monkeypatch.setattr(sys, "stderr", stream())
    calls = []

    def counted(y_true, y_score):
        calls.append(len(y_true))
        return gap(y_true, y_score)

    criterion = SurrogateLoss(counted, greater_is_better=True, **SMALL)
    fitted = len(calls)
    again = SurrogateLoss(counted, greater_is_better=True, **SMALL)
    assert len(calls) - fitted < 0.3 * fitted
    assert all(map(torch.equal, weights(criterion), weights(again)))
    shown = sys.stderr.getvalue()
    assert ("fitting a surrogate of counted" in shown) == (stream is Terminal)
    y_score, y_true = batch(0)
    criterion._stream.blend = 1.0
    loss = criterion(y_score, y_true)
    loss.backward()
    assert loss.isfinite()
    assert y_score.grad.isfinite().all()
    value = criterion.eval()(y_score, y_true).item()
    assert value == pytest.approx(-gap(y_true.numpy(), y_score.detach().numpy()))


@pytest.mark.parametrize("response_method", ["decision_function", "predict_proba"])
def test_a_callable_gets_what_it_asks_for(response_method):
    seen = []

    def metric(first, second):
        seen.append((second.min(), second.max()))
        return float(second[first == 1].mean())

    criterion = fed(
        metric,
        greater_is_better=True,
        response_method=response_method,
        mode="scratch",
    )
    low, high = (min(s[0] for s in seen), max(s[1] for s in seen))
    assert (low >= 0 and high <= 1) == (response_method == "predict_proba")
    assert math.isfinite(criterion.metrics()["surrogate_error"])
