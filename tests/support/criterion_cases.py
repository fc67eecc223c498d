"""Streams of batches, and small criteria that have learned from one."""

from typing import Any

import torch
from torch import Tensor, nn

from losslearn import SurrogateLoss, TrueLoss

SMALL = {
    "set_size": 64,
    "queue_size": 256,
    "n_sets": 2,
    "replay": 2,
    "learn_every": 1,
    "surrogate_steps": 1,
}
"""So small that a test can follow every call; all of them learn."""
HELD = {"learn_every": 1_000_000}
"""Settings with which nothing but the queue changes: no fit, no blend."""


def batch(seed: int, n: int = 32, *, pos_rate: float = 0.4) -> tuple[Tensor, Tensor]:
    """Scores that tell a little, and targets of both classes where there is room."""
    generator = torch.Generator().manual_seed(seed)
    y_true = (torch.rand(n, generator=generator) < pos_rate).float()
    y_true[:2] = torch.tensor([0.0, 1.0])[: min(n, 2)]
    y_score = torch.randn(n, generator=generator) + 1.5 * y_true
    return y_score.requires_grad_(), y_true


def table(seed: int, n: int = 32, *, features: int = 3) -> tuple[Tensor, Tensor]:
    """Rows of two classes that lie apart along the first feature."""
    generator = torch.Generator().manual_seed(seed)
    y_true = (torch.rand(n, generator=generator) < 0.3).float()
    x = torch.randn(n, features, generator=generator)
    x[:, 0] += 1.5 * y_true
    return x, y_true


def small_model(seed: int = 0) -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))


def fed(
    metric: object = "f1", *, calls: int = 3, blend: float | None = None, **settings
) -> SurrogateLoss:
    """A criterion that has seen a few batches; `blend` replaces the blend it has."""
    criterion = SurrogateLoss(metric, **{**SMALL, **settings})
    for seed in range(calls):
        criterion(*batch(1_000 + seed))
    if blend is not None:
        criterion._stream.blend = blend
    return criterion


def set_of(
    criterion: SurrogateLoss, y_score: Tensor, y_true: Tensor
) -> tuple[Tensor, Tensor]:
    """The set that the latest call valued."""
    rest = criterion._rest
    assert rest is not None
    return (
        torch.cat([y_score.detach(), rest.score]),
        torch.cat([y_true.long(), rest.target]),
    )


def losses_and_model(
    criterion: SurrogateLoss, steps: range, model: nn.Module, optimizer: Any
) -> list[float]:
    """Train a model; return the losses."""
    losses = []
    for step in steps:
        x, y_true = table(step)
        loss = criterion(model(x), y_true)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def same(left: object, right: object) -> bool:
    """Whether two states are equal to the last bit; NaN equals NaN."""
    if isinstance(left, Tensor) and isinstance(right, Tensor):
        return left.dtype == right.dtype and torch.equal(
            left.contiguous().view(-1).view(torch.uint8),
            right.contiguous().view(-1).view(torch.uint8),
        )
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(
            same(left[key], right[key]) for key in left
        )
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    return repr(left) == repr(right)


def missed_share(y_true: Any, y_score: Any) -> float:
    """A metric of one's own, of raw scores, that takes no weights."""
    return float(y_true[y_score < 0.5].sum() / y_true.sum())


missed_share.greater_is_better = False


def gap(y_true: Any, y_score: Any) -> float:
    """How far the classes' mean scores lie apart, in deviations of all scores."""
    apart = y_score[y_true == 1].mean() - y_score[y_true == 0].mean()
    return float(apart / (y_score.std() + 1e-9))


gap.greater_is_better = True


def weights(criterion: SurrogateLoss) -> list[Tensor]:
    return [p.detach().clone() for p in criterion._stream.surrogate.parameters()]


def own_loss(function: Any, *, takes_weight: bool = False) -> TrueLoss:
    """A batched loss that is no black box."""
    return TrueLoss(
        name="own_loss",
        description="for a test",
        function=function,
        takes_weight=takes_weight,
    )
