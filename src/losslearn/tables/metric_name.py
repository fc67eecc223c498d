"""What a model was trained for, as far as a file can say it."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from losslearn.encoding.columns import as_numbers, read_kind
from losslearn.metrics import ResponseMethod, TrueLoss, get_true_loss
from losslearn.metrics.columns import TextColumns, as_columns
from losslearn.metrics.constraints.subject_to import from_text, is_of_rates
from losslearn.metrics.constraints.wording import SUBJECT_TO
from losslearn.metrics.own.as_true_loss import untried

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor

Source = Literal["built-in", "scikit-learn", "user"]


@dataclass(frozen=True, kw_only=True)
class MetricName:
    """A metric in words; no code is stored."""

    given: str
    """As the user wrote it."""
    name: str
    """Name of the true loss."""
    source: Source
    greater_is_better: bool | None = None
    """As the user said, if it had to be said."""
    response_method: ResponseMethod | None = None
    """What the user said it takes, if so."""
    columns: tuple[str, ...] = ()
    """Columns of the table that the metric needs besides target and score."""

    @classmethod
    def of(
        cls,
        given: object,
        true_loss: TrueLoss,
        *,
        greater_is_better: bool | None,
        response_method: ResponseMethod | None = None,
    ) -> "MetricName":
        """Name a metric.

        Args:
            given: What the user gave: a name, a scikit-learn scorer's, the path and
                name of a function, or the function.
            true_loss: What it stands for.
            greater_is_better: The direction, if the user gave it.
            response_method: What it takes, if the user said so.
        """
        source: Source = "user"
        if true_loss.is_exact:
            source = "built-in"
        elif isinstance(given, str) and ".py" not in given:  # a path to a function
            source = "scikit-learn"
        return cls(
            given=given if isinstance(given, str) else true_loss.name,
            name=true_loss.name,
            source=source,
            greater_is_better=greater_is_better,
            response_method=response_method,
            columns=true_loss.columns,
        )

    def true_loss(self) -> TrueLoss:
        """Return the loss, which for a user's own function is not possible.

        Raises:
            ValueError: If the metric is a user's own, or unknown to this version.
        """
        if self.source == "built-in":
            # of no other metric than a rate, which might be a function in a file
            is_text = SUBJECT_TO in self.name and is_of_rates(self.name)
            return from_text(self.name) if is_text else get_true_loss(self.name)
        if self.source == "scikit-learn":
            if ".py" in self.given:  # a file's, which nobody asked to run
                raise ValueError(f"{self.given!r} is no name of a scorer")
            return untried(self.given, response_method=self.response_method)
        raise ValueError(
            f"The model was trained for a metric of your own, `{self.given}`, which is "
            "not stored with it. Name it again, as `metric` (--metric "
            f"{shlex.quote(self.given)})."
        )


def resolve_metric(
    metric: object,
    *,
    greater_is_better: bool | None,
    response_method: ResponseMethod | None = None,
) -> TrueLoss:
    """Return the loss of what a user named or gave, which rows have yet to try.

    Raises:
        ValueError: If it is not known, or its direction is not.
    """
    try:
        return untried(
            metric, greater_is_better=greater_is_better, response_method=response_method
        )
    except ValueError as error:
        if greater_is_better is None and "greater_is_better" in str(error):
            raise ValueError(
                f"{error} Here: --greater-is-better or --lower-is-better."
            ) from error
        raise


def table_columns(
    frame: "pd.DataFrame",
    names: Sequence[str],
    *,
    metric: str,
    text: TextColumns | None,
) -> "dict[str, Tensor]":
    """Return a table's columns that a metric needs.

    Args:
        frame: The table.
        names: The columns.
        metric: What messages call the metric.
        text: The metric's columns of text.

    Raises:
        ValueError: If the table has no such column, or it does not hold a finite number
            or a text in each row.
    """
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise ValueError(
            f"The table lacks columns that the metric `{metric}` needs: "
            f"{', '.join(map(repr, missing))}."
        )
    return as_columns(
        {name: _read(frame[name]) for name in names},
        names,
        n_rows=len(frame),
        metric=metric,
        argument="table",
        text=text,
    )


def _read(column: "pd.Series") -> object:
    """Return a column's numbers, where it holds numbers in whatever form."""
    try:
        reading = read_kind(column)
        if reading.kind != "number" or reading.marks:
            return column
        return as_numbers(column, form=reading.form)
    except OverflowError as error:
        raise ValueError(
            f"Column {column.name!r} holds an integer of too many digits."
        ) from error


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
    missing = [name for name in true_loss.columns if name not in named]
    if missing:
        raise ValueError(
            f"The metric `{true_loss.name}` needs {', '.join(map(repr, missing))} of "
            "each row. Name the columns that hold it: "
            f"{' '.join(f'--metric-column {name}' for name in missing)} "
            f"(`metric_columns={missing}`)."
        )
    extra = [name for name in named if name not in true_loss.columns]
    if extra:
        raise ValueError(
            f"The metric `{true_loss.name}` takes no {', '.join(map(repr, extra))}: "
            "leave out `metric_columns` (--metric-column), or give the metric a "
            "keyword-only argument of that name."
        )
