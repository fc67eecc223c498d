"""The scripts of `examples`, each run as its user does, with few epochs."""

import math
import pickle
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import torch
from criterion_cases import same
from sklearn.base import clone
from torch import nn

from losslearn import Sets, SurrogateLoss

FOLDER = Path(__file__).parent.parent / "examples"
NEEDED = {
    "plain_loop": "tensorboard",
    "lightning_module": "lightning",
    "skorch_grid": "skorch",
    "hugging_face": "transformers",
    "accelerate_loop": "accelerate",
}
"""What each script imports beside the package."""
RESUMING = {
    "plain_loop": "--checkpoints",
    "lightning_module": "--folder",
    "hugging_face": "--folder",
    "accelerate_loop": "--checkpoints",
}
"""The option with which a script goes on where it was."""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    """Keep what frameworks write by themselves out of the repository."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def script(name: str) -> ModuleType:
    package = NEEDED[name]
    reason = f"{package} is missing: pip install 'losslearn[examples]'"
    pytest.importorskip(package, reason=reason)
    return import_module(name)


def losses_in(output: str) -> dict[str, float]:
    """The table that a script has printed, the losses in [0, 1]."""
    assert "test f1_loss" in output
    rows = re.findall(r"^(cross-entropy|f1) +([\d.]+|nan)$", output, re.MULTILINE)
    losses = {name: float(loss) for name, loss in rows}
    assert list(losses) == ["cross-entropy", "f1"]
    assert all(0 <= loss <= 1 for loss in losses.values())
    return losses


def test_the_table_is_read_as_it_is_printed(capsys):
    report = import_module("report")
    report.print_table("f1", {"cross-entropy": 0.25, "f1": 0.125})
    assert losses_in(capsys.readouterr().out) == {"cross-entropy": 0.25, "f1": 0.125}


@pytest.mark.slow
@pytest.mark.parametrize("name", RESUMING)
def test_a_resumed_run_ends_as_one_that_never_stopped(name, tmp_path, capsys):
    main = script(name).main
    kept = [RESUMING[name], str(tmp_path / "kept")]
    main(["--epochs", "1", *kept])
    first = losses_in(capsys.readouterr().out)
    main(["--epochs", "2", *kept])
    resumed = losses_in(capsys.readouterr().out)
    main(["--epochs", "2"])
    assert losses_in(capsys.readouterr().out) == resumed
    assert resumed != first


@pytest.mark.slow
def test_lightning_keeps_the_criterion_in_its_checkpoint(tmp_path):
    module = script("lightning_module")
    task = module.load_task(0)
    criterion = SurrogateLoss("f1")
    module.train(criterion, task, epochs=1, seed=0, folder=tmp_path)
    path = tmp_path / "checkpoints" / "last.ckpt"
    read = module.RareDigit.load_from_checkpoint(
        path, criterion=SurrogateLoss("f1"), weights_only=True
    )
    assert same(read.criterion.get_extra_state(), criterion.get_extra_state())
    assert criterion.metrics()["blend"] > 0


def test_accelerate_keeps_the_criterion_in_its_checkpoint(tmp_path):
    module = script("accelerate_loop")
    task = module.load_task(0)
    criterion, read = SurrogateLoss("f1"), SurrogateLoss("f1")
    settings = {"epochs": 1, "seed": 0, "folder": tmp_path}
    module.train(criterion, task, **settings)
    module.train(read, task, **settings)  # has no epoch left to train
    assert same(read.get_extra_state(), criterion.get_extra_state())
    assert criterion.metrics()["blend"] > 0


@pytest.mark.slow
def test_hugging_face_evaluates_by_the_true_loss_and_learns_nothing(tmp_path):
    module = script("hugging_face")
    criterion = SurrogateLoss("f1")
    trainer = module.train(criterion, epochs=1, seed=0, folder=tmp_path)
    before = criterion.get_extra_state()
    found = trainer.predict(trainer.eval_dataset)
    assert same(criterion.get_extra_state(), before)
    loss = criterion.true_loss.with_threshold(criterion.threshold)
    labels, scores = map(torch.from_numpy, (found.label_ids, found.predictions))
    expected = loss(Sets(labels.long(), scores.squeeze(-1))).item()
    assert found.metrics["test_loss"] == pytest.approx(expected)


def test_hugging_face_adds_up_to_the_mean_over_the_rows_of_a_step():
    loss_of = script("hugging_face").loss_of
    logits, labels = torch.randn(5, 1), torch.tensor([0, 1, 0, 0, 1])
    n = torch.tensor(5)
    with torch.no_grad():
        parts = [
            loss_of(nn.BCEWithLogitsLoss(), SimpleNamespace(logits=rows), y, n)
            for rows, y in zip(logits.split([3, 2]), labels.split([3, 2]), strict=True)
        ]
    whole = nn.BCEWithLogitsLoss()(logits.squeeze(-1), labels.float())
    assert sum(parts).item() == pytest.approx(whole.item())


def test_skorch_searches_and_pickles_what_it_found(tmp_path, capsys):
    module = script("skorch_grid")
    module.main(["--epochs", "1", "--save", str(tmp_path / "net.pkl")])
    losses_in(capsys.readouterr().out)
    net = pickle.loads((tmp_path / "net.pkl").read_bytes())
    assert math.isfinite(net.criterion_.metrics()["surrogate_error"])  # has been fitted
    again = clone(net)
    assert not hasattr(again, "criterion_")
    assert again.get_params()["criterion__metric"] == "f1"


def test_skorch_pickles_and_saves_the_state_of_the_criterion(tmp_path):
    module = script("skorch_grid")
    x, y = (part[::10].numpy() for part in module.load_task(0).train.tensors)
    net = module.make_net(SurrogateLoss, epochs=1).fit(x, y.astype("int64"))
    state = net.criterion_.get_extra_state()
    copied = pickle.loads(pickle.dumps(net))
    assert same(copied.criterion_.get_extra_state(), state)
    assert (copied.predict_proba(x) == net.predict_proba(x)).all()
    net.save_params(f_criterion=tmp_path / "criterion.pt")
    read = clone(net).initialize()
    assert not same(read.criterion_.get_extra_state(), state)
    read.load_params(f_criterion=tmp_path / "criterion.pt")
    assert same(read.criterion_.get_extra_state(), state)


CURVES = {"true_loss", "surrogate_error", "cosine", "dead_share", "blend"}


def test_the_plain_loop_draws_curves_for_tensorboard(tmp_path, capsys):
    script("plain_loop").main(["--epochs", "1", "--tensorboard", str(tmp_path)])
    losses_in(capsys.readouterr().out)
    reading = import_module("tensorboard.backend.event_processing.event_accumulator")
    events = reading.EventAccumulator(str(tmp_path)).Reload()
    assert set(events.Tags()["scalars"]) == {f"surrogate/{name}" for name in CURVES}


@pytest.mark.slow
def test_the_loop_with_accelerate_logs_to_mlflow(tmp_path, capsys, monkeypatch):
    for name in ("MLFLOW_ALLOW_FILE_STORE", "MLFLOW_DISABLE_TELEMETRY"):
        monkeypatch.setenv(name, "true")
    mlflow = pytest.importorskip(
        "mlflow", reason="mlflow is missing: pip install 'losslearn[examples]'"
    )
    script("accelerate_loop").main(["--epochs", "2", "--mlflow", str(tmp_path)])
    mlflow.end_run()
    losses_in(capsys.readouterr().out)
    (run,) = mlflow.search_runs(output_format="list")
    assert set(run.data.metrics) == CURVES
    history = mlflow.MlflowClient().get_metric_history(run.info.run_id, "blend")
    assert [point.step for point in history] == [0, 1]


@pytest.mark.slow
@pytest.mark.skipif(
    not torch.distributed.is_available(), reason="PyTorch without distributed training"
)
def test_two_processes_learn_the_same_loss():
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", "2", str(FOLDER / "torchrun_ddp.py")]
    done = subprocess.run(
        [*command, "--epochs", "1"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    losses_in(done.stdout)
    assert "the same learned loss in 2 processes" in done.stdout


def test_the_list_names_every_script():
    listed = set(re.findall(r"examples/(\w+)\.py", (FOLDER / "README.md").read_text()))
    shared = {"rare_digit", "report", "urgent_messages"}
    assert listed == {path.stem for path in FOLDER.glob("*.py")} - shared
    assert listed == {*NEEDED, "torchrun_ddp"}
