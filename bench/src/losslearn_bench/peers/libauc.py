"""LibAUC's losses for AUC and AP, each with the optimiser that belongs to it.

As LibAUC's guides do, scores go through a sigmoid into the loss, half of each set is
positive, and training may start with cross-entropy (setting "warm_up": its share of the
iterations). All else is as for our own methods.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from losslearn.models.networks import score_rows, score_sets
from losslearn.training.loop import Observer
from losslearn.training.sampling import SetSampler
from losslearn_bench.harness.budget import (
    STARTS,
    STARTS_AND_RATES,
    Setting,
    Settings,
    each,
    times,
)
from losslearn_bench.harness.neural import (
    Context,
    Descent,
    NeuralMethod,
    check_finished,
    warmed_up,
)
from losslearn_bench.harness.packages import load
from losslearn_bench.harness.rows import TrainingData


class Parts(NamedTuple):
    """What LibAUC brings to a training run."""

    loss: Callable[[Tensor, Tensor, Tensor], Tensor]
    """Takes targets, scores and row numbers of a set; of shape `[]` or `[1]`."""
    optimizer: Optimizer
    start_epoch: Callable[[], None]
    """Called where a new stage of the optimiser begins."""


def _load_losses() -> Any:  # noqa: ANN401 - the package has no types
    """Return LibAUC's module of losses, its checks made cheap.

    They ask for a positive row by Python's sum over a tensor, element by element, which
    takes more than half of a step of a small model; PyTorch's sum says the same.
    """
    losses: Any = load("libauc.losses.auc")
    losses.sum = torch.sum
    return losses


def make_aucm(model: nn.Module, data: TrainingData, rate: float) -> Parts:
    """Make the AUC margin loss in its default form, with PESG.

    Source: Yuan et al., "Large-scale Robust Deep AUC Maximization", ICCV 2021.
    """
    device = data.x.device
    aucm = _load_losses().AUCMLoss(device=device)
    pesg = load("libauc.optimizers.pesg").PESG(
        model.parameters(), loss_fn=aucm, lr=rate, verbose=False, device=device
    )

    def loss(y_true: Tensor, y_score: Tensor, rows: Tensor) -> Tensor:
        del rows
        return aucm(torch.sigmoid(y_score), y_true)

    return Parts(loss, pesg, pesg.update_regularizer)


def make_ap(model: nn.Module, data: TrainingData, rate: float) -> Parts:
    """Make the AP loss, which keeps averages for each positive row, with SOAP.

    Source: Qi et al., "Stochastic Optimization of Areas Under Precision-Recall Curves
    with Provable Convergence", NeurIPS 2021.
    """
    device = data.x.device
    ap = _load_losses().APLoss(data_len=len(data.y_true), device=device)
    soap = load("libauc.optimizers.soap").SOAP(
        model.parameters(), lr=rate, verbose=False, device=device
    )

    def loss(y_true: Tensor, y_score: Tensor, rows: Tensor) -> Tensor:
        return ap(torch.sigmoid(y_score), y_true, rows)

    return Parts(loss, soap, lambda: None)


def _follow(
    parts: Parts, rate: float, model: nn.Module, context: Context, observe: Observer
) -> None:
    """Train from the end of the warm-up to the last iteration."""
    config, data = context.config, context.data
    sampler = SetSampler(
        data.y_true,
        batch_size=min(config.batch_size, len(data.y_true)),
        strata_shares=(0.5, 0.5),
        weigh_back=False,
        generator=context.generator,
    )
    # where LibAUC's examples begin a new stage: after half and three quarters
    stages = {config.max_iter // 2, config.max_iter * 3 // 4}
    for done in range(config.warm_up_iter, config.max_iter):
        if done in stages and done > config.warm_up_iter:
            parts.start_epoch()
        if config.schedule == "cosine":  # as our own methods have it
            left = 0.5 * (1 + math.cos(math.pi * done / config.max_iter))
            for group in parts.optimizer.param_groups:
                group["lr"] = rate * left
        model.train()
        for rows in sampler.draw(config.model_steps).rows:
            y_score = score_sets(model, data.x[rows])
            loss = parts.loss(data.y_true[rows], y_score, rows)
            parts.optimizer.zero_grad()
            loss.sum().backward()
            parts.optimizer.step()
        if (done + 1) % config.eval_every == 0 or done + 1 == config.max_iter:
            observe(done + 1, score_rows(model, data.x_valid))


def _method(
    name: str,
    title: str,
    metric: str,
    make: Callable[[nn.Module, TrainingData, float], Parts],
    grid: Settings,
) -> NeuralMethod:
    """Return one of LibAUC's losses with its optimiser, on the tier's network."""

    def follow(context: Context, setting: Setting) -> Descent:
        config = context.config
        own_rate = float(setting.get("lr", config.rate))

        def descend(model: nn.Module, context: Context, observe: Observer) -> int:
            """Train by cross-entropy and Adam first, then by LibAUC's own."""
            if config.warm_up_iter:
                check_finished(warmed_up(context.trainer(model, observe)))
            parts = make(model, context.data, own_rate)
            _follow(parts, own_rate, model, context, observe)
            return config.max_iter * config.model_steps

        return descend

    return NeuralMethod(
        name,
        title,
        follow,
        grid,
        metrics=(metric,),
        trains_once=False,
        modules=("libauc.losses.auc", "libauc.optimizers"),
    )


AUCM = _method(
    "libauc_aucm",
    "LibAUC, AUCM with PESG",
    "roc_auc_loss",
    make_aucm,
    # PESG goes by plain gradients; the library's default rate is 0.1
    times(STARTS, each("lr", 0.3, 0.1, 1.0)),
)
AP_SOAP = _method(
    "libauc_ap",
    "LibAUC, AP with SOAP",
    "average_precision_loss",
    make_ap,
    STARTS_AND_RATES,
)
