"""Two processes that train together, against one that has the joint batch."""

import copy

import pytest
import torch
from criterion_cases import SMALL, same, small_model, table
from torch import Tensor, distributed, multiprocessing, nn
from torch.nn.parallel import DistributedDataParallel

from losslearn import SurrogateLoss
from losslearn.criterion.gathering import gather_rows

pytestmark = pytest.mark.slow

SIZES = [(9, 4), (0, 6), (16, 16), (16, 7), (12, 0), (1, 16), (0, 5), (16, 16), (3, 2)]
"""Rows of the two processes in each step; in the first two all are of one class."""
ONE_CLASS = 2
MODES = ("universal", "refined")
"""A surrogate that stays as it is, and one that learns."""


def rows_of(step: int) -> tuple[tuple[Tensor, Tensor], ...]:
    """Both processes' rows of a step."""
    x, y_true = table(step, sum(SIZES[step]))
    if step < ONE_CLASS:
        y_true = torch.zeros_like(y_true)
    else:
        y_true[0] = 1.0
    return tuple(zip(x.split(SIZES[step]), y_true.split(SIZES[step]), strict=True))


def run(model: nn.Module, rank: int | None, mode: str) -> list[dict]:
    """Train; return loss, gradients, blend and state of each step."""
    # calls leave the blend where it is set
    criterion, found = SurrogateLoss("auc", mode=mode, warm_up=10**6, **SMALL), []
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02)
    for step in range(len(SIZES)):
        rows = rows_of(step)
        if rank is None:
            x, y_true = (torch.cat(part) for part in zip(*rows, strict=True))
        else:
            x, y_true = rows[rank]
        criterion._stream.blend = 0.5
        loss = criterion(model(x), y_true)
        optimizer.zero_grad()
        loss.backward()
        found.append(
            {
                "loss": loss.item(),
                "gradient": [p.grad.clone() for p in model.parameters()],
                "state": criterion.state_dict(),
                "blend": criterion._stream.blend,
            }
        )
        optimizer.step()
    return found


def gathered(rank: int) -> list[tuple]:
    """Rows of any axes and number, from both processes and from this one alone."""
    groups = [distributed.new_group([r]) for r in range(2)]
    found = []
    for sizes in ((3, 2), (0, 4), (0, 0)):
        y_score = 10.0 * rank + torch.arange(2.0 * sizes[rank]).reshape(-1, 2)
        y_true = rank + torch.zeros(sizes[rank], 1, 3, dtype=torch.long)
        for group in (None, groups[rank]):
            joint = gather_rows(y_score, y_true, group=group)
            found.append((*joint, y_score, y_true))
    return found


def copied_losses(rank: int) -> list[float]:
    """Of a criterion of a group of this process alone, and of its copy."""
    groups = [distributed.new_group([r]) for r in range(2)]
    original = SurrogateLoss("auc", process_group=groups[rank], **SMALL)
    pair = (original, copy.deepcopy(original))
    x, y_true = table(0, 16 + rank)
    return [criterion(x[:, 0], y_true).item() for criterion in pair]


def work(rank: int, folder: str) -> None:
    """One of the two processes."""
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2
    )
    found = {"gathered": gathered(rank), "copied": copied_losses(rank)}
    for mode in MODES:
        found[mode] = run(DistributedDataParallel(small_model()), rank, mode)
    torch.save(found, f"{folder}/{rank}.pt")
    distributed.destroy_process_group()


@pytest.fixture(scope="module")
def both(tmp_path_factory) -> list[dict]:
    """What the two processes found."""
    folder = tmp_path_factory.mktemp("processes")
    multiprocessing.spawn(work, (str(folder),), nprocs=2)
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(2)]


@pytest.mark.parametrize("mode", MODES)
def test_gradients_are_those_of_one_process_with_the_joint_batch(both, mode):
    alone = run(small_model(), None, mode)
    for step, expected in enumerate(alone):
        assert expected["blend"] == pytest.approx(0.5, abs=1e-5)
        for rank in range(2):
            found = both[rank][mode][step]
            assert found["loss"] == pytest.approx(expected["loss"], rel=1e-4)
            slope, wanted = (
                torch.cat([part.flatten() for part in at["gradient"]])
                for at in (found, expected)
            )
            # rows are summed in another order, of which a surrogate that learns makes
            # more than the 1e-6 of single precision
            assert (slope - wanted).abs().max() < 1e-4 * wanted.abs().max(), step


@pytest.mark.parametrize("mode", MODES)
def test_all_processes_hold_the_same_state_after_every_step(both, mode):
    first, second = (found[mode] for found in both)
    for left, right in zip(first, second, strict=True):
        assert same(left["state"], right["state"])
        assert same(left["gradient"], right["gradient"])
    states = [step["state"]["_extra_state"] for step in first]
    assert [state["stream"]["queue"]["size"] for state in states] == [
        sum(map(sum, SIZES[: step + 1])) for step in range(len(SIZES))
    ]
    assert states[-1]["stream"]["fits"] == len(SIZES) - ONE_CLASS


def test_a_copy_belongs_to_the_same_processes(both):
    for found in both:
        assert found["copied"][0] == found["copied"][1]


def test_rows_are_gathered_in_the_order_of_the_ranks(both):
    for each, (first, second) in enumerate(
        zip(*(found["gathered"] for found in both), strict=True)
    ):
        own = [(gathered[4], gathered[5]) for gathered in (first, second)]
        for rank, (y_score, y_true, start, n_processes, _, _) in enumerate(
            (first, second)
        ):
            if each % 2:  # the group of one
                expected, at = own[rank], 0
            else:
                expected = tuple(map(torch.cat, zip(*own, strict=True)))
                at = rank * len(own[0][0])
            assert same((y_score, y_true), expected)
            assert (start, n_processes) == (at, 1 if each % 2 else 2)
