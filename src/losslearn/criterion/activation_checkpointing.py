"""Getting along with activation checkpointing around a loss."""

import torch
from torch import Tensor


def own_graph() -> torch.autograd.graph.saved_tensors_hooks:
    """Keep what is derived within from hooks outside, as of checkpointing."""
    return torch.autograd.graph.saved_tensors_hooks(_same, _same)


def _same(saved: Tensor) -> Tensor:
    return saved


def runs_again() -> bool:
    """Return whether checkpointing runs a forward pass again, in the backward pass."""
    task: int = torch._C._current_graph_task_id()  # what PyTorch's own checkpoint asks
    return task != -1
