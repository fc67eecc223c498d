"""LibAUC's losses for AUC and AP, each with the optimiser that belongs to it."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from losslearn.metrics import TrueLoss
from losslearn.models.networks import score_rows, score_sets
from losslearn.tasks.usual import CrossEntropy
from losslearn.training.loop import Run, Trainer, TrainingData
from losslearn.training.recipe import BilevelConfig
from losslearn.training.sampling import SetSampler
from losslearn_bench.harness.budget import Budget
from losslearn_bench.harness.choosing import check_request, tune
from losslearn_bench.harness.fitted import Fitted, Setting
from losslearn_bench.harness.neural import LR_FACTOR, Training
from losslearn_bench.harness.packages import load
from losslearn_bench.harness.tiers import TIERS, build_tier_model

# its plain install brings in graph and image libraries of several gigabytes
INSTALL_LIBAUC = "pip install --no-deps libauc==2.0.1 tqdm"


class IndexedLoss(Protocol):
    """A loss that may remember rows by their number."""

    def __call__(self, y_true: Tensor, y_score: Tensor, rows: Tensor) -> Tensor:
        """Return the loss of a set, shape `[]` or `[1]`."""


class Parts(NamedTuple):
    """What LibAUC brings to a training run."""

    loss: IndexedLoss
    optimizer: Optimizer
    start_epoch: Callable[[], None]
    """Called where a new stage of the optimiser begins."""


def _load_losses() -> Any:  # noqa: ANN401 - the package has no types
    """Return LibAUC's module of losses, its checks made cheap.

    They ask for a positive row by Python's sum over a tensor, element by element, which
    takes more than half of a step of a small model; PyTorch's sum says the same.

    Raises:
        ImportError: If `libauc` is not installed.
    """
    losses: Any = load("libauc.losses.auc", install=INSTALL_LIBAUC)
    losses.sum = torch.sum
    return losses


def make_aucm(model: nn.Module, data: TrainingData, rate: float) -> Parts:
    """Make the AUC margin loss in its default form, with PESG.

    Source: Yuan et al., "Large-scale Robust Deep AUC Maximization", ICCV 2021.

    Raises:
        ImportError: If `libauc` is not installed.
    """
    device = data.x.device
    aucm = _load_losses().AUCMLoss(device=device)
    pesg = load("libauc.optimizers.pesg", install=INSTALL_LIBAUC).PESG(
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

    Raises:
        ImportError: If `libauc` is not installed.
    """
    device = data.x.device
    ap = _load_losses().APLoss(data_len=len(data.y_true), device=device)
    soap = load("libauc.optimizers.soap", install=INSTALL_LIBAUC).SOAP(
        model.parameters(), lr=rate, verbose=False, device=device
    )

    def loss(y_true: Tensor, y_score: Tensor, rows: Tensor) -> Tensor:
        return ap(torch.sigmoid(y_score), y_true, rows)

    return Parts(loss, soap, lambda: None)


@dataclass(frozen=True)
class LibAUC:
    """One of LibAUC's losses with its optimiser, on the tier's network.

    Model, steps, batch size, schedule, looks at the validation rows and size of the
    grid are those of our own methods. As LibAUC's guides do, scores go through a
    sigmoid into the loss, half of each set is positive, and training may start with
    cross-entropy (setting "warm_up": its share of the iterations).
    """

    name: str
    title: str
    metrics: tuple[str, ...] | None
    make: Callable[[nn.Module, TrainingData, float], Parts]
    grid: tuple[Setting, ...]
    tiers: tuple[str, ...] = TIERS
    trains_once: bool = False
    modules: tuple[str, ...] = ("libauc.losses.auc", "libauc.optimizers")
    install: str = INSTALL_LIBAUC

    def fit(
        self,
        data: TrainingData,
        true_losses: Sequence[TrueLoss],
        *,
        tier: str,
        budget: Budget,
        seed: int,
    ) -> list[Fitted]:
        """Tune, train, and return the best weights for each of the losses.

        Raises:
            ImportError: If `libauc` is not installed.
            ValueError: If the tier or a loss is not one of its own, or the training
                rows hold one class only.
        """
        check_request(
            self.name, true_losses, tier, tiers=self.tiers, metrics=self.metrics
        )
        return [
            self._fit(data, true_loss, tier, budget, seed) for true_loss in true_losses
        ]

    def _fit(
        self,
        data: TrainingData,
        true_loss: TrueLoss,
        tier: str,
        budget: Budget,
        seed: int,
    ) -> Fitted:
        name = true_loss.name
        tuned = tune(
            self.grid,
            budget,
            lambda setting, within: self._train(
                data, true_loss, tier, within, setting, seed
            ),
            lambda training: training.best[name].loss,
        )
        return Fitted(
            metric=name,
            score=tuned.trained.scorer(name),
            setting=tuned.setting,
            tried=tuned.tried,
            iterations=tuned.trained.n_steps,
        )

    def _train(
        self,
        data: TrainingData,
        true_loss: TrueLoss,
        tier: str,
        budget: Budget,
        setting: Setting,
        seed: int,
    ) -> Training:
        """Train once: cross-entropy by Adam first, then LibAUC's own."""
        adam_rate = budget.model_lr * float(setting.get(LR_FACTOR, 1.0))
        rate = float(setting.get("lr", adam_rate))
        warm_up = float(setting.get("warm_up", 0.0))
        config = budget.config({"warm_up": warm_up, "model_lr": adam_rate})
        device = data.x.device
        # LibAUC draws from the global generators
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(seed)
            model = build_tier_model(tier, data.x)
            generator = torch.Generator(device).manual_seed(seed)
            training = Training(model, data, (true_loss,))
            if config.warm_up_iter:
                trainer = Trainer(
                    model,
                    data,
                    true_loss,
                    config,
                    generator=generator,
                    observe=training.observe,
                )
                _warm_up(trainer, config.warm_up_iter)
            parts = self.make(model, data, rate)
            _follow(parts, model, data, config, rate, generator, training)
        training.n_steps = config.max_iter * config.model_steps
        return training


def _warm_up(trainer: Trainer, until: int) -> None:
    run = Run("cross_entropy")
    trainer.train(run, CrossEntropy(), until)
    if run.interrupted:
        raise KeyboardInterrupt


def _follow(
    parts: Parts,
    model: nn.Module,
    data: TrainingData,
    config: BilevelConfig,
    rate: float,
    generator: torch.Generator,
    training: Training,
) -> None:
    """Train from the end of the warm-up to the last iteration, in place."""
    sampler = SetSampler(
        data.y_true,
        batch_size=min(config.batch_size, len(data.y_true)),
        pos_rate=0.5,
        prevalence_weights=False,
        generator=generator,
    )
    # where LibAUC's examples begin a new stage: after half and three quarters
    stages = {config.max_iter // 2, config.max_iter * 3 // 4}
    for done in range(config.warm_up_iter, config.max_iter):
        if done in stages and done > config.warm_up_iter:
            parts.start_epoch()
        _set_learning_rate(parts.optimizer, rate, done / config.max_iter, config)
        model.train()
        for rows in sampler.draw(config.model_steps):
            y_score = score_sets(model, data.x[rows])
            loss = parts.loss(sampler.y_set, y_score, rows)
            parts.optimizer.zero_grad()
            loss.sum().backward()
            parts.optimizer.step()
        if (done + 1) % config.eval_every == 0 or done + 1 == config.max_iter:
            training.observe(done + 1, score_rows(model, data.x_valid))


def _set_learning_rate(
    optimizer: Optimizer, rate: float, progress: float, config: BilevelConfig
) -> None:
    """Follow the schedule of our own methods."""
    if config.schedule == "cosine":
        for group in optimizer.param_groups:
            group["lr"] = rate * 0.5 * (1 + math.cos(math.pi * progress))


def _grid(name: str, values: tuple[float, ...]) -> tuple[Setting, ...]:
    return tuple(
        {"warm_up": warm_up, name: value}
        for value, warm_up in product(values, (0.5, 0.0))
    )


AUCM = LibAUC(
    name="libauc_aucm",
    title="LibAUC, AUCM with PESG",
    metrics=("roc_auc_loss",),
    make=make_aucm,
    # PESG goes by plain gradients; the library's default rate is 0.1
    grid=_grid("lr", (0.3, 0.1, 1.0)),
)
AP_SOAP = LibAUC(
    name="libauc_ap",
    title="LibAUC, AP with SOAP",
    metrics=("average_precision_loss",),
    make=make_ap,
    grid=_grid(LR_FACTOR, (1.0, 0.5, 2.0)),
)
