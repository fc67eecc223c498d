"""Neural methods: one loop and one tuning for all, only the objective differs."""

import copy
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from losslearn.metrics import TrueLoss
from losslearn.models.networks import score_rows
from losslearn.surrogate.objective import LearnedObjective, Objective
from losslearn.surrogate.universal import initial_surrogate
from losslearn.tasks.usual import CrossEntropy
from losslearn.training.algorithm import SurrogateLearner
from losslearn.training.loop import Observer, Run, Trainer, TrainingData
from losslearn.training.recipe import BilevelConfig
from losslearn_bench.harness.budget import Budget
from losslearn_bench.harness.fitted import Fitted, Setting
from losslearn_bench.harness.tiers import TIERS, build_tier_model

State = dict[str, Tensor]

LR_FACTOR = "lr_factor"
"""The setting that multiplies the budget's learning rate."""


class Context(NamedTuple):
    """What an objective may be made from."""

    true_loss: TrueLoss
    y_true: Tensor
    """Targets of the training rows."""
    config: BilevelConfig
    generator: torch.Generator
    seed: int
    tier: str


class Trained(NamedTuple):
    """What is trained after the warm-up."""

    objective: Objective
    learner: SurrogateLearner | None = None
    """The lower level of Algorithm 1."""
    parameters: Iterable[nn.Parameter] = ()
    """The objective's own, minimised with the model's."""


@dataclass(frozen=True)
class NeuralMethod:
    """A method that trains the tier's network by gradient descent.

    The rows, model, initial weights, sets, steps, schedule and size of the tuning grid
    are the same for every one of them. Each may start from cross-entropy: the share of
    it is the setting `warm_up`.
    """

    name: str
    title: str
    make: Callable[[Context, Setting], Trained]
    """Makes the objective from a context and the settings that are its own."""
    grid: tuple[Setting, ...]
    """Settings to try, the default first: those of `BilevelConfig` and `lr_factor` set
    the training, others go to `make`."""
    metrics: tuple[str, ...] | None = None
    trains_once: bool = True
    """Whether the objective does not depend on the true loss."""
    tiers: tuple[str, ...] = TIERS
    tuned_as: "NeuralMethod | None" = None
    """Whose short runs choose the setting; None for its own."""

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

        Weights and settings are chosen by the true loss of the validation rows.

        Raises:
            ValueError: If the training rows hold one class only.
        """
        if not self.trains_once:
            return [
                result
                for true_loss in true_losses
                for result in self._fit(data, (true_loss,), tier, budget, seed)
            ]
        return self._fit(data, true_losses, tier, budget, seed)

    def _fit(
        self,
        data: TrainingData,
        true_losses: Sequence[TrueLoss],
        tier: str,
        budget: Budget,
        seed: int,
    ) -> list[Fitted]:
        def run(setting: Setting, within: Budget) -> Training:
            return self._train(data, true_losses, tier, within, setting, seed)

        settings = budget.settings(self.grid)
        if budget.tuning == "none" or len(settings) == 1:
            trainings = {0: run(settings[0], budget)}
            tried = trainings
        elif budget.tuning == "full":
            trainings = {i: run(setting, budget) for i, setting in enumerate(settings)}
            tried = trainings
        else:
            short, tuned = budget.shortened(), self.tuned_as or self
            tried = {
                i: tuned._train(data, true_losses, tier, short, setting, seed)
                for i, setting in enumerate(settings)
            }
            best = {_lowest(tried, loss.name) for loss in true_losses}
            trainings = {i: run(settings[i], budget) for i in sorted(best)}
        results = []
        for loss in true_losses:
            chosen = _lowest(trainings if budget.tuning == "full" else tried, loss.name)
            results.append(
                Fitted(
                    metric=loss.name,
                    score=trainings[chosen].scorer(loss.name),
                    setting=settings[chosen],
                    tried=[
                        {"setting": settings[i], "validation": one.best[loss.name].loss}
                        for i, one in tried.items()
                    ],
                    iterations=trainings[chosen].n_steps,
                )
            )
        return results

    def _train(
        self,
        data: TrainingData,
        true_losses: Sequence[TrueLoss],
        tier: str,
        budget: Budget,
        setting: Setting,
        seed: int,
    ) -> "Training":
        """Train once with one setting; the best weights for each loss are kept."""
        config, own = _parse(setting, budget)
        device = data.x.device
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(seed)
            model = build_tier_model(tier, data.x)
            generator = torch.Generator(device).manual_seed(seed)
            context = Context(
                true_losses[0], data.y_true, config, generator, seed, tier
            )
            training = Training(model, data, true_losses)
            training.n_steps = self._descend(
                model, data, context, own, training.observe
            )
        return training

    def _descend(
        self,
        model: nn.Module,
        data: TrainingData,
        context: Context,
        own: Setting,
        observe: Observer,
    ) -> int:
        """Train a model in place, shown at each look; return the number of steps."""
        config = context.config
        trained = self.make(context, own)
        trainer = Trainer(
            model,
            data,
            context.true_loss,
            config,
            generator=context.generator,
            parameters=trained.parameters,
            observe=observe,
        )
        run = Run(self.name)
        if config.warm_up_iter:
            trainer.train(run, CrossEntropy(), config.warm_up_iter)
        trainer.train(run, trained.objective, config.max_iter, learner=trained.learner)
        if run.interrupted:
            raise KeyboardInterrupt
        return run.n_iter * config.model_steps


def _parse(setting: Setting, budget: Budget) -> tuple[BilevelConfig, Setting]:
    """Return the settings of the training, and those of the objective."""
    names = {field.name for field in fields(BilevelConfig)}
    known = {name: value for name, value in setting.items() if name in names}
    own = {name: value for name, value in setting.items() if name not in names}
    if LR_FACTOR in own:
        known["model_lr"] = budget.model_lr * float(own.pop(LR_FACTOR))
    return budget.config(known), own


class Best(NamedTuple):
    """The best look so far for one loss."""

    loss: float
    state: State


class Training:
    """One training run, and its best weights for each of several losses."""

    def __init__(
        self, model: nn.Module, data: TrainingData, true_losses: Sequence[TrueLoss]
    ) -> None:
        """Start with nothing seen."""
        self.n_steps = 0
        self.best: dict[str, Best] = {}
        self._model, self._data, self._losses = model, data, true_losses

    def observe(self, iteration: int, y_score: Tensor) -> None:
        """Keep the weights that are the best so far for some loss."""
        del iteration
        state: State | None = None
        for true_loss in self._losses:
            loss = float(true_loss(self._data.y_valid, y_score))
            seen = self.best.get(true_loss.name)
            if seen is None or loss < seen.loss or math.isnan(seen.loss):
                state = state or copy.deepcopy(self._model.state_dict())
                self.best[true_loss.name] = Best(loss, state)

    def scorer(self, metric: str) -> Callable[[Tensor], Tensor]:
        """Return the scores of the best weights for a loss, worked out in float64."""
        model = copy.deepcopy(self._model).double()
        model.load_state_dict(self.best[metric].state)
        return lambda x: score_rows(model, x.double())


def _lowest(trainings: dict[int, Training], metric: str) -> int:
    """Return the setting of the lowest validation loss, the earlier one on a tie."""

    def loss(index: int) -> float:
        value = trainings[index].best[metric].loss
        return math.inf if math.isnan(value) else value

    return min(trainings, key=loss)


def learned(context: Context, setting: Setting) -> Trained:
    """Make the learned surrogate of the true loss (Algorithm 1)."""
    _reject(setting)
    config, loss = context.config, context.true_loss
    surrogate = initial_surrogate(loss, config, seed=context.seed)
    surrogate = surrogate.to(context.y_true.device)
    learner = SurrogateLearner(surrogate, loss, config, generator=context.generator)
    return Trained(
        LearnedObjective(surrogate, cross_entropy_weight=config.cross_entropy_weight),
        learner=None if config.mode == "universal" else learner,
    )


def fixed(make: Callable[..., nn.Module]) -> Callable[[Context, Setting], Trained]:
    """Return a maker for a hand-made objective that takes its settings as keywords."""

    def build(context: Context, setting: Setting) -> Trained:
        objective = make(**setting).to(context.y_true.device)
        return Trained(objective, parameters=tuple(objective.parameters()))

    return build


def _reject(setting: dict[str, Any]) -> None:
    if setting:
        raise TypeError(
            f"Expected settings of `BilevelConfig`, got {', '.join(setting)}."
        )
