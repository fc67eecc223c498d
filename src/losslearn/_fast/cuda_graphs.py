"""A function of small tensors, launched on a GPU as one CUDA graph."""

import gc
from collections.abc import Callable, Hashable
from typing import NamedTuple

import torch
from torch import Tensor, nn

_MOST_KINDS = 4
"""Shapes of inputs for which a graph is kept: an epoch's last batch is a second one."""

Function = Callable[..., tuple[Tensor, ...]]


class GraphedFunction:
    """Calls a function; from the second call on, by the graph of its launches.

    What is done with small tensors costs a GPU less time than the many launches cost
    the host; a graph is one launch. The first call with inputs of a kind runs the
    function as it is, which loads the kernels that it needs, the second records it.
    Where inputs are not on a GPU, every call runs the function as it is.

    The function may change tensors in place, as an optimiser does. It must ask nothing
    of the device, draw nothing, and do the same each time: what it reads beside its
    inputs is settled when it is recorded, but for what lies in the tensors.
    """

    def __init__(self, function: Function, *, works_on: Callable[[], Hashable]) -> None:
        """Keep the function of tensors on one device; nothing is recorded yet.

        `works_on` gives all that is recorded beside the inputs: addresses of tensors
        that the function knows, and numbers that it uses. Where it has changed, the
        function is recorded anew.
        """
        self._function, self._works_on = function, works_on
        self._recorded_for: Hashable = None
        self._graphs: dict[Hashable, _Graph | None] = {}

    @staticmethod
    def takes(*inputs: Tensor) -> bool:
        """Return whether a graph can be of these: they are on a GPU, without casts.

        Automatic mixed precision keeps casts of parameters, which a graph would go on
        reading.
        """
        on_gpu = all(tensor.is_cuda for tensor in inputs)
        return on_gpu and not torch.is_autocast_enabled("cuda")

    def __call__(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Return what the function returns, in tensors of their own."""
        if not self.takes(*inputs):
            return self._function(*inputs)
        works_on = self._works_on()
        if works_on != self._recorded_for:
            self._graphs.clear()
            self._recorded_for = works_on
        kind = tuple((tensor.shape, tensor.dtype, tensor.device) for tensor in inputs)
        graph = None
        if kind in self._graphs:
            graph = self._graphs.pop(kind) or _Graph.record(self._function, inputs)
        outputs = graph.replay(inputs) if graph else self._function(*inputs)
        self._graphs[kind] = graph  # as the latest
        if len(self._graphs) > _MOST_KINDS:
            del self._graphs[next(iter(self._graphs))]
        return outputs


def addresses_of(module: nn.Module) -> Callable[[], tuple[int, ...]]:
    """Return what tells in microseconds where parameters and buffers lie by then."""
    tables = [t for m in module.modules() for t in (m._parameters, m._buffers) if t]

    def addresses() -> tuple[int, ...]:
        tensors = (t for table in tables for t in table.values() if t is not None)
        return tuple(tensor.data_ptr() for tensor in tensors)

    return addresses


class _Graph(NamedTuple):
    """Launches, and the tensors that they read and write."""

    graph: torch.cuda.CUDAGraph
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]

    @classmethod
    def record(cls, function: Function, inputs: tuple[Tensor, ...]) -> "_Graph":
        """Record a function; nothing is calculated yet."""
        device = inputs[0].device
        kept = tuple(torch.empty_like(t, requires_grad=False) for t in inputs)
        graph = torch.cuda.CUDAGraph()
        stream = torch.cuda.Stream(device)
        # other threads, such as those that load data, may use the device meanwhile
        recording = torch.cuda.graph(
            graph, stream=stream, capture_error_mode="thread_local"
        )
        collects = gc.isenabled()
        gc.disable()  # no recording survives that an old graph is freed meanwhile
        try:
            with torch.cuda.device(device), recording:
                outputs = function(*kept)
        finally:
            if collects:
                gc.enable()
        return cls(graph, kept, outputs)

    def replay(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Calculate, of these inputs."""
        with torch.cuda.device(self.inputs[0].device):
            for kept, new in zip(self.inputs, inputs, strict=True):
                kept.copy_(new)
            self.graph.replay()
            return tuple(output.clone() for output in self.outputs)
