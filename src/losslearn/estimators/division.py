"""Rows as a user gives them, divided into those to train on and to choose by."""

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.frozen import FrozenEstimator
from sklearn.utils import check_random_state
from torch import Tensor

from losslearn.encoding import TableEncoder
from losslearn.estimators.features import TakesTables
from losslearn.estimators.rows import (
    Given,
    Split,
    as_tensor,
    as_weights,
    count_groups,
    fold_numbers,
    present_rows,
    split_numbers,
    stacked,
    to_judge,
    to_train,
)
from losslearn.estimators.seen import SeenRows
from losslearn.metrics import TrueLoss
from losslearn.metrics.columns import as_columns
from losslearn.models.rows import Rows
from losslearn.tasks.task import Labels
from losslearn.training.cross_fitting import Part

VALIDATION_FRACTION = 0.2
"""Of the rows, to choose by, where nobody says."""
_N_FOLDS = 5
_MANY_ROWS = 5_000
"""From here on a fifth of the rows is enough to choose by."""
_LEAST = 10
"""Rows of the rarest stratum, two in each fold; with fewer there are none."""


def default_folds(
    strata: Tensor, true_loss: TrueLoss, *, encoder: object, max_time: float | None
) -> int:
    """Return how many folds there are where nobody says; 1 for one split.

    Folds are for rows so few that a fifth of them chooses badly. They share what was
    fitted before, and take three times the calls of a metric, so that one of a user's
    own gets one split where the time is limited.

    Args:
        strata: Code of each row, from 0.
        true_loss: What is trained for.
        encoder: As it was given.
        max_time: Seconds for the whole fit; None for no limit.
    """
    is_few = len(strata) < _MANY_ROWS and int(torch.bincount(strata).min()) >= _LEAST
    has_time = true_loss.own is None or max_time is None
    return _N_FOLDS if is_few and has_time and encodes_once(encoder) else 1


def encodes_once(encoder: object) -> bool:
    """Whether an encoder looks at no target, so that folds may share it."""
    return isinstance(encoder, TableEncoder | FrozenEstimator | None)


class Division(NamedTuple):
    """The rows of a fit."""

    parts: Sequence[Part]
    """One split, or folds."""
    every: Rows | None
    """All of them, if the fit is to end with these."""
    labels: Labels
    """The coding of the targets."""
    seed: int
    """Of division and fit."""

    def told(self, groups: object, *, is_done: bool) -> dict[str, Any]:
        """Return what the report says of them.

        A fit that is not done has one part's model.
        """
        train, valid = self.parts[0]
        found: dict[str, Any] = {"folds": len(self.parts)}
        found["refitted"] = self.every is not None and is_done
        if self.every is not None and is_done:
            train = self.every
            valid = self.every if len(self.parts) > 1 else valid
        found["rows"] = {"train": train.n_rows, "validation": valid.n_rows}
        if groups is not None:
            found["groups"] = count_groups(groups, train, valid)
        return found


class DividesRows(TakesTables):
    """An estimator that splits validation rows off, or has them given."""

    option_arguments: ClassVar[Mapping[str, str]] = {}
    """Which argument holds an option of the task, by the option's name."""
    cv: int | None = None
    """Folds; 1 for one split, None for `default_folds`."""
    refit: bool | None = None
    """Whether all rows are trained on in the end, as always with folds; None if time
    is not limited and the validation rows are split off."""
    max_time: float | None
    validation_fraction: float
    random_state: Any
    device: Any
    seen_: SeenRows | None

    def _divided(self, true_loss: TrueLoss, given: Given, held_out: Given) -> Division:
        """Return the rows, their targets coded, encoded and divided."""
        held_out.check_goes_with(given)
        self._check_division(held_out)
        features, targets = self._checked(given.X, given.y, reset=True)
        options = {
            option: getattr(self, argument)
            for option, argument in self.option_arguments.items()
        }
        labels = self.task.labels(targets, options)
        target = as_tensor(labels.encode(targets))
        weight = as_weights(given.weight, n_rows=len(target))
        present = present_rows(weight)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        splits = []
        if held_out.X is None:
            strata = self.task.strata(target)
            splits = self._splits(true_loss, given, strata, present, seed)
        # of folds, all rows: an encoder of ours looks at no target
        fitted_to = splits[0].train if len(splits) == 1 else present
        x = self._fit_encoder(features, target, fitted_to)
        table = self._table(true_loss, x, target, given.columns, "metric_columns")
        table = table._replace(numbers=present, weight=weight)
        if splits:
            pairs = [
                tuple(table._replace(numbers=numbers) for numbers in split)
                for split in splits
            ]
            every = table
        else:
            valid = self._held_out(true_loss, held_out, labels)
            pairs = [(table, valid)]
            every = stacked(table, valid) if self.refit else table
        ends_with_all = self.refit or len(pairs) > 1
        if self.refit is None and held_out.X is None:
            ends_with_all = ends_with_all or self.max_time is None
        self.seen_ = None  # of arrays, which may be larger than memory
        if self.encoder_ is not None:
            self.seen_ = SeenRows.of(*(rows.own(rows.x).numpy() for rows in pairs[0]))
        return Division(
            [
                Part(to_train(train).to(self.device), to_judge(valid).to(self.device))
                for train, valid in pairs
            ],
            to_train(every).to(self.device) if ends_with_all else None,
            labels,
            seed,
        )

    def _check_division(self, held_out: Given) -> None:
        """Check the folds that are asked for.

        Raises:
            ValueError: If they are no number of folds, or cannot be divided so.
        """
        if self.cv is None:
            return
        is_number = isinstance(self.cv, Integral) and not isinstance(self.cv, bool)
        if not is_number or self.cv < 1:
            raise ValueError(
                "`cv` must be a number of folds, 1 for one split, or None, got "
                f"{self.cv!r}."
            )
        if self.cv == 1:
            return
        if held_out.X is not None:
            raise ValueError(
                f"`cv={self.cv}` divides the rows into folds, and `X_valid` are "
                "divided already. Leave one of them out."
            )
        if not encodes_once(self.encoder):
            raise ValueError(
                f"`cv={self.cv}` fits a `TableEncoder` once for all folds; "
                f"`encoder`, a {type(self.encoder).__name__}, may look at the targets. "
                "Leave one of them out."
            )

    def _splits(
        self,
        true_loss: TrueLoss,
        given: Given,
        strata: Tensor,
        present: Tensor | None,
        seed: int,
    ) -> list[Split]:
        """Return the numbers of the rows of each part."""
        n_folds = self.cv
        if n_folds is None and self.validation_fraction != VALIDATION_FRACTION:
            n_folds = 1  # which was asked for
        if n_folds is None:
            n_folds = default_folds(
                strata if present is None else strata[present],
                true_loss,
                encoder=self.encoder,
                max_time=self.max_time,
            )
        if n_folds > 1:
            return fold_numbers(
                strata, n_folds, seed=seed, present=present, groups=given.groups
            )
        return [
            split_numbers(
                strata,
                validation_fraction=self.validation_fraction,
                seed=seed,
                # on a disk the order is the time
                in_order=isinstance(given.X, np.memmap),
                present=present,
                groups=given.groups,
            )
        ]

    def _held_out(self, true_loss: TrueLoss, given: Given, labels: Labels) -> Rows:
        """Return the validation rows that a user gave, weighed as given."""
        try:
            features, targets = self._checked(given.X, given.y, reset=False)
            target = as_tensor(labels.encode(targets, called="`y_valid`"))
            weight = as_weights(
                given.weight, n_rows=len(target), argument="sample_weight_valid"
            )
            x = self._encoded(features)
        except ValueError as error:
            raise ValueError(f"In the validation rows: {error}") from error
        columns, argument = given.columns, "metric_columns_valid"
        rows = self._table(true_loss, x, target, columns, argument)
        return rows._replace(numbers=present_rows(weight), weight=weight)

    def _table(
        self,
        true_loss: TrueLoss,
        x: NDArray[np.float32],
        target: Tensor,
        columns: object,
        argument: str,
    ) -> Rows:
        """Return a table whose rows are all meant."""
        found = as_columns(
            columns,
            true_loss.all_columns,
            n_rows=len(target),
            metric=true_loss.name,
            argument=argument,
            text=true_loss.text,
        )
        return Rows(
            as_tensor(x), target, columns=found, score_shape=self.task.score_shape
        )
