"""Problems of a known optimum, with every predictor and every kind of learned loss."""

import copy
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from functools import cache
from typing import NamedTuple

import pytest
import torch
from core_cases import new_predictor
from torch import Tensor, nn

from losslearn._fast import as_written
from losslearn.metrics import Sets, TrueLoss, get_true_loss
from losslearn.models.networks import MLP, Linear
from losslearn.models.rows import Rows
from losslearn.surrogate.network import SetSurrogate
from losslearn.surrogate.universal import UniversalConfig, initial_surrogate, store
from losslearn.tasks.binary import Binary
from losslearn.training.comparison import compare
from losslearn.training.recipe import Recipe
from losslearn.training.setup import Setup

RECIPE = Recipe(max_iter=100, rounds=4, batch_size=200)


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


PROBLEMS: dict[str, Callable[[], Problem]] = {
    "auc": lambda: apart("auc"),
    "ap": lambda: apart("ap"),
    "f1": lambda: apart("f1"),
    "fixed cut": fixed_cut,
}
PREDICTORS = {
    "linear": (Linear, False),
    "linear in PyTorch": (Linear, True),
    "mlp": (MLP, False),
    "own module": (lambda n: nn.Sequential(nn.BatchNorm1d(n), nn.Linear(n, 1)), False),
}


@pytest.fixture(scope="module", autouse=True)
def _quick_universal():
    with pytest.MonkeyPatch.context() as patch:
        quick = UniversalConfig(set_sizes=(64, 256), n_sets=512, max_iter=500)
        patch.setattr(store, "CALLABLE", quick)
        yield


@cache
def made(problem: str, mode: str) -> tuple[Problem, SetSurrogate]:
    """Return a problem and its learned loss before the first step."""
    found = PROBLEMS[problem]()
    return found, initial_surrogate(found.true_loss, Binary(), mode=mode, seed=0)


@pytest.mark.parametrize("mode", ["universal", "scratch", "refined"])
@pytest.mark.parametrize("predictor", PREDICTORS)
@pytest.mark.parametrize("problem", PROBLEMS)
def test_a_fit_reaches_the_optimum(problem, predictor, mode):
    (rows, true_loss, best), start = made(problem, mode)
    make_model, is_plain = PREDICTORS[predictor]

    def make_predictor():
        model = make_model(rows.x.shape[1])
        if hasattr(model, "standardizer"):
            model.standardizer.fit(rows.x)
        return new_predictor(model, rows, RECIPE)

    with as_written() if is_plain else nullcontext():
        found, _ = compare(
            make_predictor,
            rows,
            Setup(
                true_loss, Binary(), copy.deepcopy(start), replace(RECIPE, mode=mode), 0
            ),
        )
    generator = torch.Generator().manual_seed(0)
    optimum, chance = (
        float(true_loss(Sets(rows.target, score)))
        for score in (best, torch.randn(len(best), generator=generator))
    )
    assert chance > optimum + 0.2
    near = optimum + 0.15 * (chance - optimum)
    assert found.learned.best_loss < near
