"""What of recorded functions needs no GPU: when they are recorded, and what is kept."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from losslearn._fast import cuda_graphs
from losslearn._fast.cuda_graphs import GraphedFunction, addresses_of


class Recorded:
    """Stands in for a graph: runs the function, and says so."""

    def __init__(self, function: Callable[..., tuple[Tensor, ...]], log: list[str]):
        self.function, self.log = function, log

    def replay(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        self.log.append("replayed")
        return self.function(*inputs)


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What happens to a function."""
    events: list[str] = []

    def record(function: Callable[..., tuple[Tensor, ...]], _: object) -> Recorded:
        events.append("recorded")
        return Recorded(function, events)

    monkeypatch.setattr(GraphedFunction, "takes", lambda *_: True)
    monkeypatch.setattr(cuda_graphs._Graph, "record", record)
    return events


def graphed(
    works_on: Callable[[], object] = lambda: None,
) -> GraphedFunction:
    return GraphedFunction(lambda x: (2 * x,), works_on=works_on)


def test_a_function_runs_once_before_it_is_recorded(log):
    double = graphed()
    for _ in range(3):
        assert double(torch.ones(2))[0].tolist() == [2, 2]
    assert log == ["recorded", "replayed", "replayed"]


def test_nothing_is_recorded_off_a_gpu(log, monkeypatch):
    monkeypatch.undo()
    double = graphed()
    for _ in range(3):
        assert double(torch.ones(2))[0].tolist() == [2, 2]
    assert double._graphs == {}
    assert log == []


@pytest.mark.parametrize("other", [torch.ones(3), torch.ones(2).double()])
def test_each_kind_of_inputs_is_recorded(log, other):
    double = graphed()
    for x in (torch.ones(2), other) * 3:
        assert double(x)[0].dtype == x.dtype
    assert log == [*["recorded", "replayed"] * 2, "replayed", "replayed"]


def test_the_latest_kinds_are_kept(log):
    double = graphed()
    for n in (1, 1, 2, 3, 4, 1, 5):  # the fifth kind takes the place of 2
        double(torch.ones(n))
    log.clear()
    double(torch.ones(1))
    assert log == ["replayed"]
    double(torch.ones(2))
    assert log == ["replayed"]  # as if it had never come


def test_what_a_recording_is_bound_to_may_change(log):
    bound_to = ["a"]
    double = graphed(lambda: bound_to[0])
    double(torch.ones(2))
    double(torch.ones(2))
    bound_to[0] = "b"
    log.clear()
    for _ in range(2):
        double(torch.ones(2))
    assert log == ["recorded", "replayed"]


def test_addresses_tell_of_tensors_that_were_exchanged():
    module = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    addresses = addresses_of(module)
    seen = {addresses()}
    with torch.no_grad():
        module[0].weight += 1  # the same place
    assert addresses() in seen
    module[0].weight.data = torch.ones(3, 2)
    seen.add(addresses())
    module[0].bias = nn.Parameter(torch.ones(3))
    seen.add(addresses())
    module[1].running_mean = torch.ones(3)
    seen.add(addresses())
    assert len(seen) == 4
