"""What only a GPU can show; skipped where there is none."""

import pytest
import torch
from torch import nn

from losslearn.bilevel import LearnedObjective, SurrogateLearner
from losslearn.config import BilevelConfig
from losslearn.metrics import get_true_loss
from losslearn.models import build_model
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
