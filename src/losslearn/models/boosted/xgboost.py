"""Boosted trees of XGBoost."""

import json
import math
from functools import cached_property
from typing import Any

import numpy as np
import torch
import xgboost
from numpy.typing import NDArray

from losslearn.models.boosted.library import (
    CORRECTION,
    PATIENCE,
    Data,
    Features,
    Floats,
    Grown,
    Matrix,
    Numbers,
    Parameters,
    Table,
    Trees,
)

_MOST = "num_boost_round"
_MOST_ROUNDS = 2_000
_PATIENCE = "early_stopping_rounds"
_OUTSIDE = {_MOST, _PATIENCE}
"""Of a booster's parameters, what `xgboost.train` takes as arguments of its own."""
_OURS = {"objective": "binary:logistic", "eval_metric": "logloss"}

_ESTIMATOR_ONLY = {
    "callbacks",
    "device",
    "enable_categorical",
    "eval_metric",
    "feature_types",
    "importance_type",
    "missing",
    "multi_strategy",
    "n_estimators",
    "n_jobs",
    "nthread",
    "objective",
}
"""Of `XGBClassifier`, what is no parameter of a booster, or one that is ours."""
_OTHER_NAMES = {
    "alpha": "reg_alpha",
    "eta": "learning_rate",
    "lambda": "reg_lambda",
    "min_split_loss": "gamma",
    "random_state": "seed",
}
_KEPT = {
    "booster": ("gbtree",),
    "callbacks": (),
    "device": ("cpu",),
    "eval_metric": ("logloss",),
    "feature_types": (),
    "objective": ("binary:logistic",),
}
"""What else than None can be kept of parameters that have other values as well."""


class XGBoost:
    """XGBoost, as a library of boosted trees."""

    name = "xgboost"

    def native(self, given: Parameters) -> dict[str, Any]:
        """Return the parameters of an `XGBClassifier` as XGBoost takes them.

        Its number of trees is the most that are grown; how many there are is found out.

        Raises:
            ValueError: If one cannot be kept, such as another objective.
        """
        for name, values in _KEPT.items():
            value = given.get(name)
            if value is not None and value not in values:
                _refuse(name, value, f"only {values[0]!r} is trained" if values else "")
        missing = given.get("missing", math.nan)
        if not (isinstance(missing, float) and math.isnan(missing)):
            _refuse("missing", missing, "NaN is what is missing")
        constraints = given.get("monotone_constraints")
        if isinstance(constraints, dict):
            why = "features have no names here, a tuple has one value each"
            _refuse("monotone_constraints", constraints, why)
        found = {
            _OTHER_NAMES.get(name, name): value
            for name, value in given.items()
            if name not in _ESTIMATOR_ONLY and value is not None
        }
        return {**found, _MOST: given.get("n_estimators") or _MOST_ROUNDS}

    def parameters(self, given: Parameters, *, seed: int) -> dict[str, Any]:
        """Return a booster's parameters: the user's, else ours."""
        return {
            "learning_rate": 0.1,
            _MOST: _MOST_ROUNDS,
            _PATIENCE: PATIENCE,
            "tree_method": "hist",
            "seed": seed,
            "verbosity": 0,
            **given,
            **_OURS,
            "nthread": torch.get_num_threads(),
        }

    def most_rounds(self, parameters: Parameters) -> int:
        """Return how many trees are grown at most."""
        return int(parameters[_MOST])

    def data(
        self, table: Table, parameters: Parameters, *, like: Data | None = None
    ) -> "MatrixTable":
        """Return a table as XGBoost takes it; it bins the rows where it grows."""
        del parameters, like
        return MatrixTable(table)

    def grow(
        self,
        data: Data,
        parameters: Parameters,
        *,
        n_rounds: int,
        held_out: Data | None = None,
    ) -> Grown:
        """Grow a booster by log-loss; with rows held out, until it falls no more."""
        rows, own = _matrix_of(data), _own(parameters)
        if held_out is None:
            return Grown(_written(xgboost.train(own, rows, n_rounds)), [])
        found = dict[str, Any]()
        booster = xgboost.train(
            own,
            rows,
            n_rounds,
            evals=[(_matrix_of(held_out), "held_out")],
            early_stopping_rounds=parameters[_PATIENCE],
            evals_result=found,
            verbose_eval=False,
        )
        return Grown(_written(booster), found["held_out"]["logloss"])

    def more(
        self, data: Data, trees: Trees, parameters: Parameters, *, n_rounds: int
    ) -> Trees:
        """Grow a booster on, by log-loss, to so many trees in all."""
        start, n_more = _read(trees.file), n_rounds - trees.n_rounds
        further = xgboost.train(
            _own(parameters), _matrix_of(data), n_more, xgb_model=start
        )
        return _written(further)

    def read(self, file: bytes) -> Trees:
        """Return the booster of a file."""
        return XGBoostTrees(file)

    def correct(
        self, data: Data, trees: Trees, parameters: Parameters
    ) -> "XGBoostCorrections":
        """Return what adds trees to a booster that was grown on a table."""
        return XGBoostCorrections(data, trees, parameters)


class MatrixTable:
    """A table as XGBoost takes it."""

    def __init__(self, table: Table) -> None:
        """Read nothing yet."""
        self._table, self.features = table, table.features

    @cached_property
    def matrix(self) -> xgboost.DMatrix:
        """The rows as XGBoost has them."""
        x, table = self.features.read(slice(None)), self._table
        types = ["q"] * x.shape[1]
        for place in table.categorical:
            types[place] = "c"
        return xgboost.DMatrix(
            x,
            table.y,
            weight=table.weight,
            feature_types=types,
            enable_categorical=True,
            nthread=torch.get_num_threads(),
        )

    def taken(self, rows: NDArray[Any]) -> "MatrixTable":
        """Return some of the rows, by their places."""
        table = self._table
        some = table._replace(
            features=table.features.some(rows),
            y=table.y[rows],
            weight=None if table.weight is None else table.weight[rows],
        )
        return MatrixTable(some)


def _matrix_of(data: Data) -> xgboost.DMatrix:
    assert isinstance(data, MatrixTable)
    return data.matrix


def _own(parameters: Parameters) -> dict[str, Any]:
    return {name: one for name, one in parameters.items() if name not in _OUTSIDE}


def _read(file: bytes) -> xgboost.Booster:
    return xgboost.Booster(
        {"nthread": torch.get_num_threads()}, model_file=bytearray(file)
    )


def _written(booster: xgboost.Booster) -> "XGBoostTrees":
    # or XGBoost would predict by the trees up to there alone
    booster.set_attr(best_iteration=None, best_score=None)
    return XGBoostTrees(bytes(booster.save_raw("ubj")))


class XGBoostTrees:
    """A booster of XGBoost."""

    def __init__(self, file: bytes) -> None:
        """Take what XGBoost writes."""
        self.file = file
        """What `xgboost.Booster.load_model` reads, as a `bytearray` or from a disk."""

    @cached_property
    def booster(self) -> xgboost.Booster:
        """The trees as XGBoost has them.

        Raises:
            ValueError: If it cannot read them.
        """
        try:
            return _read(self.file)
        except xgboost.core.XGBoostError as error:
            said = str(error).splitlines()[0]
            raise ValueError(f"XGBoost cannot read its trees: {said}") from None

    @cached_property
    def n_rounds(self) -> int:
        """How many trees there are."""
        return self.booster.num_boosted_rounds()

    def first(self, n_rounds: int) -> Trees:
        """Return the booster of the first trees alone."""
        return self if n_rounds >= self.n_rounds else _written(self.booster[:n_rounds])

    def scores(
        self, features: Features, n_rounds: int | None = None, *, start: int = 0
    ) -> Floats:
        """Return raw scores, in log-odds, of so many trees from one on, or all.

        The offset goes with the first tree.
        """
        end = (
            self.n_rounds if n_rounds is None else min(start + n_rounds, self.n_rounds)
        )
        return _scores(self.booster, features, start, end)

    def leaves(self, features: Features, tree: int) -> Numbers:
        """Return the leaf of a tree that each row falls into."""
        one, types = self.booster[tree : tree + 1], self.booster.feature_types

        def fallen(x: Matrix) -> Numbers:
            rows = xgboost.DMatrix(x, feature_types=types, enable_categorical=True)
            found = one.predict(rows, pred_leaf=True)
            return found.reshape(len(x), -1)[:, 0].astype(np.int64)

        return features.by_parts(fallen)


def _scores(
    booster: xgboost.Booster, features: Features, start: int, end: int
) -> Floats:
    if end <= start:
        return np.zeros(features.n_rows)
    which: dict[str, Any] = {"iteration_range": (start, end), "predict_type": "margin"}
    found = features.by_parts(lambda x: booster.inplace_predict(x, **which))
    score = np.asarray(found, dtype=np.float64)
    return score - _offset(booster) if start > 0 else score


def _offset(booster: xgboost.Booster) -> float:
    """Return the score without trees, which every prediction has in it."""
    learner = json.loads(booster.save_config())["learner"]
    said = json.loads(learner["learner_model_param"]["base_score"])
    p = float(said[0] if isinstance(said, list) else said)
    return math.log(p / (1 - p))


class XGBoostCorrections:
    """Trees that are added to a booster of XGBoost, one along each slope."""

    def __init__(self, data: Data, trees: Trees, parameters: Parameters) -> None:
        """Add none yet."""
        self._base, self._n_base = trees, trees.n_rounds
        self._least = float(parameters.get("min_child_weight", 0.0))
        own = {
            "reg_lambda": 0.0,  # the rows of a leaf are many; the user's own stands
            "max_depth": 0,  # likewise
            **_own(parameters),
            "tree_method": "hist",
            "grow_policy": "lossguide",
            "max_leaves": CORRECTION["leaves"],
            "learning_rate": CORRECTION["rate"],
        }
        self._data, self._matrix = data.features, _matrix_of(data)
        self._booster = _read(trees.file)
        self._booster.set_param(own)
        self._written: XGBoostTrees | None = None

    def add(self, slope: Floats, curvature: Floats) -> Floats:
        """Grow one tree; return what it adds to each row's score."""
        booster, n = self._booster, self._booster.num_boosted_rounds()
        # a leaf is bounded by the sum of its rows' curvature, not by their number
        least = CORRECTION["least_rows"] * float(curvature.mean())
        booster.set_param({"min_child_weight": max(least, self._least)})
        booster.boost(self._matrix, n, grad=slope, hess=curvature)
        return self.scores(self._data, 1, start=n - self._n_base)

    def scores(self, features: Features, n_trees: int, *, start: int) -> Floats:
        """Return what so many of them, from one on, add to other rows' scores."""
        begin, n = self._n_base + start, self._booster.num_boosted_rounds()
        return _scores(self._booster, features, begin, min(begin + n_trees, n))

    def cut(self, n_trees: int) -> None:
        """Take the last ones away again, so that so many are left."""
        n_rounds = self._n_base + n_trees
        if self._booster.num_boosted_rounds() > n_rounds:
            self._booster = self._booster[:n_rounds]
            self._written = None

    def trees(self) -> Trees:
        """Return the whole booster; XGBoost keeps the link that it was grown with."""
        n = self._booster.num_boosted_rounds()
        if n == self._n_base:
            return self._base
        if self._written is None or self._written.n_rounds != n:
            self._written = _written(self._booster)
        return self._written


def _refuse(name: str, value: object, why: str) -> None:
    reason = f": {why}" if why else ""
    raise ValueError(
        f"`{name}={value!r}` of an XGBClassifier cannot be kept{reason}. Leave it out."
    )
