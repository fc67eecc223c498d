"""Boosters by their usual loss, as their own packages fit them."""

import time
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from losslearn_bench.decisions.deciding import Scores
from losslearn_bench.decisions.rows import Parts
from losslearn_bench.harness.packages import load

RATE, ROUNDS, PATIENCE = 0.1, 2_000, 50
"""Those of the package's own booster."""
_LOOKS = 20

Floats = NDArray[np.float64]
Margin = Callable[[Floats, int], Floats]
"""Gives the log-odds of rows by so many trees."""


class Booster(NamedTuple):
    """A booster that the validation rows' log-loss has stopped."""

    at: Callable[[int], Scores]
    """The log-odds by so many trees."""
    n_best: int
    n_grown: int
    """Trees until it was stopped, `PATIENCE` more."""
    seconds: float
    """Of its fit."""

    @property
    def counts(self) -> list[int]:
        """Numbers of trees to choose from, some 20, the best by log-loss among them."""
        spread = np.geomspace(1, self.n_grown, _LOOKS).round().astype(int)
        return sorted({*spread.tolist(), self.n_best})


def fit_lightgbm(parts: Parts, seed: int) -> Booster:
    """Return LightGBM's trees."""
    lightgbm = load("lightgbm")
    begin = time.perf_counter()
    train = lightgbm.Dataset(parts.train.x, parts.train.y, params=settings(seed))
    booster = lightgbm.train(
        {**settings(seed), "objective": "binary"},
        train,
        num_boost_round=ROUNDS,
        valid_sets=[train.create_valid(parts.valid.x, parts.valid.y)],
        callbacks=[lightgbm.early_stopping(PATIENCE, verbose=False)],
        keep_training_booster=True,  # with the trees after the best one
    )
    seconds = time.perf_counter() - begin

    def margin(x: Floats, n_trees: int) -> Floats:
        return booster.predict(x, raw_score=True, num_iteration=n_trees, num_threads=1)

    return _booster(parts, margin, booster.best_iteration, booster.num_trees(), seconds)


def settings(seed: int) -> dict[str, Any]:
    """Return LightGBM's parameters, its defaults but for the rate."""
    return {
        "learning_rate": RATE,
        "num_threads": 1,
        "deterministic": True,
        "force_row_wise": True,
        "seed": seed,
        "verbosity": -1,
    }


def fit_xgboost(parts: Parts, seed: int) -> Booster:
    """Return XGBoost's trees."""
    train, valid = parts.train, parts.valid
    trees = load("xgboost").XGBClassifier(
        n_estimators=ROUNDS,
        learning_rate=RATE,
        early_stopping_rounds=PATIENCE,
        n_jobs=1,
        random_state=seed,
        verbosity=0,
    )
    begin = time.perf_counter()
    trees.fit(train.x, train.y, eval_set=[(valid.x, valid.y)], verbose=False)
    seconds = time.perf_counter() - begin

    def margin(x: Floats, n_trees: int) -> Floats:
        found = trees.predict(x, output_margin=True, iteration_range=(0, n_trees))
        return found.astype(np.float64)

    n_grown = trees.get_booster().num_boosted_rounds()
    return _booster(parts, margin, trees.best_iteration + 1, n_grown, seconds)


def _booster(
    parts: Parts, margin: Margin, n_best: int, n_grown: int, seconds: float
) -> Booster:
    @cache
    def at(n_trees: int) -> Scores:
        return Scores(margin(parts.valid.x, n_trees), margin(parts.test.x, n_trees))

    return Booster(at, n_best, n_grown, seconds)


OUTSIDE: dict[str, Callable[[Parts, int], Any]] = {
    "lightgbm": fit_lightgbm,
    "xgboost": fit_xgboost,
}
