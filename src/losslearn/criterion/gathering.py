"""The batch of all processes of a distributed training."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, distributed


class Gathered(NamedTuple):
    """Rows of all processes, in the order of their ranks."""

    score: Float[Tensor, "all ..."]
    """Scores, without gradient."""
    target: Shaped[Tensor, "all ..."]
    """Targets."""
    start: int
    """Where this process's own rows begin."""
    n_processes: int
    """How many processes there are."""


def gather_rows(
    score: Float[Tensor, "n ..."],
    target: Shaped[Tensor, "n ..."],
    *,
    group: distributed.ProcessGroup | None = None,
) -> Gathered:
    """Return the rows of all processes; every one of them has to call it.

    They may have different numbers of rows, none among them.

    Args:
        score: This process's scores, without gradient.
        target: This process's targets.
        group: The processes; None takes all. Without distributed training there is
            one.
    """
    if not (distributed.is_available() and distributed.is_initialized()):
        return Gathered(score, target, 0, 1)
    n_processes = distributed.get_world_size(group)
    if n_processes == 1:
        return Gathered(score, target, 0, 1)
    own = torch.tensor([len(score)], device=score.device)
    counts = [torch.empty_like(own) for _ in range(n_processes)]
    distributed.all_gather(counts, own, group=group)
    sizes = [int(count) for count in counts]
    start = sum(sizes[: distributed.get_rank(group)])
    parts = [
        torch.cat([part[:size] for part, size in zip(padded, sizes, strict=True)])
        for padded in (
            _padded(rows, max(sizes), n_processes, group) for rows in (score, target)
        )
    ]
    return Gathered(parts[0], parts[1], start, n_processes)


def _padded(
    rows: Tensor,
    length: int,
    n_processes: int,
    group: distributed.ProcessGroup | None,
) -> list[Tensor]:
    """Return every process's rows, filled up with zeros to one length."""
    own = rows.new_zeros((length, *rows.shape[1:]))
    own[: len(rows)] = rows
    parts = [torch.empty_like(own) for _ in range(n_processes)]
    distributed.all_gather(parts, own, group=group)
    return parts
