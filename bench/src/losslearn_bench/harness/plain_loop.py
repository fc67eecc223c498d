"""The learned loss as a criterion in a plain PyTorch loop, as a method."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Integer
from torch import Tensor, nn

from losslearn.criterion.loss import SurrogateLoss
from losslearn.models.networks import score_rows
from losslearn.training.loop import Observer, TrainingData
from losslearn_bench.harness.fitted import Setting
from losslearn_bench.harness.neural import Context, NeuralMethod


@dataclass(frozen=True)
class PlainLoop(NeuralMethod):
    """Trains by `SurrogateLoss` in the loop that anybody writes.

    Shuffled batches of the set's size, an epoch after the other, PyTorch's Adam and
    cosine schedule, clipped gradients: as many steps, rows and looks at the validation
    rows as the other methods have.
    """

    def _descend(
        self,
        model: nn.Module,
        data: TrainingData,
        context: Context,
        own: Setting,
        observe: Observer,
    ) -> int:
        del own
        config = context.config
        n_steps = config.max_iter * config.model_steps
        criterion = SurrogateLoss(
            context.true_loss,
            set_size=config.batch_size,
            cross_entropy_weight=config.cross_entropy_weight,
            random_state=context.seed,
        )
        optimizer = torch.optim.Adam(model.parameters(), lr=config.model_lr)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, n_steps)
        batches = _shuffled(len(data.x), config.batch_size, context.generator)
        look_every = config.eval_every * config.model_steps
        for step in range(1, n_steps + 1):
            rows = next(batches)
            model.train()
            loss = criterion(model(data.x[rows]), data.y_true[rows])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), config.max_grad_norm)
            optimizer.step()
            schedule.step()
            if step % look_every == 0 or step == n_steps:
                observe(step // config.model_steps, score_rows(model, data.x_valid))
        return n_steps


def _shuffled(
    n_rows: int, batch_size: int, generator: torch.Generator
) -> Iterator[Integer[Tensor, " n"]]:
    """Yield row numbers of batches, each row once an epoch."""
    while True:
        order = torch.randperm(n_rows, generator=generator, device=generator.device)
        # a last batch of one row has no deviation for BatchNorm
        yield from (rows for rows in order.split(batch_size) if len(rows) > 1)
