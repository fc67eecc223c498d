"""The learned loss as a method: Algorithm 1, the fit that users get, a plain loop."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

import torch
from jaxtyping import Integer
from torch import Tensor, nn

from losslearn.criterion.loss import SurrogateLoss
from losslearn.metrics import TrueLoss
from losslearn.models.networks import score_rows
from losslearn.surrogate.network import SetSurrogate
from losslearn.surrogate.objective import LearnedObjective
from losslearn.surrogate.universal import initial_surrogate
from losslearn.tasks.binary import Binary
from losslearn.tasks.task import TargetRows
from losslearn.training.comparison import compare
from losslearn.training.frames import as_trained
from losslearn.training.loop import Observer, Trainer
from losslearn.training.lower import SurrogateLearner, make_learner
from losslearn.training.recipe import Recipe
from losslearn.training.setup import Setup
from losslearn_bench.harness.budget import Setting
from losslearn_bench.harness.neural import (
    Context,
    Descent,
    Trained,
    make_predictor,
    make_trainer,
)
from losslearn_bench.harness.rows import TrainingData
from losslearn_bench.harness.tiers import build_tier_model


def first_surrogate(
    true_loss: TrueLoss, config: Recipe, data: TrainingData, *, seed: int
) -> SetSurrogate:
    """Return what the settings say a surrogate starts from."""
    known = TargetRows(data.y_true, data.columns) if data.columns else None
    return initial_surrogate(
        true_loss,
        Binary(),
        mode=config.mode,
        form=config.universal_form,
        standardize=config.standardize,
        seed=seed,
        rows=known,
    ).to(data.x.device)


class Algorithm(NamedTuple):
    """Algorithm 1 on a model: both levels, ready to iterate."""

    trainer: Trainer
    learner: SurrogateLearner
    learned: LearnedObjective

    def iterate(self) -> None:
        """Take one turn of the surrogate and of the model."""
        self.trainer.iterate(self.learned, self.learner)


def make_algorithm(
    model: nn.Module,
    surrogate: SetSurrogate,
    data: TrainingData,
    true_loss: TrueLoss,
    config: Recipe,
    *,
    seed: int,
) -> Algorithm:
    """Return Algorithm 1, with the learned loss alone."""
    generator = torch.Generator(data.x.device).manual_seed(seed)
    trainer = make_trainer(model, data, true_loss, config, generator=generator)
    learner = make_learner(surrogate, true_loss, Binary(), config, generator=generator)
    return Algorithm(trainer, learner, LearnedObjective(learner.fitter))


def learned(context: Context, setting: Setting) -> Trained:
    """Make the learned surrogate of the true loss (Algorithm 1)."""
    _reject(setting)
    config, loss = context.config, context.true_loss
    surrogate = first_surrogate(loss, config, context.data, seed=context.seed)
    draws = context.generator
    learner = make_learner(surrogate, loss, Binary(), config, generator=draws)
    return Trained(
        LearnedObjective(learner.fitter, usual_weight=config.usual_weight),
        learner=None if config.mode == "universal" else learner,
    )


def make_setup(
    true_loss: TrueLoss, config: Recipe, data: TrainingData, *, seed: int
) -> Setup:
    """Return what both branches are trained for, from a start of its own."""
    start = first_surrogate(as_trained(true_loss, config), config, data, seed=seed)
    return Setup(true_loss, Binary(), start, config, seed)


def _train_branches(model: nn.Module, context: Context, observe: Observer) -> int:
    """Train as `SurrogateClassifier` does: two branches, the better by validation.

    Each has the steps of the other methods. Tuned as cross-entropy is, the control is
    the very training of that method.
    """
    data, true_loss, seed = context.data, context.true_loss, context.seed
    config = replace(context.config, rounds=Recipe().rounds)
    # made inside, by the same seed, it meets the dropout that other methods meet
    comparison, trained = compare(
        lambda: make_predictor(build_tier_model(context.tier, data.x), data, config),
        data.valid,
        make_setup(true_loss, config, data, seed=seed),
    )
    if comparison.interrupted:
        raise KeyboardInterrupt
    model.load_state_dict(trained.weights())
    observe(config.max_iter, score_rows(model, data.x_valid))
    return config.max_iter * config.model_steps


def _train_plainly(model: nn.Module, context: Context, observe: Observer) -> int:
    """Train by `SurrogateLoss` in the loop that anybody writes.

    Shuffled batches of the set's size, PyTorch's Adam and cosine schedule, clipped
    gradients: as many steps, rows and looks as the other methods have.
    """
    config, data = context.config, context.data
    n_steps = config.max_iter * config.model_steps
    criterion = SurrogateLoss(
        context.true_loss,
        set_size=config.batch_size,
        usual_weight=config.usual_weight,
        random_state=context.seed,
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=config.rate)
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


def _reject(setting: Setting) -> None:
    if setting:
        raise TypeError(f"Expected settings of `Recipe`, got {', '.join(setting)}.")


def _by(descent: Descent) -> Callable[[Context, Setting], Descent]:
    """Return what makes a training that has no settings of its own."""

    def make(context: Context, setting: Setting) -> Descent:
        del context
        _reject(setting)
        return descent

    return make


branches = _by(_train_branches)
"""Makes the fit that users get."""
plain_loop = _by(_train_plainly)
"""Makes a loop of one's own."""
