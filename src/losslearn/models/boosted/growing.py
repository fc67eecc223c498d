"""Growing trees by LightGBM: by the usual loss, and one by one along any slope."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

if TYPE_CHECKING:
    import lightgbm

Floats = NDArray[np.float64]
Matrix = NDArray[np.float32]

MOST = "num_iterations"
"""LightGBM's name for the most trees."""
MOST_ROUNDS = 2_000
_PATIENCE = 50
"""Rounds without a lower log-loss of the rows held out, after which growing ends."""
_CORRECTION = {"num_leaves": 15, "min_data_in_leaf": 50, "learning_rate": 0.3}
"""Of the trees that follow another slope than the usual loss's."""


class Table(NamedTuple):
    """Rows as LightGBM takes them."""

    x: Matrix
    y: NDArray[np.int64]
    weight: Floats | None
    categorical: tuple[int, ...] = ()
    """Places of the features that are codes of categories."""

    def taken(self, rows: NDArray[Any]) -> "Table":
        """Return some of the rows."""
        weight = None if self.weight is None else self.weight[rows]
        return self._replace(x=self.x[rows], y=self.y[rows], weight=weight)

    def dataset(self, reference: "lightgbm.Dataset | None" = None) -> Any:  # noqa: ANN401 - LightGBM's
        """Return LightGBM's own form of them."""
        import lightgbm

        return lightgbm.Dataset(
            self.x,
            self.y,
            weight=self.weight,
            reference=reference,
            categorical_feature=list(self.categorical),
            params={"verbosity": -1, "num_threads": torch.get_num_threads()},
            free_raw_data=False,
        )


def settings(given: Mapping[str, Any], *, seed: int) -> dict[str, Any]:
    """Return a booster's parameters: the user's, and ours where they say nothing."""
    return {
        "learning_rate": 0.1,
        MOST: MOST_ROUNDS,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
        "num_threads": torch.get_num_threads(),
        **given,
        "objective": "binary",
        "metric": "binary_logloss",
    }


_SCIKIT_LEARN = {"importance_type", "class_weight", "objective", "n_estimators"}
"""Of `LGBMClassifier`, what is no parameter of LightGBM, or one that is ours."""


def native(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of an `LGBMClassifier` as LightGBM takes them.

    Its number of trees is the most that are grown; how many there are is found out.

    Raises:
        ValueError: If it weighs classes, which `sample_weight` does here.
    """
    if given.get("class_weight") is not None:
        raise ValueError(
            "`class_weight` would be a weight in the metric as well. Leave it out, or "
            "give `fit` a `sample_weight`."
        )
    found = {
        name: value
        for name, value in given.items()
        if name not in _SCIKIT_LEARN and value is not None
    }
    return {**found, MOST: given.get("n_estimators", MOST_ROUNDS)}


class HeldOut(NamedTuple):
    """What fold boosters say of the rows that they were not grown on."""

    n_rounds: int
    """At which the mean log-loss of all rows is lowest."""
    score: Floats
    """Of each row, at that many rounds."""


def cross_fitted(
    table: Table,
    fold: NDArray[np.int64],
    parameters: dict[str, Any],
) -> HeldOut:
    """Grow a booster without each fold in turn, until its log-loss falls no more."""
    import lightgbm

    n_folds = int(fold.max()) + 1
    boosters, curves, shares = [], [], []
    for one in range(n_folds):
        rest = table.taken(np.flatnonzero(fold != one))
        out = table.taken(np.flatnonzero(fold == one))
        train = rest.dataset()
        found: dict[str, Any] = {}
        boosters.append(
            lightgbm.train(
                parameters,
                train,
                valid_sets=[out.dataset(train)],
                callbacks=[
                    lightgbm.early_stopping(_PATIENCE, verbose=False),
                    lightgbm.record_evaluation(found),
                ],
            )
        )
        curves.append(found["valid_0"]["binary_logloss"])
        shares.append(len(out.y))
    # a curve that ended goes on with its last value: it had stopped falling
    length = max(map(len, curves))
    full = [curve + curve[-1:] * (length - len(curve)) for curve in curves]
    n_rounds = int(np.average(full, axis=0, weights=shares).argmin()) + 1
    score = np.empty(len(table.y))
    for one, booster in enumerate(boosters):
        rows = np.flatnonzero(fold == one)
        score[rows] = booster.predict(
            table.x[rows],
            raw_score=True,
            num_iteration=n_rounds,
            num_threads=torch.get_num_threads(),
        )
    return HeldOut(n_rounds, score)


def grown(table: Table, parameters: Mapping[str, Any], n_rounds: int) -> str:
    """Return the text of a booster of so many trees, by the usual loss."""
    import lightgbm

    settings = {**parameters, MOST: n_rounds}
    return lightgbm.train(settings, table.dataset()).model_to_string()


class Corrections:
    """Trees that are added to a booster, in its own file, one along each slope."""

    def __init__(self, table: Table, text: str, parameters: dict[str, Any]) -> None:
        """Add none yet to a booster, which its text tells."""
        import lightgbm

        self._base = lightgbm.Booster(model_str=text)
        self._n_base = self._base.num_trees()
        self._table, self._data = table, table.dataset()
        self._parameters = {**parameters, **_CORRECTION, "metric": "none"}
        self._slope = self._curvature = np.empty(0)
        self._booster: lightgbm.Booster | None = None

    @property
    def n_trees(self) -> int:
        """How many there are."""
        return 0 if self._booster is None else self._booster.num_trees() - self._n_base

    def add(self, slope: Floats, curvature: Floats) -> Floats:
        """Grow one tree; return what it adds to each row's score."""
        import lightgbm

        self._slope, self._curvature = slope, curvature
        if self._booster is None:
            self._booster = lightgbm.train(
                {**self._parameters, "objective": self._asked},
                self._data,
                1,
                init_model=self._base,
                keep_training_booster=True,
            )
        else:
            self._booster.update(fobj=self._asked)
        found: Floats = np.asarray(
            self._booster.predict(
                self._table.x,
                raw_score=True,
                start_iteration=self._booster.current_iteration() - 1,
                num_iteration=1,
                num_threads=torch.get_num_threads(),
            )
        )
        return found

    def _asked(self, *_: object) -> tuple[Floats, Floats]:
        return self._slope, self._curvature

    def cut(self, n_trees: int) -> None:
        """Take the last ones away again."""
        while self._booster is not None and self.n_trees > n_trees:
            self._booster.rollback_one_iter()

    @property
    def text(self) -> str:
        """The whole booster, as LightGBM writes it, with the usual loss's link."""
        if self._booster is None or self.n_trees == 0:
            return self._base.model_to_string()
        text = self._booster.model_to_string()
        if "\nobjective=" in text:
            return text
        return text.replace("\nfeature_names=", f"\n{_LINK}\nfeature_names=", 1)


_LINK = "objective=binary sigmoid:1"
"""Without this line LightGBM would give raw scores in place of probabilities."""
