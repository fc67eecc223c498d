"""PyTorch's one global generator, which initialisation and dropout draw from."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_HELD = threading.RLock()


@contextmanager
def own_draws(device: torch.device | None = None) -> Iterator[None]:
    """Draw from the global generator alone, and leave it as it was.

    Threads wait for each other: else each would go on from another's draws, and none
    would get from its seed what it gets alone. Within a thread this may be nested.

    Args:
        device: Whose generator is held besides that of the CPU.

    Example:
        >>> import torch
        >>> before = torch.get_rng_state()
        >>> with own_draws():
        ...     _ = torch.manual_seed(0), torch.rand(3)
        >>> torch.equal(torch.get_rng_state(), before)
        True
    """
    on_gpu = device is not None and device.type == "cuda"
    with _HELD, torch.random.fork_rng(devices=[device] if on_gpu else []):
        yield
