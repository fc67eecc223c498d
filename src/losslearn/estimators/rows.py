"""Arrays and tables as rows to train on and rows to choose by."""

import warnings
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils import assert_all_finite, column_or_1d
from torch import Tensor

from losslearn.metrics.columns import as_array
from losslearn.models.rows import Rows
from losslearn.tasks.strata import deal_into_folds
from losslearn.training.grouping import group_codes, split_by_groups
from losslearn.training.splitting import split_off_validation


class Given(NamedTuple):
    """Rows as a user gives them to `fit`."""

    X: Any
    y: Any
    columns: object = None
    weight: object = None
    groups: object = None

    def check_goes_with(self, whole: "Given") -> None:
        """Check that validation rows are given all together, or not at all.

        Raises:
            ValueError: If something of them is given without the rest, or `whole` has
                groups, though nothing is left to divide.
        """
        if self.X is not None and whole.groups is not None:
            raise ValueError(
                "`groups` keep rows on one side where `fit` divides them, and "
                "`X_valid` are divided already. Leave one of them out."
            )
        if (self.X is None) != (self.y is None):
            raise ValueError("`X_valid` and `y_valid` must be given together.")
        further = {
            "metric_columns_valid": self.columns,
            "sample_weight_valid": self.weight,
        }
        for name, value in further.items():
            if self.X is None and value is not None:
                raise ValueError(
                    f"`{name}` was given without the `X_valid` it belongs to."
                )


def held_out_of(X_valid: Any, y_valid: Any, eval_set: Any) -> tuple[Any, Any]:  # noqa: ANN401 - rows of any library
    """Return features and targets of the validation rows, however they were given.

    Raises:
        ValueError: If they were given twice, or `eval_set` is not one pair.
    """
    if eval_set is None:
        return X_valid, y_valid
    if X_valid is not None or y_valid is not None:
        raise ValueError(
            "`eval_set` holds what `X_valid` and `y_valid` do. Leave one of both out."
        )
    pairs = eval_set if isinstance(eval_set, list) else [eval_set]
    sizes = [len(pair) if isinstance(pair, tuple | list) else 0 for pair in pairs]
    if sizes != [2] or isinstance(pairs[0][0], tuple):
        length = f" of {len(eval_set)}" if hasattr(eval_set, "__len__") else ""
        raise ValueError(
            "`eval_set` must be one pair, [(X_valid, y_valid)], got a "
            f"{type(eval_set).__name__}{length}. Give the rows to choose by alone."
        )
    X, y = pairs[0]
    return X, y


class Split(NamedTuple):
    """Numbers of the rows of both parts."""

    train: Tensor
    valid: Tensor


def split_numbers(
    strata: Tensor,
    *,
    validation_fraction: float,
    seed: int,
    in_order: bool,
    present: Tensor | None = None,
    groups: object = None,
) -> Split:
    """Return which rows to train on, and which to choose by.

    Args:
        strata: Code of each row, from 0.
        validation_fraction: Share of the rows to choose by.
        seed: Of the split.
        in_order: Whether the validation rows are read in the table's order.
        present: Numbers of the rows to divide, in their order; None for all.
        groups: Name of each row's group, which stays on one side; None for no groups.

    Each part holds a row of each stratum at least.

    Raises:
        ValueError: If a stratum has fewer than two rows, or stands in too few groups,
            or the fraction is none.
    """
    if not 0 < validation_fraction < 1:
        raise ValueError(
            "`validation_fraction` must be between 0 and 1, got "
            f"{validation_fraction!r}."
        )
    n_strata, n_rows = int(strata.max()) + 1, len(strata)
    if present is not None:
        strata = strata[present]
    codes, rows_of = strata.numpy(), torch.bincount(strata, minlength=n_strata)
    least = int(rows_of.min())
    if least < 2:
        raise ValueError(
            "`y` must hold at least 2 rows of each class, one to train and one "
            f"to validate on, got {least} of the rarer class."
        )
    if groups is None:
        n_valid = round(validation_fraction * len(codes))
        n_valid = min(max(n_valid, n_strata), len(codes) - n_strata)
        train, valid = split_off_validation(codes, n_valid=n_valid, seed=seed)
    else:
        own = group_codes(groups, n_rows=n_rows, called="`groups`")
        if present is not None:
            own = own[present.numpy()]
        shares = (1 - validation_fraction, validation_fraction)
        train, valid = split_by_groups(codes, own, shares, least=1, seed=seed)
    if in_order:
        valid.sort()
    split = Split(as_tensor(train), as_tensor(valid))
    if present is None:
        return split
    return Split(*(present.take(part.long()) for part in split))


def fold_numbers(
    strata: Tensor,
    n_folds: int,
    *,
    seed: int,
    present: Tensor | None = None,
    groups: object = None,
) -> list[Split]:
    """Return the numbers of the rows of each fold: the others to train on, its own.

    Arguments as of `split_numbers`; strata have their shares in each fold.

    Raises:
        ValueError: If a stratum has fewer rows than there are folds, or stands in too
            few groups.
    """
    every = torch.arange(len(strata)) if present is None else present
    codes = strata[every].numpy()
    least = int(torch.bincount(strata[every]).min())
    if least < n_folds:
        raise ValueError(
            f"`cv` of {n_folds} folds needs as many rows of each class, got {least} of "
            "the rarer class. Take fewer folds, or 1 for a split."
        )
    if groups is None:
        fold = deal_into_folds(codes, n_folds, seed=seed)
        folds = [np.flatnonzero(fold == one) for one in range(n_folds)]
    else:
        own = group_codes(groups, n_rows=len(strata), called="`groups`")[every.numpy()]
        shares = [1 / n_folds] * n_folds
        folds = split_by_groups(codes, own, shares, least=1, seed=seed)
    parts = []
    for own_rows in folds:
        is_own = torch.zeros(len(every), dtype=torch.bool)
        is_own[torch.from_numpy(own_rows)] = True
        parts.append(Split(every[~is_own], every[is_own]))
    return parts


def as_targets(y: Any) -> Any:  # noqa: ANN401 - a column
    """Return one target a row, as an array or a series, which keeps its categories.

    A column vector is taken with scikit-learn's `DataConversionWarning`.

    Raises:
        ValueError: If there are further axes, or a target is missing or not finite.
    """
    if not hasattr(y, "isna") or np.ndim(y) > 1:
        y = column_or_1d(y, warn=True)
        if y.dtype != object:
            assert_all_finite(y, input_name="y")
            return y
    import pandas as pd

    n_missing = int(pd.isna(y).sum())
    if n_missing:
        raise ValueError(
            f"`y` lacks a value in {n_missing:,} of {len(y):,} rows. Leave these rows "
            "out, or fill their labels in."
        )
    return y


def as_weights(
    given: object, *, n_rows: int, argument: str = "sample_weight"
) -> Tensor | None:
    """Return the weight of each row, in double precision; None weighs all alike.

    Raises:
        ValueError: If it is not one number at least 0 for each row, or all are 0.
    """
    if given is None:
        return None
    found = as_array(given)
    if found.shape != (n_rows,):
        raise ValueError(
            f"`{argument}` must hold one weight for each of the {n_rows} rows, got "
            f"shape {list(found.shape)}. Take those of the same rows, in their order."
        )
    try:
        weights = found.astype(np.float64)
    except OverflowError:
        raise ValueError(f"`{argument}` holds an integer of too many digits.") from None
    except (TypeError, ValueError):
        raise ValueError(
            f"`{argument}` must be numbers, got values such as {found[0]!r:.60} "
            f"({found.dtype})."
        ) from None
    wrong = ~(np.isfinite(weights) & (weights >= 0))
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(
            f"`{argument}` must be finite and at least 0, got {weights[row]} in row "
            f"{row} and {int(wrong.sum()) - 1} more."
        )
    if not weights.any():
        raise ValueError(
            f"Every weight in `{argument}` is zero. Leave it out, or weigh some rows."
        )
    return torch.from_numpy(weights)


def count_groups(groups: object, train: Rows, valid: Rows) -> dict[str, int]:
    """Return how many groups the rows of either part belong to."""
    codes = group_codes(groups, n_rows=len(train.x), called="`groups`")
    every = torch.from_numpy(codes).to(train.x.device)
    return {
        name: len(rows.own(every).unique())
        for name, rows in (("train", train), ("validation", valid))
    }


def present_rows(weight: Tensor | None) -> Tensor | None:
    """Return the numbers of the rows that do not weigh 0; None if these are all."""
    if weight is None or bool((weight != 0).all()):
        return None
    return torch.nonzero(weight).squeeze(-1)


def to_train(rows: Rows) -> Rows:
    """Return rows weighed for training: their weights have mean 1.

    Learning rates mean the same then, whatever the weights are measured in. Rows that
    all weigh 1 are as those without weights.
    """
    rows = to_judge(rows)
    if rows.weight is None:
        return rows
    return rows._replace(weight=(rows.weight / rows.own(rows.weight).mean()).float())


def to_judge(rows: Rows) -> Rows:
    """Return rows weighed as they are given, since a metric may be a sum."""
    is_weighed = rows.weight is not None and bool((rows.own(rows.weight) != 1).any())
    return rows if is_weighed else rows._replace(weight=None)


def stacked(first: Rows, second: Rows) -> Rows:
    """Return the rows of two tables as those of one; without a weight they weigh 1."""
    both = (first, second)

    def weight(rows: Rows) -> Tensor:
        if rows.weight is None:
            return torch.ones(rows.n_rows, dtype=torch.float64)
        return rows.own(rows.weight)

    return Rows(
        torch.cat([rows.own(rows.x) for rows in both]),
        torch.cat([rows.own(rows.target) for rows in both]),
        columns={
            name: torch.cat([rows.own(rows.columns[name]) for rows in both])
            for name in first.columns
        },
        score_shape=first.score_shape,
        weight=torch.cat([weight(rows) for rows in both]),
    )


def as_tensor(array: NDArray[Any]) -> Tensor:
    """Return the tensor of an array, which shares its memory."""
    with warnings.catch_warnings():
        # a memory map opened to read: nothing writes into a table
        warnings.filterwarnings("ignore", message="The given NumPy array is not writ")
        return torch.from_numpy(array)
