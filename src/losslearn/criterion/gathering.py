"""The batch of all processes of a distributed training."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, distributed


class Gathered(NamedTuple):
    """Rows of all processes, in the order of their ranks."""

    score: Float[Tensor, "all ..."]
    """Without gradient."""
    target: Shaped[Tensor, "all ..."]
    start: int
    """Where this process's own rows begin."""
    n_processes: int


def gather_rows(
    score: Float[Tensor, "n ..."],
    target: Shaped[Tensor, "n ..."],
    *,
    group: distributed.ProcessGroup | None = None,
) -> Gathered:
    """Return the rows of all processes; every one of them has to call it.

    They may have different numbers of rows, none among them; no score has a gradient.
    A `group` of None takes all processes, which without distributed training are one.
    """
    if not (distributed.is_available() and distributed.is_initialized()):
        return Gathered(score, target, 0, 1)
    n_processes = distributed.get_world_size(group)
    if n_processes == 1:
        return Gathered(score, target, 0, 1)

    def of_all(own: Tensor) -> list[Tensor]:
        parts = [torch.empty_like(own) for _ in range(n_processes)]
        distributed.all_gather(parts, own, group=group)
        return parts

    own_size = torch.tensor([len(score)], device=score.device)
    sizes = [int(size) for size in of_all(own_size)]
    joint = []
    for rows in (score, target):
        padded = rows.new_zeros((max(sizes), *rows.shape[1:]))  # all of one length
        padded[: len(rows)] = rows
        parts = zip(of_all(padded), sizes, strict=True)
        joint.append(torch.cat([part[:size] for part, size in parts]))
    start = sum(sizes[: distributed.get_rank(group)])
    return Gathered(joint[0], joint[1], start, n_processes)
