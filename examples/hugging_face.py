"""The Trainer of transformers, trained for F1 and for cross-entropy.

    python examples/hugging_face.py --folder runs/text
    python examples/hugging_face.py --folder runs/text --epochs 20

With `--folder` the state after each epoch is kept; a later call with more epochs goes
on from there, as if it had never stopped. Nothing is downloaded.
"""

import argparse
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    Trainer,
    TrainerCallback,
    TrainerState,
    TrainingArguments,
    set_seed,
)
from transformers.modeling_outputs import SequenceClassifierOutput
from transformers.trainer_utils import get_last_checkpoint
from transformers.utils.logging import disable_progress_bar

from losslearn import SurrogateLoss
from report import held_out_loss, print_table
from urgent_messages import load_tokens, n_words


def loss_of(
    criterion: nn.Module,
    outputs: SequenceClassifierOutput,
    labels: Tensor,
    num_items_in_batch: Tensor | None = None,
) -> Tensor:
    """Return a criterion's value as the Trainer wants it."""
    # the Trainer sets the mode of its model alone, and evaluates without gradients
    criterion.train(torch.is_grad_enabled())
    loss = criterion(outputs.logits.squeeze(-1), labels.float())
    if num_items_in_batch is None:
        return loss
    # the Trainer adds up the losses of a step's batches: each counts by its rows
    return loss * len(labels) / num_items_in_batch


class KeepCriterion(TrainerCallback):
    """Saves the criterion in each checkpoint, beside the model."""

    def __init__(self, criterion: nn.Module) -> None:
        """Remember the criterion."""
        self.criterion = criterion

    def on_save(
        self, args: TrainingArguments, state: TrainerState, *_: object, **__: object
    ) -> None:
        """Save it."""
        folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        torch.save(self.criterion.state_dict(), folder / "criterion.pt")


def train(criterion: nn.Module, *, epochs: int, seed: int, folder: Path) -> Trainer:
    """Return the Trainer of a model trained with a criterion, whichever it is."""
    set_seed(seed)
    config = BertConfig(
        vocab_size=n_words(),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        initializer_range=0.1,
        num_labels=1,  # one raw score
    )
    arguments = TrainingArguments(
        folder,
        num_train_epochs=epochs,
        per_device_train_batch_size=256,
        per_device_eval_batch_size=2_000,  # all: F1 is no mean
        gradient_accumulation_steps=2,
        learning_rate=3e-3,
        lr_scheduler_type="constant",
        eval_strategy="epoch",
        save_strategy="epoch",
        report_to="none",
        disable_tqdm=True,
        use_cpu=True,
        seed=seed,
    )
    trainer = Trainer(
        BertForSequenceClassification(config),
        arguments,
        train_dataset=load_tokens(8_000, seed),
        eval_dataset=load_tokens(2_000, seed + 1),
        compute_loss_func=partial(loss_of, criterion),
        callbacks=[KeepCriterion(criterion)],
    )
    last = get_last_checkpoint(folder) if folder.exists() else None
    if last is not None:
        kept = torch.load(Path(last) / "criterion.pt", weights_only=True)
        criterion.load_state_dict(kept)
    trainer.train(resume_from_checkpoint=last)
    return trainer


def main(args: Sequence[str] | None = None) -> None:
    """Train with both criteria and print their test losses."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--metric", default="f1")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args(args)

    disable_progress_bar()
    torch.set_num_threads(1)  # the tensors are tiny: more threads wait for each other
    criteria = {
        "cross-entropy": nn.BCEWithLogitsLoss(),
        # 500 calls of warm-up are the default, and nearly all of this short training
        options.metric: SurrogateLoss(options.metric, warm_up=100),
    }
    rows = load_tokens(2_000, options.seed + 1), load_tokens(4_000, options.seed + 2)
    losses = {}
    with tempfile.TemporaryDirectory() as passing:
        for name, criterion in criteria.items():
            folder = (options.folder or Path(passing)) / name
            trainer = train(
                criterion, epochs=options.epochs, seed=options.seed, folder=folder
            )
            found = (trainer.predict(part) for part in rows)
            valid, test = ((part.label_ids, part.predictions) for part in found)
            losses[name] = held_out_loss(options.metric, valid, test)
    print_table(options.metric, losses)


if __name__ == "__main__":
    main()
