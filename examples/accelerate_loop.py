"""A loop with Accelerate, trained for F1 and for cross-entropy.

    python examples/accelerate_loop.py --mlflow runs/mlflow
    python examples/accelerate_loop.py --checkpoints runs/digits --epochs 20

With `--checkpoints` the state after each epoch is kept; a later call with more epochs
goes on from there, as if it had never stopped.
"""

import argparse
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import DataLoaderConfiguration, set_seed
from torch import nn
from torch.utils.data import DataLoader

from losslearn import SurrogateLoss
from rare_digit import Network, Task, load_task, scored
from report import held_out_loss, print_table

Log = Callable[[dict[str, float], int], None]
"""Takes values and the step they are of."""


def mlflow_run(folder: Path) -> Log:
    """Start a run of MLflow, kept in a folder, and return what logs to it."""
    os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    import mlflow

    mlflow.set_tracking_uri(folder.resolve().as_uri())
    mlflow.set_experiment("rare digit")
    mlflow.start_run()  # ends with the process
    return mlflow.log_metrics


def train(
    criterion: nn.Module,
    task: Task,
    *,
    epochs: int,
    seed: int,
    folder: Path | None = None,
    log: Log | None = None,
) -> nn.Module:
    """Return a network trained with a criterion, whichever it is."""
    accelerator = Accelerator(
        dataloader_config=DataLoaderConfiguration(use_seedable_sampler=True)
    )
    set_seed(seed)
    network = Network()
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    loader = DataLoader(task.train, batch_size=256, shuffle=True)
    network, optimizer, loader = accelerator.prepare(network, optimizer, loader)
    # nothing to prepare in the criterion: it has no parameters and follows the scores
    accelerator.register_for_checkpointing(criterion)
    done = (
        max((int(path.name) for path in folder.glob("*")), default=0) if folder else 0
    )
    if done:
        accelerator.load_state(folder / str(done))
    for epoch in range(done, epochs):
        loader.set_epoch(epoch)
        for x, y in loader:
            loss = criterion(network(x), y)
            optimizer.zero_grad()
            accelerator.backward(loss)
            optimizer.step()
        if log is not None and isinstance(criterion, SurrogateLoss):
            log(criterion.metrics(), epoch)
        if folder is not None:
            accelerator.save_state(folder / str(epoch + 1))
    return accelerator.unwrap_model(network).cpu()


def main(args: Sequence[str] | None = None) -> None:
    """Train with both criteria and print their test losses."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--metric", default="f1")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--checkpoints", type=Path, metavar="FOLDER")
    parser.add_argument("--mlflow", type=Path, metavar="FOLDER")
    options = parser.parse_args(args)

    torch.set_num_threads(1)  # the tensors are tiny: more threads wait for each other
    task = load_task(options.seed)
    criteria = {
        "cross-entropy": nn.BCEWithLogitsLoss(),
        # 500 calls of warm-up are the default, and nearly all of this short training
        options.metric: SurrogateLoss(options.metric, warm_up=100),
    }
    log = mlflow_run(options.mlflow) if options.mlflow is not None else None
    losses = {}
    for name, criterion in criteria.items():
        folder = options.checkpoints and options.checkpoints / name
        settings = {"epochs": options.epochs, "seed": options.seed, "log": log}
        network = train(criterion, task, folder=folder, **settings)
        losses[name] = held_out_loss(
            options.metric, scored(network, task.valid), scored(network, task.test)
        )
    print_table(options.metric, losses)


if __name__ == "__main__":
    main()
