"""What a model was trained for, as far as a file can say it."""

import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

from losslearn.metrics import ResponseMethod, TrueLoss, get_true_loss
from losslearn.metrics.constraints.subject_to import from_text, is_of_rates
from losslearn.metrics.constraints.wording import SUBJECT_TO
from losslearn.metrics.own.as_true_loss import untried
from losslearn.tables.metric_columns import ColumnReading

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
    readings: Mapping[str, ColumnReading] = field(default_factory=dict)
    """How the table of the fit held them."""

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

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as JSON knows it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """Undo `to_dict`; what raises is of another form."""
        readings = {
            name: ColumnReading.from_dict(one)
            for name, one in state.get("readings", {}).items()
        }
        return cls(
            **{**state, "columns": tuple(state["columns"]), "readings": readings}
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
