"""Boosted trees of LightGBM."""

from functools import cached_property
from typing import Any

import lightgbm
import numpy as np
import torch

from losslearn.models.boosted.library import (
    CORRECTION,
    PATIENCE,
    Floats,
    Grown,
    Matrix,
    Numbers,
    Parameters,
    Table,
    Trees,
)

_MOST = "num_iterations"
_MOST_ROUNDS = 2_000
_OURS = {"objective": "binary", "metric": "binary_logloss"}
_LINK = "objective=binary sigmoid:1"
"""Without this line LightGBM would give raw scores in place of probabilities."""

_ESTIMATOR_ONLY = {"importance_type", "class_weight", "objective", "n_estimators"}
"""Of `LGBMClassifier`, what is no parameter of LightGBM, or one that is ours."""


class LightGBM:
    """LightGBM, as a library of boosted trees."""

    name = "lightgbm"

    def native(self, given: Parameters) -> dict[str, Any]:
        """Return the parameters of an `LGBMClassifier` as LightGBM takes them.

        Its number of trees is the most that are grown; how many there are is found out.

        Raises:
            ValueError: If it weighs classes, which `sample_weight` does here.
        """
        if given.get("class_weight") is not None:
            raise ValueError(
                "`class_weight` would be a weight in the metric as well. Leave it out, "
                "or give `fit` a `sample_weight`."
            )
        found = {
            name: value
            for name, value in given.items()
            if name not in _ESTIMATOR_ONLY and value is not None
        }
        return {**found, _MOST: given.get("n_estimators", _MOST_ROUNDS)}

    def parameters(self, given: Parameters, *, seed: int) -> dict[str, Any]:
        """Return a booster's parameters: the user's, else ours."""
        return {
            "learning_rate": 0.1,
            _MOST: _MOST_ROUNDS,
            "seed": seed,
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
            "feature_pre_filter": False,  # corrections have other leaves
            **given,
            **_OURS,
            "num_threads": torch.get_num_threads(),
        }

    def most_rounds(self, parameters: Parameters) -> int:
        """Return how many trees are grown at most."""
        return int(parameters[_MOST])

    def grow(
        self,
        table: Table,
        parameters: Parameters,
        *,
        n_rounds: int,
        held_out: Table | None = None,
    ) -> Grown:
        """Grow a booster by log-loss; with rows held out, until it falls no more."""
        data = _dataset(table, parameters)
        settings, found = {**parameters, _MOST: n_rounds}, dict[str, Any]()
        if held_out is None:
            return Grown(_written(lightgbm.train(settings, data)), [])
        booster = lightgbm.train(
            settings,
            data,
            valid_sets=[_dataset(held_out, parameters, data)],
            callbacks=[
                lightgbm.early_stopping(PATIENCE, verbose=False),
                lightgbm.record_evaluation(found),
            ],
            keep_training_booster=True,  # else it keeps the best trees alone
        )
        return Grown(_written(booster), found["valid_0"]["binary_logloss"])

    def more(
        self, table: Table, trees: Trees, parameters: Parameters, *, n_rounds: int
    ) -> Trees:
        """Grow a booster on, by log-loss, to so many trees in all."""
        settings = {**parameters, _MOST: n_rounds - trees.n_rounds}
        start, data = (
            lightgbm.Booster(model_str=trees.file.decode()),
            _dataset(table, parameters),
        )
        return _written(lightgbm.train(settings, data, init_model=start))

    def read(self, file: bytes) -> Trees:
        """Return the booster of a file."""
        return LightGBMTrees(file.decode())

    def correct(
        self, table: Table, trees: Trees, parameters: Parameters
    ) -> "LightGBMCorrections":
        """Return what adds trees to a booster that was grown on a table."""
        return LightGBMCorrections(table, trees, parameters)


def _dataset(
    table: Table, parameters: Parameters, reference: lightgbm.Dataset | None = None
) -> lightgbm.Dataset:
    return lightgbm.Dataset(
        table.x,
        table.y,
        weight=table.weight,
        reference=reference,
        categorical_feature=list(table.categorical),
        params=dict(parameters),
        free_raw_data=False,
    )


def _written(booster: lightgbm.Booster) -> "LightGBMTrees":
    return LightGBMTrees(booster.model_to_string(num_iteration=-1))


class LightGBMTrees:
    """A booster of LightGBM."""

    def __init__(self, text: str) -> None:
        """Take what LightGBM writes."""
        self.file = text.encode()
        """What `lightgbm.Booster(model_str=...)` reads."""

    @cached_property
    def booster(self) -> lightgbm.Booster:
        """The trees as LightGBM has them.

        Raises:
            ValueError: If it cannot read them.
        """
        try:
            return lightgbm.Booster(model_str=self.file.decode())
        except lightgbm.basic.LightGBMError as error:
            raise ValueError(f"LightGBM cannot read its trees: {error}") from None

    @cached_property
    def n_rounds(self) -> int:
        """How many trees there are."""
        return self.booster.num_trees()

    def first(self, n_rounds: int) -> Trees:
        """Return the booster of the first trees alone."""
        return LightGBMTrees(self.booster.model_to_string(num_iteration=n_rounds))

    def scores(
        self, x: Matrix, n_rounds: int | None = None, *, start: int = 0
    ) -> Floats:
        """Return raw scores, in log-odds, of so many trees from one on, or all."""
        return _scores(self.booster, x, -1 if n_rounds is None else n_rounds, start)

    def leaves(self, x: Matrix, tree: int) -> Numbers:
        """Return the leaf of a tree that each row falls into."""
        found = self.booster.predict(
            x, pred_leaf=True, start_iteration=tree, num_iteration=1
        )
        return np.asarray(found).reshape(-1).astype(np.int64)


def _scores(booster: lightgbm.Booster, x: Matrix, n_rounds: int, start: int) -> Floats:
    found = booster.predict(
        x,
        raw_score=True,
        start_iteration=start,
        num_iteration=n_rounds,
        num_threads=torch.get_num_threads(),
    )
    return np.asarray(found, dtype=np.float64)


class LightGBMCorrections:
    """Trees that are added to a booster of LightGBM, one along each slope."""

    def __init__(self, table: Table, trees: Trees, parameters: Parameters) -> None:
        """Add none yet."""
        self._base, self._n_base = trees, trees.n_rounds
        self._parameters = {
            **parameters,
            "num_leaves": CORRECTION["leaves"],
            "min_data_in_leaf": CORRECTION["least_rows"],
            "learning_rate": CORRECTION["rate"],
            "metric": "none",
        }
        self._table, self._data = table, _dataset(table, parameters)
        self._slope = self._curvature = np.empty(0)
        self._booster: lightgbm.Booster | None = None
        self._written: LightGBMTrees | None = None

    def add(self, slope: Floats, curvature: Floats) -> Floats:
        """Grow one tree; return what it adds to each row's score."""
        self._slope, self._curvature = slope, curvature
        if self._booster is None:
            self._booster = lightgbm.train(
                {**self._parameters, "objective": self._asked, _MOST: 1},
                self._data,
                init_model=lightgbm.Booster(model_str=self._base.file.decode()),
                keep_training_booster=True,
            )
        else:
            self._booster.update(fobj=self._asked)
        last = self._booster.num_trees() - self._n_base - 1
        return self.scores(self._table.x, 1, start=last)

    def scores(self, x: Matrix, n_trees: int, *, start: int) -> Floats:
        """Return what so many of them, from one on, add to other rows' scores."""
        if self._booster is None:
            return np.zeros(len(x))
        return _scores(self._booster, x, n_trees, self._n_base + start)

    def _asked(self, *_: object) -> tuple[Floats, Floats]:
        return self._slope, self._curvature

    def cut(self, n_trees: int) -> None:
        """Take the last ones away again, so that so many are left."""
        booster, n_rounds = self._booster, self._n_base + n_trees
        while booster is not None and booster.num_trees() > n_rounds:
            booster.rollback_one_iter()
            self._written = None

    def trees(self) -> Trees:
        """Return the whole booster, with the usual loss's link."""
        if self._booster is None or self._booster.num_trees() == self._n_base:
            return self._base
        n = self._booster.num_trees()
        if self._written is None or self._written.n_rounds != n:
            text = self._booster.model_to_string(num_iteration=-1)
            if "\nobjective=" not in text:
                link = f"\n{_LINK}\nfeature_names="
                text = text.replace("\nfeature_names=", link, 1)
            self._written = LightGBMTrees(text)
            self._written.n_rounds = n
        return self._written
