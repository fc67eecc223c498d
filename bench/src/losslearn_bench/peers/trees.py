"""Boosted trees, trained by log-loss with early stopping: LightGBM and XGBoost."""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from itertools import product
from typing import Any

import torch
from torch import Tensor

from losslearn_bench.harness.budget import Setting
from losslearn_bench.harness.method import Fitted, Method, Request
from losslearn_bench.harness.packages import load
from losslearn_bench.harness.rows import TrainingData
from losslearn_bench.peers.candidates import Candidate, choose

_LEARNING_RATES = (0.1, 0.03, 0.3)
_PATIENCE = 50
"""Rounds without a lower log-loss of the validation rows, after which to stop."""


Boost = Callable[[Setting], Candidate]
"""Trains trees with a setting, on one core."""


@dataclass(frozen=True)
class BoostedTrees(Method):
    """A library of boosted trees.

    Trees know nothing of the true loss while they grow. They are trained once for every
    setting; which of them is kept is up to each true loss on the validation rows.
    """

    prepare: Callable[[TrainingData, int, int], Boost]
    """Takes the rows, the most rounds and the seed."""
    grid: tuple[Setting, ...]
    """Settings to try, the library's default size first."""
    _: KW_ONLY
    max_rounds: int = 2_000
    tiers: tuple[str, ...] = ("trees",)

    def answer(self, request: Request) -> list[Fitted]:
        """Train with each setting and return the best for each of the losses."""
        data, true_losses, _, budget, seed = request
        train = self.prepare(data, self.max_rounds, seed)
        candidates = [train(setting) for setting in budget.settings(self.grid)]
        return choose(true_losses, candidates, data)


def prepare_lightgbm(data: TrainingData, max_rounds: int, seed: int) -> Boost:
    """Return what trains LightGBM's trees.

    Source: Ke et al., "LightGBM: A Highly Efficient Gradient Boosting Decision Tree",
    NeurIPS 2017.
    """
    lightgbm = load("lightgbm")
    fixed = {
        "objective": "binary",
        "num_threads": 1,
        "deterministic": True,
        "force_col_wise": True,
        "seed": seed,
        "verbosity": -1,
    }
    # binned once for all settings
    train = lightgbm.Dataset(_rows(data.x), data.y_true.cpu().numpy(), params=fixed)
    valid = train.create_valid(_rows(data.x_valid), data.y_valid.cpu().numpy())

    def boost(setting: Setting) -> Candidate:
        booster = lightgbm.train(
            {**fixed, **setting},
            train,
            num_boost_round=max_rounds,
            valid_sets=[valid],
            callbacks=[lightgbm.early_stopping(_PATIENCE, verbose=False)],
        )

        def score(x: Tensor) -> Tensor:
            # of the rounds after the best one, none was kept
            margin = booster.predict(_rows(x), raw_score=True, num_threads=1)
            return torch.as_tensor(margin, device=x.device)

        return Candidate(setting, score, booster.best_iteration)

    return boost


def prepare_xgboost(data: TrainingData, max_rounds: int, seed: int) -> Boost:
    """Return what trains XGBoost's trees.

    Source: Chen, Guestrin, "XGBoost: A Scalable Tree Boosting System", KDD 2016.
    """
    xgboost = load("xgboost")
    fixed = {
        "objective": "binary:logistic",
        "eval_metric": "logloss",
        "tree_method": "hist",
        "nthread": 1,
        "seed": seed,
        "verbosity": 0,
    }
    train = xgboost.QuantileDMatrix(_rows(data.x), data.y_true.cpu().numpy(), nthread=1)
    valid_rows = _rows(data.x_valid), data.y_valid.cpu().numpy()
    valid = xgboost.QuantileDMatrix(*valid_rows, ref=train, nthread=1)

    def boost(setting: Setting) -> Candidate:
        booster = xgboost.train(
            {**fixed, **setting},
            train,
            num_boost_round=max_rounds,
            evals=[(valid, "valid")],
            early_stopping_rounds=_PATIENCE,
            verbose_eval=False,
        )
        n_kept = booster.best_iteration + 1

        def score(x: Tensor) -> Tensor:
            margin = booster.inplace_predict(
                _rows(x), iteration_range=(0, n_kept), predict_type="margin"
            )
            return torch.as_tensor(margin, device=x.device).double()

        return Candidate(setting, score, n_kept)

    return boost


def _rows(x: Tensor) -> Any:  # noqa: ANN401 - an array, whose type differs by library
    return x.detach().cpu().numpy()


LIGHTGBM = BoostedTrees(
    "lightgbm",
    "LightGBM",
    prepare_lightgbm,
    tuple(
        {"num_leaves": size, "learning_rate": rate}
        for size, rate in product((31, 8, 127, 15), _LEARNING_RATES)
    ),
    modules=("lightgbm",),
)
XGBOOST = BoostedTrees(
    "xgboost",
    "XGBoost",
    prepare_xgboost,
    tuple(
        {"max_depth": size, "learning_rate": rate}
        for size, rate in product((6, 3, 10, 4), _LEARNING_RATES)
    ),
    modules=("xgboost",),
)
