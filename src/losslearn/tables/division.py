"""Tables in three parts: rows to train on, to choose by, to test on."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from losslearn._wording import listed
from losslearn.metrics.columns import Columns, TextColumns, take_rows
from losslearn.tables.copies import copy_codes
from losslearn.tables.grouped import (
    count_apart,
    divide_by_time,
    divide_groups,
    dividing_column,
)
from losslearn.tables.metric_columns import table_columns
from losslearn.tables.metric_name import MetricName
from losslearn.tables.target import called, take_target
from losslearn.tasks.task import Task
from losslearn.training.grouping import group_codes, keep_together
from losslearn.training.splitting import RowSplit, split_rows

if TYPE_CHECKING:
    import pandas as pd

TEST_SIZE = 0.2
VALIDATION_SIZE = 0.16
"""Shares of the rows; the other 64 % are trained on."""
VALIDATION_SIZE_OF_TWO = 0.2
"""Share of the rows where none of them are test rows."""


class Part(NamedTuple):
    """Rows of a table."""

    features: "pd.DataFrame"
    y: "pd.Series"
    columns: Columns
    """What the metric needs to know of each row besides."""
    together: NDArray[np.intp] | None = None
    """Code of each row's group, which stays in one part; None where each row is one."""

    def at(self, places: NDArray[np.signedinteger]) -> "Part":
        """Return some of the rows."""
        taken = take_rows(self.columns, torch.from_numpy(places).long())
        together = None if self.together is None else self.together[places]
        return Part(self.features.iloc[places], self.y.iloc[places], taken, together)

    def and_then(self, other: "Part") -> "Part":
        """Return these rows, and others of the same table."""
        import pandas as pd

        features = pd.concat([self.features, other.features])
        y = pd.concat([self.y, other.y])
        columns = {
            name: torch.cat([column, other.columns[name]])
            for name, column in self.columns.items()
        }
        together = None
        if self.together is not None and other.together is not None:
            together = np.concatenate([self.together, other.together])
        return Part(features, y, columns, together)


class OtherTables(NamedTuple):
    """Tables of rows that are not to be taken from the one that is divided."""

    validation: "pd.DataFrame | None" = None
    test: "pd.DataFrame | None" = None

    def given(self) -> dict[str, "pd.DataFrame"]:
        """Return those that there are, by the part that they are."""
        return {
            name: table for name, table in self._asdict().items() if table is not None
        }

    def sizes(self) -> tuple[float, float, float]:
        """Return the shares of training, validation and test rows; 0 for no part."""
        test, validation = TEST_SIZE, VALIDATION_SIZE
        if self.test is not None:
            test, validation = 0.0, VALIDATION_SIZE_OF_TWO
        if self.validation is not None:
            validation = 0.0
        return 1 - test - validation, validation, test


class Parts(NamedTuple):
    """Rows to train on, to choose by, to test on."""

    train: Part
    validation: Part
    test: Part
    groups: dict[str, Any] | None = None
    """The column whose rows stay together, and how many groups are in each part."""
    copies: dict[str, Any] | None = None
    """How many rows stand more than once, whether such are in one part, and how many of
    the test rows are in another as well."""
    is_settled: bool = False
    """Whether time, or a table of their own, says which rows are validation rows."""


def divide(
    frame: "pd.DataFrame",
    others: OtherTables,
    target: str,
    *,
    task: Task,
    options: Mapping[str, object],
    seed: int,
    metric: MetricName,
    columns: Sequence[str],
    text: TextColumns | None,
    left_out: Sequence[str],
    read_as: Mapping[str, str],
    groups: str | None,
    time: str | None,
) -> Parts:
    """Divide the rows, each stratum alike; columns of `read_as` have to be there."""

    def part_of(table: "pd.DataFrame") -> Part:
        features, y = take_target(table, target)
        by_row = table_columns(
            table,
            columns,
            needed_by=f"the metric `{metric.given}`",
            text=text,
            readings=metric.readings,
        )
        features = features.drop(columns=[*left_out, groups], errors="ignore")
        return Part(features, y, by_row)

    whole = part_of(frame)
    _check_features(whole.features, read_as)
    labels = task.labels(whole.y, options, called=called(target))
    strata = task.strata(torch.from_numpy(labels.encode(whole.y)))
    (train_size, validation_size, test_size), counted = others.sizes(), None
    copies = None
    if time is not None:
        split = divide_by_time(
            strata.numpy(),
            dividing_column(frame, time, target, instead_of=groups),
            sizes=others.sizes(),
        )
    elif groups is None:
        split = split_rows(
            strata.numpy(),
            test_size=test_size,
            validation_size=validation_size,
            seed=seed,
            names=labels.names,
        )
        codes = copy_codes(whole.features, read_as)
        split, copies = _without_copies(split, strata.numpy(), codes, seed)
        if copies is not None and copies["together"]:
            whole = whole._replace(together=codes)
    else:
        column = dividing_column(frame, groups, target)
        codes = group_codes(column, n_rows=len(column), called=repr(groups))
        whole = whole._replace(together=codes)
        split, counted = divide_groups(
            strata.numpy(),
            column,
            sizes=(train_size, test_size, validation_size),
            seed=seed,
        )
    parts = {name: whole.at(rows) for name, rows in split._asdict().items()}
    tables = {"DATA": frame}
    for name, table in others.given().items():
        said = f"the {name} rows"
        try:
            parts[name] = part_of(table)
            labels.encode(parts[name].y, called=called(target))
            if counted is not None:
                counted[name] = count_apart(table, tables, counted["column"], target)
        except ValueError as error:
            raise ValueError(f"In {said}: {error}") from error
        tables[said] = table
    is_settled = time is not None or others.validation is not None
    return Parts(**parts, groups=counted, copies=copies, is_settled=is_settled)


def _without_copies(
    split: RowSplit, strata: NDArray[np.integer], codes: NDArray[np.integer], seed: int
) -> tuple[RowSplit, dict[str, Any] | None]:
    """Return the split with equal rows in one part if they can be, and what to tell."""
    n_copies = int((np.bincount(codes)[codes] > 1).sum())
    if n_copies == 0 or len(split.train) == len(codes):
        return split, None
    kept = keep_together(split, strata, codes, seed)
    split = kept or split
    others = np.concatenate([split.train, split.validation])
    told = {
        "rows": n_copies,
        "together": kept is not None,
        "test": int(np.isin(codes[split.test], codes[others]).sum()),
    }
    return split, told


def _check_features(features: "pd.DataFrame", named: Iterable[str]) -> None:
    for name in named:
        if name not in features.columns:
            raise ValueError(
                f"The table has no column {name!r} among its features; it has "
                f"{listed(list(features.columns))}."
            )
    if features.shape[1] == 0:
        raise ValueError(
            "The table has no column besides the target and the metric's. Use the "
            "metric's as features as well: `keep_metric_columns` "
            "(--keep-metric-columns)."
        )
