"""Distributed training with DDP, trained for F1 and for cross-entropy.

    torchrun --nproc-per-node 2 examples/torchrun_ddp.py

The set that the learned loss values is the batch of all processes, so every process
calls the criterion in each step, with as many rows as it has.
"""

import argparse
from collections.abc import Sequence

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from losslearn import SurrogateLoss
from rare_digit import Network, Task, load_task, scored
from report import held_out_loss, print_table


def train(criterion: nn.Module, task: Task, *, epochs: int, seed: int) -> nn.Module:
    """Return a network trained with a criterion, whichever it is."""
    rank, n_processes = distributed.get_rank(), distributed.get_world_size()
    torch.manual_seed(seed)
    network = DistributedDataParallel(Network())
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    order = torch.Generator().manual_seed(seed)  # the same in all processes
    for _ in range(epochs):
        rows = torch.randperm(len(task.train), generator=order)
        for batch in rows.split(255):  # odd: one process has a row more
            x, y = task.train[batch[rank::n_processes]]
            loss = criterion(network(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return network.module


def all_hold_the_same(criterion: SurrogateLoss) -> bool:
    """Return whether all processes have learned the same loss."""
    own: dict[str, Tensor] = criterion.state_dict()["_extra_state"]["stream"]["learner"]
    states: list[dict] = [{}] * distributed.get_world_size()
    distributed.all_gather_object(states, own["surrogate"])
    return all(
        torch.equal(weight, states[0][name])
        for state in states
        for name, weight in state.items()
    )


def main(args: Sequence[str] | None = None) -> None:
    """Train with both criteria; the first process prints their test losses."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--metric", default="f1")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(args)

    torch.set_num_threads(1)  # the tensors are tiny: more threads wait for each other
    distributed.init_process_group("gloo")
    task = load_task(options.seed)
    # 500 calls of warm-up are the default, and nearly all of this short training
    learned = SurrogateLoss(options.metric, warm_up=100)
    losses = {}
    for name, criterion in {
        "cross-entropy": nn.BCEWithLogitsLoss(),
        options.metric: learned,
    }.items():
        network = train(criterion, task, epochs=options.epochs, seed=options.seed)
        losses[name] = held_out_loss(
            options.metric, scored(network, task.valid), scored(network, task.test)
        )
    assert all_hold_the_same(learned), "a process did not call the criterion each step"
    if distributed.get_rank() == 0:
        print_table(options.metric, losses)
        print(f"the same learned loss in {distributed.get_world_size()} processes")
    distributed.destroy_process_group()


if __name__ == "__main__":
    main()
