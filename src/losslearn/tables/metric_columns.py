"""A table's columns that a metric needs, read alike in every table of a model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, get_args

import numpy as np
from numpy.typing import NDArray

from losslearn.encoding.columns import (
    Kind,
    as_dates,
    as_numbers,
    as_text,
    code_values,
    read_kind,
)
from losslearn.encoding.numbers import NumberForm
from losslearn.metrics import TrueLoss
from losslearn.metrics.columns import TextColumns, as_columns

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor


@dataclass(frozen=True)
class ColumnReading:
    """How a column of a metric is read, decided once by the table of the fit.

    Example:
        >>> import pandas as pd
        >>> reading = ColumnReading.of(pd.Series(["01", "7A"]))
        >>> reading.read(pd.Series(["01", "02"])).tolist()
        ['01', '02']
    """

    kind: Kind
    """Dates are such only where they are no text."""
    form: NumberForm = NumberForm()  # noqa: RUF009 - frozen
    """How numbers are written where they are text."""

    def __post_init__(self) -> None:
        """Reject a kind that nobody reads.

        Raises:
            LookupError: If it is unknown.
        """
        if self.kind not in get_args(Kind):
            raise LookupError(f"no kind of columns: {self.kind!r}")

    @classmethod
    def of(cls, column: "pd.Series") -> Self:
        """Return how a column of the table of a fit is read."""
        found = read_kind(column)
        if found.kind == "number" and not found.marks:
            return cls("number", found.form)
        return cls(
            "date" if found.kind == "date" and not found.date_formats else "text"
        )

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """Return what `dataclasses.asdict` took apart; what raises is none."""
        return cls(state["kind"], NumberForm(**state["form"]))

    def read(self, column: "pd.Series") -> NDArray[Any]:
        """Return the values of a column, in any file, as they were in the fit.

        Raises:
            ValueError: If it holds something else.
        """
        if self.kind == "number":
            return as_numbers(column, form=self.form)
        if self.kind == "date":
            return as_dates(column).as_unit("us").to_numpy()
        coded = code_values(column)
        texts = [as_text(value).removesuffix(" 00:00:00") for value in coded.values]
        return np.array([*texts, None], dtype=object)[coded.codes]  # -1 takes the last


def column_readings(
    frame: "pd.DataFrame", names: Sequence[str], *, known: Sequence[str] = ()
) -> dict[str, ColumnReading]:
    """Return how those columns are read that the table of a fit has.

    Args:
        frame: The table.
        names: The columns.
        known: Those that decisions may depend on.

    Raises:
        ValueError: If one holds what no metric takes, or a known one dates.
    """
    there = [name for name in names if name in frame.columns]
    found = {name: ColumnReading.of(frame[name]) for name in there}
    for name in known:
        if name in found and found[name].kind == "date":
            raise ValueError(
                f"Column {name!r} (--decision-column) holds dates, and decisions are "
                "learned from numbers and categories. Turn it into one of these."
            )
    return found


def table_columns(
    frame: "pd.DataFrame",
    names: Sequence[str],
    *,
    needed_by: str,
    text: TextColumns | None,
    readings: Mapping[str, ColumnReading],
) -> "dict[str, Tensor]":
    """Return a table's columns that a metric needs.

    Args:
        frame: The table.
        names: The columns.
        needed_by: What messages call the metric.
        text: The metric's columns of text.
        readings: How they were read in the fit; others as they look here.

    Raises:
        ValueError: If the table has no such column, or it does not hold a finite number
            or a text in each row.
    """
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise ValueError(
            f"The table lacks columns that {needed_by} needs: "
            f"{', '.join(map(repr, missing))}."
        )
    return as_columns(
        {name: _read(frame[name], readings.get(name)) for name in names},
        names,
        n_rows=len(frame),
        metric=needed_by,
        argument="table",
        text=text,
    )


def _read(column: "pd.Series", reading: ColumnReading | None) -> NDArray[Any]:
    return (reading or ColumnReading.of(column)).read(column)


def check_metric_columns(
    named: Sequence[str], true_loss: TrueLoss, target: str
) -> None:
    """Check that the columns named are those that the metric needs.

    They are asked for, not taken by themselves, since naming one takes it out of the
    features.
    """
    if target in named:
        raise ValueError(
            f"--metric-column {target} (`metric_columns`) is the target, which the "
            "metric gets as `y_true`."
        )
    if target in true_loss.known:
        raise ValueError(
            f"--decision-column {target} (`decision_columns`) is the target, which "
            "nobody knows when deciding."
        )
    there = {*named, *true_loss.known}
    missing = [name for name in true_loss.columns if name not in there]
    if missing:
        raise ValueError(
            f"The metric `{true_loss.name}` needs {', '.join(map(repr, missing))} of "
            "each row. Name the columns that hold it: "
            f"{' '.join(f'--metric-column {name}' for name in missing)} "
            f"(`metric_columns={missing}`), or --decision-column "
            "(`decision_columns`) for what is known when deciding too."
        )
    extra = [name for name in named if name not in true_loss.columns]
    if extra:
        raise ValueError(
            f"The metric `{true_loss.name}` takes no {', '.join(map(repr, extra))}: "
            "leave out `metric_columns` (--metric-column), or give the metric a "
            "keyword-only argument of that name."
        )
