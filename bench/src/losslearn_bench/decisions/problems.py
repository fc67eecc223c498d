"""The problems: a data set, a metric, and what is known of each row when deciding."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from losslearn_bench.decisions import metrics
from losslearn_bench.decisions.metrics import Array

Columns = dict[str, NDArray[Any]]
Costs = Mapping[str, Array | float]
"""`tp`, `fp`, `fn` and `tn` of each row, those left out are 0."""
Kind = Literal["money", "groups", "counts", "scores"]
GENERATED = "generated"
"""Data without a file: 600 rows with a cost and a group."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What is to be decided."""

    name: str
    dataset: str
    metric: Callable[..., float]
    """Higher is better; of decisions, or for the kind "scores" of scores."""
    kind: Kind
    columns: Mapping[str, str]
    """Argument of the metric, and the column of the data; known when deciding."""
    costs: Callable[[Columns], Costs] | None = None
    """What decisions cost, where the metric is their sum: then there is a formula."""

    def value(self, y_true: Array, given: Array, columns: Columns) -> float:
        """Return the metric of decisions or scores."""
        return float(self.metric(y_true, given, **columns))

    @property
    def group(self) -> str | None:
        """The argument that holds groups."""
        return "group" if self.kind == "groups" else None


def formula(p: Array, costs: Costs) -> NDArray[np.int64]:
    """Return 1 where calling a row positive is expected to cost less.

    Example:
        >>> formula(np.array([0.1, 0.3]), {"fn": 5.0, "fp": 1.0})
        array([0, 1])
    """
    saved = np.subtract(costs.get("fn", 0.0), costs.get("tp", 0.0))
    lost = np.subtract(costs.get("fp", 0.0), costs.get("tn", 0.0))
    return np.asarray(p * saved > (1 - p) * lost).astype(np.int64)


def _call(columns: Columns) -> Costs:
    return {"tp": metrics.CALL, "fp": metrics.CALL, "fn": columns["missed"]}


def _credit(columns: Columns) -> Costs:
    amount = columns["amount"]
    return {"fn": metrics.LOST * amount, "fp": metrics.refusal_cost(amount)}


def _remind(columns: Columns) -> Costs:
    rescued = metrics.RESCUED * columns["amount"]
    return {"tp": metrics.REMINDER, "fp": metrics.REMINDER, "fn": rescued}


def _loan(columns: Columns) -> Costs:
    amount, handling = columns["amount"], metrics.HANDLING
    return {
        "fn": metrics.DEFAULTED * amount + handling,
        "tn": handling - metrics.EARNED * amount,
    }


def _money() -> list[Problem]:
    bank, credit = "cost_bank_marketing", "cost_credit_default"
    german, amount = "cost_german_credit", {"amount": "amount"}
    missed = {"missed": "cost_false_negative"}
    sale = {"tp": metrics.CALL, "fp": metrics.CALL, "fn": metrics.SALE}
    found: list[tuple[str, Callable[..., float], dict[str, str], Any]] = [
        (bank, metrics.savings, missed, _call),
        (bank, metrics.profit, missed, _call),
        (bank, metrics.fixed_profit, {}, lambda _: sale),
        (german, metrics.five_to_one, {}, lambda _: {"fn": 5.0, "fp": 1.0}),
        (german, metrics.loan_profit, amount, _loan),
        (credit, metrics.credit_savings, amount, _credit),
        (credit, metrics.rescued, amount, _remind),
    ]
    return [
        Problem(
            name=f"{data}: {metric.__name__}",
            dataset=data,
            metric=metric,
            kind="money",
            columns=columns,
            costs=costs,
        )
        for data, metric, columns, costs in found
    ]


def _others() -> list[Problem]:
    groups = {"group_adult": "group_female", "group_compas": "group_race"}
    plain = ("ijcnn1", "cc_fraud", "cost_credit_default")
    of: dict[Kind, tuple[Callable[..., float], ...]] = {
        "groups": (metrics.accuracy_less_gap, metrics.worst_group),
        "counts": (metrics.recall_at_precision, metrics.f_half_at_recall),
        "scores": (metrics.top_lift, metrics.amex),
    }
    return [
        Problem(
            name=f"{data}: {metric.__name__}",
            dataset=data,
            metric=metric,
            kind=kind,
            columns={"group": groups[data]} if kind == "groups" else {},
        )
        for kind, own in of.items()
        for metric in own
        for data in (groups if kind == "groups" else plain)
    ]


def _generated() -> list[Problem]:
    """Return one of each kind."""
    missed = {"missed": "cost_false_negative"}
    found: list[tuple[Callable[..., float], Kind, dict[str, str]]] = [
        (metrics.savings, "money", missed),
        (metrics.accuracy_less_gap, "groups", {"group": "group_race"}),
        (metrics.recall_at_precision, "counts", {}),
        (metrics.top_lift, "scores", {}),
    ]
    return [
        Problem(
            name=f"{GENERATED}: {metric.__name__}",
            dataset=GENERATED,
            metric=metric,
            kind=kind,
            columns=columns,
            costs=_call if kind == "money" else None,
        )
        for metric, kind, columns in found
    ]


PROBLEMS = {one.name: one for one in [*_money(), *_others(), *_generated()]}
"""All of them by name."""
