"""Small parts of a fit, ready made."""

from typing import Any

import torch
from torch import Tensor, nn

from losslearn._fast import fastest
from losslearn.metrics import Loss, Sets, get_true_loss
from losslearn.models.predictor import Predictor, TorchPredictor
from losslearn.models.rows import Drawn, Rows
from losslearn.surrogate.fitter import SurrogateFitter
from losslearn.surrogate.network import SetSurrogate
from losslearn.surrogate.objective import LearnedObjective
from losslearn.tasks.binary import Binary
from losslearn.tasks.cross_entropy import CrossEntropy
from losslearn.tasks.tokens import ScoreTokens
from losslearn.training.loop import Trainer
from losslearn.training.lower import SurrogateLearner, make_learner
from losslearn.training.recipe import Recipe


def new_surrogate(*, standardize: bool = True, **settings: Any) -> SetSurrogate:
    """Return the set network of a binary loss that is plain."""
    return SetSurrogate(ScoreTokens(standardize=standardize), **settings)


def objective_of(
    surrogate: nn.Module, *, usual_weight: float = 0.0, lr: float = 1e-3
) -> LearnedObjective:
    """Return the objective of a surrogate, in its fastest form."""
    fitter = fastest(SurrogateFitter(surrogate, CrossEntropy(), lr=lr))
    return LearnedObjective(fitter, usual_weight=usual_weight)


def new_learner(
    surrogate: nn.Module, true_loss: Any, recipe: Recipe, *, seed: int = 0
) -> SurrogateLearner:
    """Return the lower level of a binary loss, on the CPU."""
    generator = torch.Generator().manual_seed(seed)
    return make_learner(surrogate, true_loss, Binary(), recipe, generator=generator)


def new_predictor(model: nn.Module, rows: Rows, recipe: Recipe) -> Predictor:
    """Return a model as it is trained by a recipe, in its fastest form."""
    return fastest(
        TorchPredictor(model, rows, lr=recipe.rate, max_grad_norm=recipe.max_grad_norm)
    )


def new_trainer(
    model: nn.Module, data: tuple[Rows, Rows], metric: Any, recipe: Recipe, *, seed: int
) -> Trainer:
    """Return a trainer of a binary loss."""
    train, valid = data
    true_loss = get_true_loss(metric) if isinstance(metric, str) else metric
    generator = torch.Generator().manual_seed(seed)
    predictor = new_predictor(model, train, recipe)
    return Trainer(predictor, valid, true_loss, Binary(), recipe, generator=generator)


class StepBySgd:
    """PyTorch's plainest optimiser, where a `Descent` is expected."""

    def __init__(self, parameters: Any, *, lr: float) -> None:
        self.optimizer = torch.optim.SGD(parameters, lr=lr)
        self.zero_grad, self.step = self.optimizer.zero_grad, self.optimizer.step


def step_model(
    model: nn.Module,
    objective: Loss,
    optimizer: Any,
    x: Tensor,
    y_true: Tensor,
    weight: Tensor | None = None,
) -> Tensor:
    """Take one step down an objective of sets `[sets, n]`; return its value before."""
    from losslearn.models.networks import score_sets

    optimizer.zero_grad()
    sets = Sets(y_true, score_sets(model, x), weight)
    value = objective(sets).detach().mean()
    TorchPredictor.step_back(objective, sets)
    optimizer.step()
    return value


def all_rows(n: int) -> Drawn:
    """Return one set of all rows of a table."""
    return Drawn(torch.arange(n)[None])
