"""What `SurrogateLoss` adds to a step of anybody's loop, at batches of 256."""

from collections.abc import Callable
from itertools import pairwise

import torch
from timing import Reading, interleaved, share
from torch import Tensor, nn

from losslearn import SurrogateLoss

BATCH = 256
CRITERIA = 2.0
"""Milliseconds that the criterion may add to any step."""


def make_step(
    widths: list[int], criterion: Callable[[Tensor, Tensor], Tensor]
) -> Callable[[], None]:
    """Return a step of a plain loop: forward, criterion, backward, SGD."""
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(widths):
        layers += [nn.Linear(fan_in, fan_out), nn.ReLU()]
    model = nn.Sequential(*layers[:-1], nn.Flatten(0))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)
    x = torch.randn(BATCH, widths[0])
    y_true = (x[:, 0] > 1).float()

    def step() -> None:
        loss = criterion(model(x), y_true)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def measure_criterion(blocks: int, seconds: float) -> list[Reading]:
    """A step with the criterion against one with cross-entropy."""
    readings = []
    large, small = [1_000, 2_000, 2_000, 2_000, 1], [10, 1]
    for widths, name in ((large, "10 million parameters"), (small, "11 parameters")):
        ours, plain = interleaved(
            make_step(widths, SurrogateLoss("f1", warm_up=1)),
            make_step(widths, nn.BCEWithLogitsLoss()),
            blocks=blocks,
            seconds=seconds,
        )
        what = f"SurrogateLoss, {name}, batch {BATCH}"
        if widths is large:
            readings.append(share(what, ours, "a cross-entropy step", plain, 1.5))
        readings.append(
            Reading(
                f"{what}, added",
                ours - plain,
                "a cross-entropy step",
                plain,
                f"<= {CRITERIA:g} ms",
                f"{ours - plain:.3f} ms",
                ours - plain <= CRITERIA,
            )
        )
    return readings
