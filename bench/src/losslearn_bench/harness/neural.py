"""Neural methods: one loop and one tuning for all, only the objective differs."""

import copy
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from losslearn._fast import fastest
from losslearn.metrics import Loss, TrueLoss
from losslearn.models.networks import score_rows
from losslearn.models.predictor import TorchPredictor
from losslearn.tasks.binary import Binary
from losslearn.tasks.cross_entropy import CrossEntropy
from losslearn.training.loop import Observer, Run, Trainer
from losslearn.training.lower import SurrogateLearner
from losslearn.training.recipe import Recipe
from losslearn_bench.baselines.hand_made import OverSets
from losslearn_bench.harness.budget import (
    LR_FACTOR,
    RECIPE_SETTINGS,
    Budget,
    Setting,
    Settings,
)
from losslearn_bench.harness.method import Fitted, Method, Request, lowest
from losslearn_bench.harness.rows import TrainingData
from losslearn_bench.harness.tiers import NETWORKS, build_tier_model


class Context(NamedTuple):
    """What a training may be made from."""

    true_loss: TrueLoss
    data: TrainingData
    config: Recipe
    generator: torch.Generator
    seed: int
    tier: str

    def trainer(
        self,
        model: nn.Module,
        observe: Observer,
        *,
        parameters: Iterable[nn.Parameter] = (),
    ) -> Trainer:
        """Return the package's loop."""
        return make_trainer(
            model,
            self.data,
            self.true_loss,
            self.config,
            generator=self.generator,
            parameters=parameters,
            observe=observe,
        )


Descent = Callable[[nn.Module, Context, Observer], int]
"""Trains a model in place, shown at each look; returns the number of steps."""


@dataclass(frozen=True)
class Trained:
    """Trains by an objective in the package's own loop, after the warm-up."""

    objective: Loss
    learner: SurrogateLearner | None = None
    """The lower level of Algorithm 1."""
    parameters: Iterable[nn.Parameter] = ()
    """The objective's own, minimised with the model's."""

    def __call__(self, model: nn.Module, context: Context, observe: Observer) -> int:
        """Train a model in place, shown at each look; return the number of steps."""
        config = context.config
        trainer = context.trainer(model, observe, parameters=self.parameters)
        run = warmed_up(trainer)
        trainer.train(run, self.objective, config.max_iter, learner=self.learner)
        check_finished(run)
        return run.n_iter * config.model_steps


def make_trainer(
    model: nn.Module,
    data: TrainingData,
    true_loss: TrueLoss,
    config: Recipe,
    *,
    generator: torch.Generator,
    parameters: Iterable[nn.Parameter] = (),
    observe: Observer | None = None,
) -> Trainer:
    """Return the package's loop, with the model in its fastest form.

    Further parameters are an objective's own, minimised with the model's.
    """
    predictor = make_predictor(model, data, config, parameters=parameters)
    return Trainer(
        predictor,
        data.valid,
        true_loss,
        Binary(),
        config,
        generator=generator,
        observe=observe,
    )


def make_predictor(
    model: nn.Module,
    data: TrainingData,
    config: Recipe,
    *,
    parameters: Iterable[nn.Parameter] = (),
) -> TorchPredictor:
    """Return a model on the rows that it is trained on, in its fastest form."""
    return fastest(
        TorchPredictor(
            model,
            data.train,
            lr=config.rate,
            max_grad_norm=config.max_grad_norm,
            further=parameters,
        )
    )


def warmed_up(trainer: Trainer) -> Run:
    """Train by cross-entropy for the warm-up, if there is one."""
    run = Run("cross_entropy")
    if trainer.recipe.warm_up_iter:
        trainer.train(run, CrossEntropy(), trainer.recipe.warm_up_iter)
    return run


def check_finished(run: Run) -> None:
    """Stop by KeyboardInterrupt if the training was: half of one is no result."""
    if run.interrupted:
        raise KeyboardInterrupt


@dataclass(frozen=True)
class NeuralMethod(Method):
    """A method that trains the tier's network by gradient descent.

    Rows, model, initial weights, sets, steps, schedule and size of the tuning grid are
    the same for all. Each may start with a share of cross-entropy, setting `warm_up`.
    """

    make: Callable[[Context, Setting], Descent]
    """Makes the training from a context and the settings that are its own."""
    grid: Settings
    """Settings to try, the default first: those of `Recipe` and `lr_factor` set
    the training, others go to `make`."""
    _: KW_ONLY
    tiers: tuple[str, ...] = NETWORKS
    tuned_as: "NeuralMethod | None" = None
    """Whose short runs choose the setting; None for its own."""
    within: Callable[[TrainingData, TrueLoss, Budget], Budget] | None = None
    """Makes the budget one that the method can keep; None takes it as it is."""

    def answer(self, request: Request) -> list[Fitted]:
        """Tune, train, and return the best weights for each of the losses."""
        losses = request.true_losses
        results = []
        for together in [losses] if self.trains_once else [[one] for one in losses]:
            budget = request.budget
            if self.within:
                budget = self.within(request.data, together[0], budget)
            own = request._replace(true_losses=together, budget=budget)
            results += self._tune(own)
        return results

    def _tune(self, request: Request) -> list[Fitted]:
        """Try the settings as the budget says, and keep the best for each loss."""
        budget, names = request.budget, [loss.name for loss in request.true_losses]
        settings = budget.settings(self.grid)
        if budget.tuning == "short" and len(settings) > 1:
            tuned, short = self.tuned_as or self, budget.shortened()
            in_short = request._replace(budget=short)
            tried = [tuned._train(in_short, setting) for setting in settings]
            best = sorted({_lowest(tried, name) for name in names})
            whole = {place: self._train(request, settings[place]) for place in best}
        else:
            tried = [self._train(request, setting) for setting in settings]
            whole = dict(enumerate(tried))
        results = []
        for name in names:
            chosen = _lowest(tried, name)
            looks = [
                {"setting": setting, "validation": one.best[name].loss}
                for setting, one in zip(settings, tried, strict=True)
            ]
            one = whole[chosen]
            score, setting = one.scorer(name), settings[chosen]
            results.append(Fitted(name, score, setting, looks, one.n_steps))
        return results

    def _train(self, request: Request, setting: Setting) -> "Training":
        """Train once with one setting; the best weights for each loss are kept."""
        data, true_losses, tier, budget, seed = request
        config, own = _parse(setting, budget)
        with seeded(seed, data.x.device):
            model = build_tier_model(tier, data.x)
            generator = torch.Generator(data.x.device).manual_seed(seed)
            context = Context(true_losses[0], data, config, generator, seed, tier)
            training = Training(model, data, true_losses)
            descend = self.make(context, own)
            training.n_steps = descend(model, context, training.observe)
        return training


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Seed what knows no generator of its own: dropout and initial weights."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def _parse(setting: Setting, budget: Budget) -> tuple[Recipe, Setting]:
    """Return the settings of the training, and those of the objective."""
    known = {name: setting[name] for name in setting if name in RECIPE_SETTINGS}
    own = {name: setting[name] for name in setting if name not in RECIPE_SETTINGS}
    if LR_FACTOR in own:
        known["model_lr"] = budget.model_lr * float(own.pop(LR_FACTOR))
    return budget.config(known), own


class Best(NamedTuple):
    """The best look so far for one loss."""

    loss: float
    state: dict[str, Tensor]


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
        state: dict[str, Tensor] | None = None
        for true_loss in self._losses:
            loss = float(true_loss(self._data.valid.whole(y_score)))
            seen = self.best.get(true_loss.name)
            if seen is None or loss < seen.loss or math.isnan(seen.loss):
                state = state or copy.deepcopy(self._model.state_dict())
                self.best[true_loss.name] = Best(loss, state)

    def scorer(self, metric: str) -> Callable[[Tensor], Tensor]:
        """Return the scores of the best weights for a loss, worked out in float64."""
        model = copy.deepcopy(self._model).double()
        model.load_state_dict(self.best[metric].state)
        return lambda x: score_rows(model, x.double())


def _lowest(trainings: Sequence[Training], metric: str) -> int:
    return lowest([training.best[metric].loss for training in trainings])


def fixed(make: Callable[..., nn.Module]) -> Callable[[Context, Setting], Trained]:
    """Return a maker for a hand-made objective that takes its settings as keywords."""

    def build(context: Context, setting: Setting) -> Trained:
        objective = make(**setting).to(context.data.x.device)
        own = tuple(objective.parameters())
        return Trained(OverSets(objective), parameters=own)

    return build
