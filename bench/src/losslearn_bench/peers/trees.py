"""Boosted trees, trained by log-loss with early stopping: LightGBM and XGBoost."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

import torch
from torch import Tensor

from losslearn.metrics import TrueLoss
from losslearn_bench.harness.budget import Budget, Setting
from losslearn_bench.harness.method import Fitted, check_request
from losslearn_bench.harness.packages import load
from losslearn_bench.harness.rows import TrainingData
from losslearn_bench.peers.candidates import Candidate, choose, settings_to_try

_LEARNING_RATES = (0.1, 0.03, 0.3)


class Rounds(NamedTuple):
    """How long trees are added."""

    most: int
    patience: int


@dataclass(frozen=True)
class BoostedTrees:
    """A library of boosted trees.

    Trees know nothing of the true loss while they grow. They are trained once for every
    setting; which of them is kept is up to each true loss on the validation rows.
    """

    name: str
    title: str
    modules: tuple[str, ...]
    boost: Callable[[TrainingData, Sequence[Setting], Rounds, int], list[Candidate]]
    """Trains with each setting, on one core; the last argument is the seed."""
    grid: tuple[Setting, ...]
    """Settings to try, the library's default size first."""
    max_rounds: int = 2_000
    patience: int = 50
    """Rounds without a lower log-loss of the validation rows, after which to stop."""
    tiers: tuple[str, ...] = ("strong",)
    metrics: tuple[str, ...] | None = None
    trains_once: bool = True

    def fit(
        self,
        data: TrainingData,
        true_losses: Sequence[TrueLoss],
        *,
        tier: str,
        budget: Budget,
        seed: int,
    ) -> list[Fitted]:
        """Train with each setting and return the best for each of the losses."""
        check_request(self, true_losses, tier)
        settings = settings_to_try(self.grid, budget)
        rounds = Rounds(self.max_rounds, self.patience)
        return choose(true_losses, self.boost(data, settings, rounds, seed), data)


def boost_lightgbm(
    data: TrainingData, settings: Sequence[Setting], rounds: Rounds, seed: int
) -> list[Candidate]:
    """Train LightGBM's trees with each of the settings.

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
    candidates = []
    for setting in settings:
        booster = lightgbm.train(
            {**fixed, **setting},
            train,
            num_boost_round=rounds.most,
            valid_sets=[valid],
            callbacks=[lightgbm.early_stopping(rounds.patience, verbose=False)],
        )

        def score(x: Tensor, booster: Any = booster) -> Tensor:  # noqa: ANN401 - untyped
            # of the rounds after the best one, none was kept
            margin = booster.predict(_rows(x), raw_score=True, num_threads=1)
            return torch.as_tensor(margin, device=x.device)

        candidates.append(Candidate(setting, score, booster.best_iteration))
    return candidates


def boost_xgboost(
    data: TrainingData, settings: Sequence[Setting], rounds: Rounds, seed: int
) -> list[Candidate]:
    """Train XGBoost's trees with each of the settings.

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
    valid = xgboost.QuantileDMatrix(
        _rows(data.x_valid), data.y_valid.cpu().numpy(), ref=train, nthread=1
    )
    candidates = []
    for setting in settings:
        booster = xgboost.train(
            {**fixed, **setting},
            train,
            num_boost_round=rounds.most,
            evals=[(valid, "valid")],
            early_stopping_rounds=rounds.patience,
            verbose_eval=False,
        )

        def score(x: Tensor, booster: Any = booster) -> Tensor:  # noqa: ANN401 - untyped
            kept = (0, booster.best_iteration + 1)
            margin = booster.inplace_predict(
                _rows(x), iteration_range=kept, predict_type="margin"
            )
            return torch.as_tensor(margin, device=x.device).double()

        candidates.append(Candidate(setting, score, booster.best_iteration + 1))
    return candidates


def _rows(x: Tensor) -> Any:  # noqa: ANN401 - an array, whose type differs by library
    return x.detach().cpu().numpy()


LIGHTGBM = BoostedTrees(
    name="lightgbm",
    title="LightGBM",
    modules=("lightgbm",),
    boost=boost_lightgbm,
    grid=tuple(
        {"num_leaves": leaves, "learning_rate": rate}
        for leaves, rate in product((31, 8, 127, 15), _LEARNING_RATES)
    ),
)
XGBOOST = BoostedTrees(
    name="xgboost",
    title="XGBoost",
    modules=("xgboost",),
    boost=boost_xgboost,
    grid=tuple(
        {"max_depth": depth, "learning_rate": rate}
        for depth, rate in product((6, 3, 10, 4), _LEARNING_RATES)
    ),
)
