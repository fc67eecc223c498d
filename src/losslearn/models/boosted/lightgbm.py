"""Boosted trees of LightGBM."""

from functools import cached_property
from typing import Any

import lightgbm
import numpy as np
import torch

from losslearn.models.boosted.datasets import BinnedTable, binned_of
from losslearn.models.boosted.joining import joined
from losslearn.models.boosted.library import (
    CORRECTION,
    PATIENCE,
    Data,
    Features,
    Floats,
    Grown,
    Numbers,
    Parameters,
    Table,
    Trees,
)

_MOST = "num_iterations"
_MOST_ROUNDS = 2_000
_BY_ROWS = "force_row_wise"
_LARGE = 2**28
"""Bins, of a byte each, that are not copied."""
_OURS = {"objective": "binary", "metric": "binary_logloss"}

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
            _BY_ROWS: True,
            "verbosity": -1,
            **given,
            **_OURS,
            "num_threads": torch.get_num_threads(),
        }

    def most_rounds(self, parameters: Parameters) -> int:
        """Return how many trees are grown at most."""
        return int(parameters[_MOST])

    def data(
        self, table: Table, parameters: Parameters, *, like: Data | None = None
    ) -> BinnedTable:
        """Return a table in bins, of as many as the parameters say."""
        bins = None if like is None else binned_of(like)
        return BinnedTable.of(table, parameters, like=bins)

    def grow(
        self,
        data: Data,
        parameters: Parameters,
        *,
        n_rounds: int,
        held_out: Data | None = None,
    ) -> Grown:
        """Grow a booster by log-loss; with rows held out, until it falls no more."""
        rows, found = binned_of(data), dict[str, Any]()
        settings = {**_sparing(parameters, rows), _MOST: n_rounds}
        if held_out is None:
            return Grown(_written(lightgbm.train(settings, rows)), [])
        booster = lightgbm.train(
            settings,
            rows,
            valid_sets=[binned_of(held_out)],
            callbacks=[
                lightgbm.early_stopping(PATIENCE, verbose=False),
                lightgbm.record_evaluation(found),
            ],
            keep_training_booster=True,  # else without the trees after the best
        )
        return Grown(_written(booster), found["valid_0"]["binary_logloss"])

    def more(
        self, data: Data, trees: Trees, parameters: Parameters, *, n_rounds: int
    ) -> Trees:
        """Grow a booster on, by log-loss, to so many trees in all."""
        # others that share the data set must not start from these scores
        rows = binned_of(data.taken(np.arange(data.features.n_rows)))
        rows.set_init_score(trees.scores(data.features))
        settings = {**_sparing(parameters, rows), _MOST: n_rounds - trees.n_rounds}
        grown = lightgbm.train(settings, rows).model_to_string(num_iteration=-1)
        return LightGBMTrees(joined(trees.file.decode(), grown))

    def read(self, file: bytes) -> Trees:
        """Return the booster of a file."""
        return LightGBMTrees(file.decode())

    def correct(
        self, data: Data, trees: Trees, parameters: Parameters
    ) -> "LightGBMCorrections":
        """Return what adds trees to a booster that was grown on a table."""
        return LightGBMCorrections(binned_of(data), trees, parameters)


def _sparing(parameters: Parameters, rows: lightgbm.Dataset) -> dict[str, Any]:
    """Return parameters by which a large table's bins are not held by rows as well."""
    is_large = rows.num_data() * rows.num_feature() > _LARGE
    if not (is_large and parameters.get(_BY_ROWS)):
        return dict(parameters)
    return {**parameters, _BY_ROWS: False, "force_col_wise": True}


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
        self, features: Features, n_rounds: int | None = None, *, start: int = 0
    ) -> Floats:
        """Return raw scores, in log-odds, of so many trees from one on, or all."""
        n = -1 if n_rounds is None else n_rounds
        return _scores(self.booster, features, n, start)

    def leaves(self, features: Features, tree: int) -> Numbers:
        """Return the leaf of a tree that each row falls into."""
        which: dict[str, Any] = {"start_iteration": tree, "num_iteration": 1}
        which |= {"pred_leaf": True, "num_threads": torch.get_num_threads()}
        predict = self.booster.predict
        found = features.by_parts(lambda x: np.asarray(predict(x, **which)))
        return found.reshape(-1).astype(np.int64)


def _scores(
    booster: lightgbm.Booster, features: Features, n_rounds: int, start: int
) -> Floats:
    which: dict[str, Any] = {"start_iteration": start, "num_iteration": n_rounds}
    which |= {"raw_score": True, "num_threads": torch.get_num_threads()}
    return features.by_parts(lambda x: np.asarray(booster.predict(x, **which)))


class LightGBMCorrections:
    """Trees that are added to a booster of LightGBM, one along each slope.

    They are grown as a booster of their own, which needs no scores of the other's.
    """

    def __init__(
        self, data: lightgbm.Dataset, trees: Trees, parameters: Parameters
    ) -> None:
        """Add none yet."""
        self._base = trees
        settings = {
            **_sparing(parameters, data),
            "num_leaves": CORRECTION["leaves"],
            "min_data_in_leaf": CORRECTION["least_rows"],
            "learning_rate": CORRECTION["rate"],
            "metric": "none",
            "objective": "none",
        }
        self._booster = lightgbm.Booster(settings, data)
        self._score: Floats = np.zeros(data.num_data())
        self._whole: Trees | None = trees

    def add(self, slope: Floats, curvature: Floats) -> Floats:
        """Grow one tree; return what it adds to each row's score."""
        self._whole = None
        self._booster.update(fobj=lambda *_: (slope, curvature))
        return self._gained()

    def _gained(self) -> Floats:
        """Return what rows' scores, which LightGBM holds already, have gained."""
        gained: list[Floats] = []

        def see(score: Floats, _: object) -> tuple[str, float, bool]:
            gained.append(score - self._score)
            self._score[:] = score
            return "", 0.0, True

        self._booster.eval_train(see)
        return gained[0]

    def scores(self, features: Features, n_trees: int, *, start: int) -> Floats:
        """Return what so many of them, from one on, add to other rows' scores."""
        return _scores(self._booster, features, n_trees, start)

    def cut(self, n_trees: int) -> None:
        """Take the last ones away again, so that so many are left."""
        while self._booster.num_trees() > n_trees:
            self._booster.rollback_one_iter()
            self._whole = None
        self._gained()

    def trees(self) -> Trees:
        """Return the whole booster, with the usual loss's link."""
        if self._booster.num_trees() == 0:
            self._whole = self._base
        if self._whole is None:
            text = self._booster.model_to_string(num_iteration=-1)
            self._whole = LightGBMTrees(joined(self._base.file.decode(), text))
        return self._whole
