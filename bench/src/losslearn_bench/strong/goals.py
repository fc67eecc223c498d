"""The goals: a metric on a data set, and which models are trained for it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from losslearn_bench.decisions import metrics as money
from losslearn_bench.decisions.problems import (
    GENERATED,
    PROBLEMS,
    Columns,
    Costs,
    Kind,
    Problem,
)
from losslearn_bench.strong import metrics
from losslearn_bench.strong.rows import MADE

Family = Literal["probability", "columns", "made"]
"""Whether a calibrated probability is all that the metric needs, whether it looks at
columns of the data, or at an amount that was made."""


@dataclass(frozen=True, kw_only=True)
class Goal:
    """A problem, and how it is told to what trains for it."""

    problem: Problem
    aim: object
    """What stands as `metric=`: a name, or the function."""
    family: Family
    best: float | None = 1.0
    """The highest value, which losses count from; None where there is none."""

    @property
    def name(self) -> str:
        """It in words."""
        return self.problem.name

    @property
    def metric(self) -> str:
        """The metric's name."""
        return self.name.partition(": ")[2]

    @property
    def greater_is_better(self) -> bool | None:
        """The direction, of what does not say it itself."""
        return True if callable(self.aim) else None

    @property
    def has_decisions(self) -> bool:
        """Whether rows are decided, by what is known of them."""
        return self.problem.kind != "scores"

    def loss(self, value: float) -> float:
        """Return what a value lacks of the best one, or minus the value."""
        return (self.best or 0.0) - value


_LIGHTGBM = (
    *("a9a", "ijcnn1", "covtype", "cc_fraud", "porto_seguro", "higgs_sample"),
    *("cost_bank_marketing", "cost_credit_default", "keel_abalone19"),
    *("keel_kddcup_buffer_overflow", "keel_page_blocks0", "keel_yeast4"),
)
_FEW = ("ijcnn1", "cc_fraud", "cost_bank_marketing", "higgs_sample")
_GERMAN = "cost_german_credit"
_OF_MADE = ("a9a", "covtype", "higgs_sample", "ijcnn1")
_WITH_AMOUNT = {
    "cost_bank_marketing": "cost_false_negative",
    "cost_credit_default": "amount",
    "cc_fraud": "amount",
}
_WITH_GROUP = {
    "cost_bank_marketing": "group_age_25_or_less",
    "cost_credit_default": "group_sex",
}
_PLAIN: tuple[tuple[str, Any, Kind, str | None], ...] = (
    ("f1", metrics.f1, "counts", "f1"),
    ("error_rate", metrics.accuracy, "counts", "error_rate"),
    ("mcc", metrics.mcc, "counts", "mcc"),
    ("average_precision", metrics.average_precision, "scores", "average_precision"),
    ("lift", money.top_lift, "scores", "lift"),
    ("amex", money.amex, "scores", None),
    (
        *("f1_at_precision", metrics.f1_at_precision, "counts"),
        "f1 subject to precision >= 0.8",
    ),
)


def _plain(data: str) -> list[Goal]:
    found = []
    for name, function, kind, aim in _PLAIN:
        problem = Problem(
            name=f"{data}: {name}",
            dataset=data,
            metric=function,
            kind=kind,
            columns={},
        )
        best = None if name == "lift" else 1.0
        goal = Goal(
            problem=problem, aim=aim or function, family="probability", best=best
        )
        found.append(goal)
    return found


def _money() -> list[Goal]:
    """Return the money of each row, where it is the data's own."""
    bank = PROBLEMS["cost_bank_marketing: savings"]
    fraud = replace(
        bank,
        name="cc_fraud: savings",
        dataset="cc_fraud",
        columns={"missed": "amount"},
    )
    bounded = [bank, fraud, PROBLEMS["cost_credit_default: credit_savings"]]
    others = [
        PROBLEMS["cost_credit_default: rescued"],
        PROBLEMS[f"{_GERMAN}: loan_profit"],
    ]
    return [
        Goal(
            problem=one,
            aim=one.metric,
            family="columns",
            best=1.0 if one in bounded else None,
        )
        for one in (*bounded, *others)
    ]


def _scored(data: str, function: Any, columns: Mapping[str, str]) -> Goal:  # noqa: ANN401 - a metric
    """Return a goal of a metric that judges scores beside a column."""
    is_made = MADE in columns.values()
    problem = Problem(
        name=f"{data}: {'made_' * is_made}{function.__name__}",
        dataset=data,
        metric=function,
        kind="scores",
        columns=columns,
    )
    family: Family = "made" if is_made else "columns"
    return Goal(problem=problem, aim=function, family=family)


def _gain(columns: Columns) -> Costs:
    return {"tp": -columns["amount"], "fp": metrics.COST}


def _made_profit(data: str) -> Goal:
    problem = Problem(
        name=f"{data}: made_profit",
        dataset=data,
        metric=metrics.made_profit,
        kind="money",
        columns={"amount": MADE},
        costs=_gain,
    )
    return Goal(problem=problem, aim=metrics.made_profit, family="made", best=None)


def _all() -> list[Goal]:
    plain = [goal for data in (*_LIGHTGBM, _GERMAN) for goal in _plain(data)]
    ranked = [
        _scored(data, metrics.spearman, {"amount": column})
        for data, column in _WITH_AMOUNT.items()
    ]
    stable = [
        _scored(data, metrics.stability, {"group": column})
        for data, column in _WITH_GROUP.items()
    ]
    made = [_made_profit(data) for data in _OF_MADE]
    made += [_scored(data, metrics.spearman, {"amount": MADE}) for data in _OF_MADE]
    return [*plain, *_money(), *ranked, *stable, *made, *_generated()]


def _generated() -> list[Goal]:
    """Return one of each way to be judged, of rows that need no file."""
    of_money = PROBLEMS[f"{GENERATED}: savings"]
    return [
        _plain(GENERATED)[0],
        Goal(problem=of_money, aim=of_money.metric, family="columns"),
        _scored(GENERATED, metrics.spearman, {"amount": "cost_false_negative"}),
    ]


GOALS = {goal.name: goal for goal in _all()}
"""All of them by name."""


class Plan(NamedTuple):
    """What a model is run for."""

    datasets: tuple[str, ...]
    repetitions: int
    metrics: tuple[str, ...] = ()
    """None for all but those of made amounts."""
    has_made: bool = False

    def holds(self, goal: Goal) -> bool:
        """Whether a goal is among them."""
        if goal.problem.dataset == GENERATED:
            return True
        if goal.problem.dataset not in self.datasets:
            return False
        if self.metrics:
            return goal.metric in self.metrics
        return self.has_made or goal.family != "made"


PLANS = {
    "lightgbm": Plan(_LIGHTGBM, 5, has_made=True),
    "xgboost": Plan(_FEW, 5),
    "mlp": Plan(_FEW, 5),
    "tabm": Plan(
        ("porto_seguro", "higgs_sample", _GERMAN),
        3,
        ("f1", "average_precision", "loan_profit", "made_profit"),
    ),
    "auto": Plan(
        (*_FEW, "porto_seguro", *(d for d in _LIGHTGBM if d.startswith("keel_"))), 3
    ),
}
"""By the name that the estimator takes as `model=`."""
