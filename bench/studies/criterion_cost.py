"""What `SurrogateLoss` adds to a step of anybody's loop, at batches of 256."""

import statistics
import time
from collections.abc import Callable
from itertools import pairwise

import torch
from timing import Reading, absolute, share
from torch import Tensor, nn

from losslearn import SurrogateLoss

BATCH = 256
LARGE, SMALL = [1_000, 2_000, 2_000, 2_000, 1], [10, 1]
"""Widths of a model of 10 million parameters, and of one of 11."""
CRITERIA = 2.0
"""Milliseconds that the criterion may add to any step."""
TURN = 24
"""Steps of a loop before it is the other's turn: eight fits of the surrogate, and one
reading of its health."""


Criterion = Callable[[Tensor, Tensor], Tensor]


class PlainLoop:
    """A model trained by a criterion, which is timed apart from the rest."""

    def __init__(self, widths: list[int], criterion: Criterion) -> None:
        """Make the model and its batch."""
        torch.manual_seed(0)
        self._model = make_perceptron(widths)
        self._optimizer = torch.optim.SGD(self._model.parameters(), lr=1e-4)
        self._criterion = criterion
        self._x = torch.randn(BATCH, widths[0])
        self._y_true = (self._x[:, 0] > 1).float()

    def step(self) -> float:
        """Take a step; return the milliseconds from the scores to their gradient."""
        y_score = self._model(self._x)
        at = y_score.detach().requires_grad_()
        begin = time.perf_counter()
        self._criterion(at, self._y_true).backward()
        taken = time.perf_counter() - begin
        self._optimizer.zero_grad()
        y_score.backward(at.grad)
        self._optimizer.step()
        return taken * 1e3

    def turn(self) -> tuple[float, float]:
        """Return the mean milliseconds of a step, and of the criterion in it."""
        begin = time.perf_counter()
        taken = statistics.fmean(self.step() for _ in range(TURN))
        return (time.perf_counter() - begin) / TURN * 1e3, taken


def make_perceptron(widths: list[int]) -> nn.Module:
    """Return layers of these widths, ReLU between them; one score a row."""
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(widths):
        layers += [nn.Linear(fan_in, fan_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1], nn.Flatten(0))


def measure_criterion(blocks: int, seconds: float) -> list[Reading]:
    """Loops with the criterion beside one with cross-entropy, in turns."""
    readings = []
    for widths, name in ((LARGE, "10 million parameters"), (SMALL, "11 parameters")):
        criteria = nn.BCEWithLogitsLoss(), SurrogateLoss("f1", warm_up=1)
        loops = [PlainLoop(widths, criterion) for criterion in criteria]
        for loop in loops:
            loop.turn()  # compiles and allocates
        whole, _ = loops[0].turn()
        n_turns = max(blocks, int(seconds * 1e3 / (whole * TURN)))
        turns = [[loop.turn() for loop in loops] for _ in range(n_turns)]
        plain, ours = (
            tuple(map(statistics.median, zip(*taken, strict=True)))
            for taken in zip(*turns, strict=True)
        )
        what = f"SurrogateLoss, {name}, batch {BATCH}"
        if widths is LARGE:
            readings.append(share(what, ours[0], "cross-entropy", plain[0], 1.5))
        more = (CRITERIA, "cross-entropy", plain[1])
        readings.append(absolute(f"{what}, added", ours[1], *more))
    return readings
