"""A LightningModule, trained for F1 and for cross-entropy.

    python examples/lightning_module.py --folder runs/digits
    python examples/lightning_module.py --folder runs/digits --epochs 20

With `--folder` curves and the state after each epoch are kept there; a later call with
more epochs goes on from there, as if it had never stopped.
"""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

import lightning
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor, nn
from torch.utils.data import DataLoader, DistributedSampler

from losslearn import SurrogateLoss
from rare_digit import Network, Task, load_task, scored
from report import held_out_loss, print_table


class RareDigit(lightning.LightningModule):
    """A network and its criterion, whose state rides in the module's own."""

    def __init__(self, criterion: nn.Module) -> None:
        """Draw the weights from PyTorch's own generator: seed it before."""
        super().__init__()
        self.network = Network()
        self.criterion = criterion

    def training_step(self, batch: tuple[Tensor, Tensor], _index: int) -> Tensor:
        """Return the loss of a batch."""
        x, y = batch
        loss = self.criterion(self.network(x), y)
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], _index: int) -> None:
        """Log the criterion's value, which of a learned loss is now the true one."""
        x, y = batch
        self.log("valid_loss", self.criterion(self.network(x), y))

    def on_train_epoch_end(self) -> None:
        """Log what the criterion knows of itself."""
        if isinstance(self.criterion, SurrogateLoss):
            self.log_dict(self.criterion.metrics())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return the optimiser of the network; the criterion has its own."""
        return torch.optim.Adam(self.network.parameters(), lr=3e-3)


def train(
    criterion: nn.Module, task: Task, *, epochs: int, seed: int, folder: Path | None
) -> nn.Module:
    """Return a network trained with a criterion, whichever it is."""
    lightning.seed_everything(seed, verbose=False)
    module = RareDigit(criterion)
    # draws by the number of the epoch, so that a resume draws the same
    order = DistributedSampler(task.train, num_replicas=1, rank=0, seed=seed)
    kept = folder and folder / "checkpoints"
    trainer = lightning.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=TensorBoardLogger(folder, name=None) if folder else False,
        callbacks=[ModelCheckpoint(kept, save_last=True)] if kept else None,
        enable_checkpointing=kept is not None,
        enable_progress_bar=False,
        enable_model_summary=False,
        log_every_n_steps=10,
    )
    last = kept / "last.ckpt" if kept else None
    trainer.fit(
        module,
        DataLoader(task.train, batch_size=256, sampler=order),
        DataLoader(task.valid, batch_size=len(task.valid)),  # F1 is of all rows
        ckpt_path=last if last and last.exists() else None,
    )
    return module.network


def main(args: Sequence[str] | None = None) -> None:
    """Train with both criteria and print their test losses."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--metric", default="f1")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args(args)

    torch.set_num_threads(1)  # the tensors are tiny: more threads wait for each other
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    task = load_task(options.seed)
    criteria = {
        "cross-entropy": nn.BCEWithLogitsLoss(),
        # 500 calls of warm-up are the default, and nearly all of this short training
        options.metric: SurrogateLoss(options.metric, warm_up=100),
    }
    losses = {}
    for name, criterion in criteria.items():
        folder = options.folder and options.folder / name
        network = train(
            criterion, task, epochs=options.epochs, seed=options.seed, folder=folder
        )
        losses[name] = held_out_loss(
            options.metric, scored(network, task.valid), scored(network, task.test)
        )
    print_table(options.metric, losses)


if __name__ == "__main__":
    main()
