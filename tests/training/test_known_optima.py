"""Problems whose optimum is known, with every predictor and every kind of learned loss.

The learned loss alone shows the way: no warm-up, no usual loss beside it.
"""

from collections.abc import Callable
from typing import NamedTuple

import pytest
import torch
from core_cases import new_trainer
from torch import Tensor, nn

from losslearn._fast import as_written
from losslearn.metrics import Sets, TrueLoss, declare_metric, get_true_loss
from losslearn.metrics.own.as_true_loss import as_true_loss
from losslearn.models.networks import MLP, Linear
from losslearn.models.rows import Rows
from losslearn.surrogate.objective import LearnedObjective
from losslearn.surrogate.universal import UniversalConfig, initial_surrogate, store
from losslearn.tasks.binary import Binary
from losslearn.tasks.task import TargetRows
from losslearn.training.comparison import make_learner
from losslearn.training.loop import Run
from losslearn.training.recipe import Recipe

RECIPE = Recipe(
    max_iter=150,
    warm_up=0.0,
    usual_weight=0.0,
    rounds=1,
    batch_size=200,
    model_lr=0.05,
    surrogate_lr=1e-2,
    perturbation=1.0,
    catch_up=200,
)


class Problem(NamedTuple):
    """Rows, what is asked for, and the scores that answer it best."""

    rows: Rows
    true_loss: TrueLoss
    best: Tensor


def apart(metric: str) -> Problem:
    """Rare positives moved along a direction: along it lie the best scores."""
    generator = torch.Generator().manual_seed(5)
    y_true = (torch.rand(1_500, generator=generator) < 0.15).long()
    direction = torch.tensor([1.6, -0.9, 0.0, 0.9])
    x = torch.randn(1_500, 4, generator=generator) + y_true[:, None] * direction
    return Problem(Rows(x, y_true), get_true_loss(metric), x @ direction)


def fixed_cut() -> Problem:
    """Figure 2's problem: errors of two bells, called at score 0."""
    generator = torch.Generator().manual_seed(100)
    y_true = torch.arange(1_200) % 2
    x = 0.7 * torch.randn(1_200, 1, generator=generator) + 1.5 + 1.5 * y_true[:, None]
    cut = get_true_loss("error_rate").with_threshold(0.0)
    return Problem(Rows(x, y_true), cut, x[:, 0] - 2.25)


@declare_metric(greater_is_better=True, batched=True)
def saved(y_true, y_pred, *, amount):
    """Amounts of the positives that are called, less what a call costs."""
    return (y_pred * (y_true * amount - 1)).mean(-1)


def amounts() -> Problem:
    """Positives are drawn by nothing that is seen: their amounts alone tell."""
    generator = torch.Generator().manual_seed(7)
    amount = torch.rand(1_500, generator=generator) * 6
    y_true = (torch.rand(1_500, generator=generator) < 0.3).long()
    noise = torch.randn(1_500, generator=generator)
    rows = Rows(torch.stack([amount, noise], 1), y_true, columns={"amount": amount})
    return Problem(rows, as_true_loss(saved), amount)


PROBLEMS: dict[str, Callable[[], Problem]] = {
    "auc": lambda: apart("auc"),
    "ap": lambda: apart("ap"),
    "f1": lambda: apart("f1"),
    "fixed cut": fixed_cut,
    "amounts": amounts,
}
PREDICTORS = {
    "linear": (Linear, False),
    "linear in PyTorch": (Linear, True),
    "mlp": (MLP, False),
    "own module": (lambda n: nn.Sequential(nn.BatchNorm1d(n), nn.Linear(n, 1)), False),
}


@pytest.fixture(scope="module", autouse=True)
def _quick_universals(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOSSLEARN_CACHE", str(tmp_path_factory.mktemp("cache")))
        quick = UniversalConfig(set_sizes=(64, 256), n_sets=512, max_iter=500)
        patch.setattr(store, "CALLABLE", quick)
        yield


@pytest.mark.parametrize("mode", ["universal", "scratch", "refined"])
@pytest.mark.parametrize("predictor", PREDICTORS)
@pytest.mark.parametrize("problem", PROBLEMS)
def test_the_learned_loss_reaches_the_optimum(problem, predictor, mode):
    rows, true_loss, best = PROBLEMS[problem]()
    make_model, is_plain = PREDICTORS[predictor]
    torch.manual_seed(1)
    model = make_model(rows.x.shape[1])
    if hasattr(model, "standardizer"):
        model.standardizer.fit(rows.x)
    like = TargetRows(rows.target, rows.columns) if rows.columns else None
    task = Binary()
    surrogate = initial_surrogate(true_loss, task, mode=mode, seed=0, rows=like)
    generator = torch.Generator().manual_seed(0)
    with as_written() if is_plain else torch.enable_grad():
        learner = make_learner(surrogate, true_loss, task, RECIPE, generator=generator)
        trainer = new_trainer(model, (rows, rows), true_loss, RECIPE, seed=2)
        objective = LearnedObjective(learner.fitter)
        run = Run("surrogate")
        trainer.train(
            run, objective, 150, learner=None if mode == "universal" else learner
        )
    optimum, chance = (
        float(true_loss(Sets(rows.target, score, None, rows.columns)))
        for score in (best, torch.randn(len(best), generator=generator))
    )
    assert run.best_loss < optimum + 0.15 * (chance - optimum)
