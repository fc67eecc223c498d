"""What an iteration costs on a GPU, and how often it waits for the device.

    python bench/studies/gpu_speed.py

The ways of a row are timed in one process, in short blocks that take turns and end when
the device is done; the median block counts. Prints the table and writes
`results/gpu_speed.json`.
"""

import sys
import warnings
from collections.abc import Callable
from typing import NamedTuple
from unittest.mock import patch

import torch
from criterion_cost import BATCH, LARGE, SMALL, TURN, Criterion, make_perceptron
from iteration_parts import FIT, SCORES, STEPS, TRUE_LOSSES, our_parts
from shared import write
from speed import make_setting
from timing import hardware, interleaved, make_parser
from torch import nn

from losslearn import SurrogateLoss
from losslearn._fast.cuda_graphs import GraphedFunction
from losslearn.training.algorithm import draw_scored

Ways = dict[str, Callable[[], object]]


class Line(NamedTuple):
    """Milliseconds of several ways to do the same."""

    what: str
    ms: dict[str, float]
    waits: dict[str, float]
    """How often a call waits for the device."""


def measure(what: str, ways: Ways, *, calls: int, blocks: int) -> Line:
    """Time ways of `calls` steps each, and count what waits."""
    wait = torch.cuda.synchronize
    ms = interleaved(*ways.values(), blocks=blocks, seconds=0.1, wait=wait)
    return Line(
        what,
        {name: taken / calls for name, taken in zip(ways, ms, strict=True)},
        {name: count_waits(way) / calls for name, way in ways.items()},
    )


def count_waits(way: Callable[[], object]) -> int:
    """Return how often a call waits for the device."""
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            way()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    return sum("synchroniz" in str(warning.message) for warning in caught)


def without_graphs(way: Callable[[], object]) -> Callable[[], object]:
    """Return a way that launches each operation on its own."""

    def call() -> None:
        with patch.object(GraphedFunction, "takes", return_value=False):
            way()

    return call


def both(way: Callable[[], object]) -> Ways:
    """Return a way as it is and without graphs."""
    return {"graphs": way, "no graphs": without_graphs(way)}


def measure_iteration(n: int, *, replay: int, blocks: int) -> Line:
    """Any `nn.Module`, the paper's size but for the rows of a set."""
    setting = make_setting("module", n=n, replay=replay, device="cuda")
    ways = {
        **both(setting.iterate),
        "eager loop": setting.loop.iterate,
        "3 cross-entropy steps": setting.cross_entropy,
    }
    what = f"an iteration, any nn.Module, N = {n:,}, replay = {replay}"
    return measure(what, ways, calls=1, blocks=blocks)


def measure_parts(blocks: int) -> list[Line]:
    """The parts of an iteration at the paper's size."""
    setting = make_setting("module", device="cuda")
    parts, trainer = our_parts(setting), setting.ours.trainer
    one = draw_scored(trainer.predictor, trainer.sampler, 1).picked(0)

    def value() -> object:
        return setting.ours.learned.value_and_slope(one)

    ways = {
        **{name: {"eager": parts[name]} for name in (SCORES, TRUE_LOSSES)},
        FIT: both(parts[FIT]),
        "the learned loss and its gradient": both(value),
        STEPS: both(parts[STEPS]),
    }
    return [measure(name, way, calls=1, blocks=blocks) for name, way in ways.items()]


def measure_loop(widths: list[int], name: str, *, blocks: int) -> Line:
    """A loop of one's own, by each criterion."""

    def make(criterion: Criterion) -> Callable[[], object]:
        torch.manual_seed(0)
        model = make_perceptron(widths).cuda()
        optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)
        x = torch.randn(BATCH, widths[0], device="cuda")
        y_true = (x[:, 0] > 1).float()

        def turn() -> None:
            for _ in range(TURN):
                loss = criterion(model(x), y_true)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()

        return turn

    ours = both(make(SurrogateLoss("f1", warm_up=1)))
    ways = {"cross-entropy": make(nn.BCEWithLogitsLoss()), **ours}
    what = f"a step of a loop, {name}, batch {BATCH}"
    return measure(what, ways, calls=TURN, blocks=blocks)


def main(args: list[str] | None = None) -> None:
    """Measure, print and write."""
    options = make_parser(__doc__, "gpu_speed.json", blocks=9).parse_args(args)
    if not torch.cuda.is_available():
        sys.exit("gpu_speed.py times a CUDA device, and PyTorch finds none here.")
    blocks = options.blocks
    sizes = ((100, 1), (100, 4), (1_000, 4), (10_000, 4))
    lines = [
        *measure_parts(blocks),
        *(measure_iteration(n, replay=k, blocks=blocks) for n, k in sizes),
        measure_loop(SMALL, "11 parameters", blocks=blocks),
        measure_loop(LARGE, "10 million parameters", blocks=blocks),
    ]
    for line in lines:
        ways = "  ".join(
            f"{name} {ms:.3f} ms ({line.waits[name]:.2f} waits)"
            for name, ms in line.ms.items()
        )
        sys.stdout.write(f"{line.what:55s} {ways}\n")
    machine = {"gpu": torch.cuda.get_device_name(), **hardware()}
    table = [line._asdict() for line in lines]
    write(options.out, {"hardware": machine, "lines": table})


if __name__ == "__main__":
    main()
