"""What only a GPU can show; skipped where there is none."""

import io
import pickle

import pytest
import torch
from torch import nn

from criterion_cases import batch, fed
from losslearn import SurrogateLoss
from losslearn.bilevel import SurrogateLearner
from losslearn.config import BilevelConfig
from losslearn.metrics import get_true_loss
from losslearn.models import build_model
from losslearn.objective import LearnedObjective
from losslearn.surrogate import SetSurrogate
from losslearn.training import Trainer, TrainingData

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="no CUDA device on this machine"
)


@pytest.mark.parametrize("metric", ["f1", "auc", "average_precision"])
def test_an_iteration_never_waits_for_the_device(metric):
    device = torch.device("cuda")
    x = torch.randn(5_000, 20, device=device)
    y_true = (x[:, 0] > 1).long()
    data = TrainingData(x, y_true, x[:100], y_true[:100])
    config = BilevelConfig(max_iter=100, batch_size=200, replay=2)
    generator = torch.Generator(device).manual_seed(0)
    loss = get_true_loss(metric)
    surrogate = SetSurrogate().to(device)
    model: nn.Module = build_model("mlp", x)
    trainer = Trainer(model, data, loss, config, generator=generator)
    learner = SurrogateLearner(surrogate, loss, config, generator=generator)
    objective = LearnedObjective(surrogate, cross_entropy_weight=1.0)
    for _ in range(3):  # allocates and loads kernels
        trainer.iterate(objective, learner)
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(3):
            trainer.iterate(objective, learner)
    finally:
        torch.cuda.set_sync_debug_mode("default")


def loss_on_the_gpu(criterion: SurrogateLoss, seed: int) -> float:
    y_score, y_true = (rows.detach().cuda() for rows in batch(seed))
    y_score.requires_grad_()
    loss = criterion(y_score, y_true)
    loss.backward()
    assert y_score.grad.isfinite().all()
    return loss.item()


def test_a_criterion_follows_the_scores_to_the_gpu_and_back():
    criterion = fed("f1", blend=0.5)
    state = criterion.state_dict()
    assert loss_on_the_gpu(criterion, 0) > 0
    assert criterion.state_dict()["_extra_state"]["stream"]["device"] == "cuda"
    assert criterion.metrics()["blend"] > 0
    assert criterion(*batch(1)).device.type == "cpu"
    criterion.load_state_dict(state)
    fresh = fed("f1", blend=0.5)
    assert criterion(*batch(2)).item() == fresh(*batch(2)).item()


@pytest.mark.parametrize("map_location", [None, "cpu", "cuda"])
def test_a_run_on_the_gpu_is_resumed(map_location):
    criterion = fed("f1", blend=0.5)
    for seed in range(4):
        loss_on_the_gpu(criterion, seed)
    file = io.BytesIO()
    torch.save(criterion.state_dict(), file)
    file.seek(0)
    resumed = fed("f1", calls=0)
    resumed.load_state_dict(
        torch.load(file, weights_only=True, map_location=map_location)
    )
    copied = pickle.loads(pickle.dumps(criterion))
    for seed in range(4, 8):
        expected = loss_on_the_gpu(criterion, seed)
        assert loss_on_the_gpu(resumed, seed) == pytest.approx(expected, rel=1e-5)
        assert loss_on_the_gpu(copied, seed) == pytest.approx(expected, rel=1e-5)
