"""Folds of a small table, with what trains on them."""

from functools import partial

import torch
from core_cases import new_predictor, new_surrogate

from losslearn.metrics import get_true_loss
from losslearn.models.networks import Linear
from losslearn.models.rows import Rows
from losslearn.tasks.binary import Binary
from losslearn.training.cross_fitting import Part, compare_on_all
from losslearn.training.recipe import Recipe
from losslearn.training.setup import Setup

N, N_FOLDS = 300, 3
RECIPE = Recipe(mode="scratch", max_iter=40, n_evals=8, rounds=2, batch_size=60)
USUAL = "cross_entropy"


def make_table() -> Rows:
    draws = torch.Generator().manual_seed(0)
    x = torch.randn(N, 3, generator=draws)
    y = (x[:, 0] + torch.randn(N, generator=draws) > 0.5).long()
    return Rows(x, y)


def make_parts(table: Rows) -> list[Part]:
    fold = torch.arange(N) % N_FOLDS
    return [
        Part(
            table._replace(numbers=torch.nonzero(fold != one).squeeze(-1)),
            table._replace(numbers=torch.nonzero(fold == one).squeeze(-1)),
        )
        for one in range(N_FOLDS)
    ]


def make_predictor(rows: Rows, recipe: Recipe = RECIPE):
    model = Linear(3)
    model.standardizer.fit(rows.x, rows=rows.numbers)
    return new_predictor(model, rows, recipe)


def fit(parts, table, *, recipe: Recipe = RECIPE, metric="auc", **further):
    torch.manual_seed(1)
    true_loss = metric if not isinstance(metric, str) else get_true_loss(metric)
    return compare_on_all(
        partial(make_predictor, recipe=recipe),
        parts,
        table,
        Setup(true_loss, Binary(), new_surrogate(), recipe, 0),
        **further,
    )
