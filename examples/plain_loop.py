"""A plain PyTorch loop, trained for F1 and for cross-entropy.

    python examples/plain_loop.py --tensorboard runs/digits
    python examples/plain_loop.py --checkpoints runs/digits --epochs 20

With `--checkpoints` the state after each epoch is kept; a later call with more epochs
goes on from there, as if it had never stopped.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader
from torch.utils.tensorboard import SummaryWriter

from losslearn import SurrogateLoss
from rare_digit import Network, Task, load_task, scored
from report import held_out_loss, print_table


def train(
    criterion: nn.Module,
    task: Task,
    *,
    epochs: int,
    seed: int,
    checkpoint: Path | None = None,
    writer: SummaryWriter | None = None,
) -> nn.Module:
    """Return a network trained with a criterion, whichever it is."""
    torch.manual_seed(seed)
    network = Network()
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    order = torch.Generator().manual_seed(seed)
    loader = DataLoader(task.train, batch_size=256, shuffle=True, generator=order)
    first_epoch = 0
    if checkpoint is not None and checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        criterion.load_state_dict(state["criterion"])
        order.set_state(state["order"])
        first_epoch = state["epochs"]
    for epoch in range(first_epoch, epochs):
        for x, y in loader:
            loss = criterion(network(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        if writer is not None and isinstance(criterion, SurrogateLoss):
            for name, value in criterion.metrics().items():
                writer.add_scalar(f"surrogate/{name}", value, epoch)
        if checkpoint is not None:
            state = {
                "network": network.state_dict(),
                "optimizer": optimizer.state_dict(),
                "criterion": criterion.state_dict(),
                "order": order.get_state(),
                "epochs": epoch + 1,
            }
            torch.save(state, checkpoint)
    return network


def main(args: Sequence[str] | None = None) -> None:
    """Train with both criteria and print their test losses."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--metric", default="f1")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--checkpoints", type=Path, metavar="FOLDER")
    parser.add_argument("--tensorboard", type=Path, metavar="FOLDER")
    options = parser.parse_args(args)

    torch.set_num_threads(1)  # the tensors are tiny: more threads wait for each other
    task = load_task(options.seed)
    criteria = {
        "cross-entropy": nn.BCEWithLogitsLoss(),
        # 500 calls of warm-up are the default, and nearly all of this short training
        options.metric: SurrogateLoss(options.metric, warm_up=100),
    }
    writer = SummaryWriter(options.tensorboard) if options.tensorboard else None
    losses = {}
    for name, criterion in criteria.items():
        checkpoint = None
        if options.checkpoints is not None:
            options.checkpoints.mkdir(parents=True, exist_ok=True)
            checkpoint = options.checkpoints / f"{name}.pt"
        network = train(
            criterion,
            task,
            epochs=options.epochs,
            seed=options.seed,
            checkpoint=checkpoint,
            writer=writer,
        )
        losses[name] = held_out_loss(
            options.metric, scored(network, task.valid), scored(network, task.test)
        )
    print_table(options.metric, losses)
    if writer is not None:
        writer.close()


if __name__ == "__main__":
    main()
