"""Bounds: what is to hold of decisions, over all rows or over groups of them."""

import json
import math
import re
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from losslearn.metrics.constraints.counts import Counts, counts_at
from losslearn.metrics.constraints.rates import Rate, near_names, rate_of
from losslearn.metrics.other_names import spelled
from losslearn.metrics.sets import PerSet, Sets

_ROUNDING = 1e-9
_OF_THE_TOP = ("precision", "ppv", "fpr", "specificity", "tnr", "selection_rate")
"""Rates that are bounded by keeping to the rows of the highest scores."""


@dataclass(frozen=True)
class Quantity:
    """A rate of decisions: of all rows, or the gap or the worst of their groups.

    Groups that lack the rows a rate is a share of, as a recall without positive rows,
    are left out.

    Raises:
        ValueError: If there is no such rate, or the worst is asked for of one of which
            neither end is worse.
    """

    name: str
    over: Literal["", "gap", "worst"] = ""
    by: str = ""
    """Column whose values are the groups."""

    def __post_init__(self) -> None:
        """Look the rate up."""
        object.__setattr__(self, "name", spelled(self.name))
        if rate_of(self.name) is None:
            near = near_names(self.name)
            hint = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
            raise ValueError(
                f"There is no rate {self.name!r}: {hint}A constraint bounds recall, "
                "precision, specificity, fpr, fnr, selection_rate, accuracy, error, or "
                "a built-in metric of decisions, such as f1."
            )
        if self.over == "worst" and self._rate.greater_is_better is None:
            raise ValueError(
                f"Of {self.name} neither end is worse: bound its gap, as in "
                f"`gap({self.name}, by={self.by}) <= 0.1`."
            )

    @property
    def _rate(self) -> Rate:
        found = rate_of(self.name)
        assert found is not None, "checked at the start"
        return found

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it needs of each row."""
        return (self.by,) if self.over else ()

    @property
    def greater_is_better(self) -> bool:
        """Whether a greater value is better where it is the aim."""
        return self.over != "gap" and bool(self._rate.greater_is_better)

    @property
    def lowest(self) -> float:
        """The least value there can be."""
        return 0.0 if self.over == "gap" else self._rate.lowest

    @property
    def highest(self) -> float:
        """The greatest value there can be."""
        return 1.0 - self._rate.lowest if self.over == "gap" else 1.0

    def value(self, counts: Counts) -> Tensor:
        """Return it at each cut point, `[*sets, cuts]`."""
        if not self.over:
            return self._rate.value(counts.whole)
        groups = counts.groups[self.by]
        values, is_there = self._rate.value(groups), self._rate.is_defined(groups)
        lowest = values.masked_fill(~is_there, torch.inf).amin(0)
        highest = values.masked_fill(~is_there, -torch.inf).amax(0)
        if self.over == "gap":  # where no group has it there is none
            return (highest - lowest).clamp_min(0)
        worst = lowest if self._rate.greater_is_better else highest
        return worst.nan_to_num(torch.nan, torch.nan, torch.nan)

    def loss(self, counts: Counts) -> Tensor:
        """Return it as what is minimised where it is the aim, `[*sets, cuts]`."""
        if not self.over:
            return self._rate.loss(counts.whole)
        value = self.value(counts)
        is_turned = self.over == "worst" and self._rate.greater_is_better
        return 1 - value if is_turned else value

    def __str__(self) -> str:
        """Return it as it is written on the command line."""
        if not self.over:
            return self.name
        by = self.by if re.fullmatch(r"[\w.-]+", self.by) else json.dumps(self.by)
        return f"{self.over}({self.name}, by={by})"

    def __ge__(self, bound: float | int) -> "Constraint":
        """Return the constraint that it is at least so much."""
        return Constraint(self, ">=", bound)

    def __le__(self, bound: float | int) -> "Constraint":
        """Return the constraint that it is at most so much."""
        return Constraint(self, "<=", bound)


@dataclass(frozen=True)
class Constraint:
    """A bound on a quantity; called on sets of decisions, it returns the quantity.

    Raises:
        ValueError: If the bound is no number that the quantity can have.
    """

    quantity: Quantity
    sign: Literal[">=", "<="]
    bound: float | int

    def __post_init__(self) -> None:
        """Check the bound."""
        lowest, highest = self.quantity.lowest, self.quantity.highest
        is_number = isinstance(self.bound, float | int)
        if not (is_number and lowest <= self.bound <= highest):
            raise ValueError(
                f"`{self.quantity}` is between {lowest:g} and {highest:g}, and its "
                f"bound is {self.bound!r}. Give a share, such as 0.8 for 80 %."
            )

    @property
    def name(self) -> str:
        """It in words, such as "precision >= 0.8"."""
        shown = repr(float(self.bound)).removesuffix(".0")
        return f"{self.quantity} {self.sign} {shown}"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it needs of each row."""
        return self.quantity.columns

    @property
    def is_of_the_top(self) -> bool:
        """Whether the rows of the highest scores decide whether it holds."""
        return not self.quantity.over and self.quantity.name in _OF_THE_TOP

    def __call__(self, sets: Sets) -> PerSet:
        """Return the quantity of sets whose scores are decisions; NaN for one class."""
        counts = counts_at(0.5, sets, self.columns)
        return self.quantity.value(counts) + counts.whole.undefined

    def shortfall(self, counts: Counts) -> Tensor:
        """Return by how much it is missed at each cut point, 0 where it holds."""
        value = self.quantity.value(counts)
        missed = self.bound - value if self.sign == ">=" else value - self.bound
        return missed.clamp_min(0)

    def holds(self, value: float) -> bool | None:
        """Return whether a value of the quantity meets it; None for NaN."""
        if math.isnan(value):
            return None
        missed = self.bound - value if self.sign == ">=" else value - self.bound
        return missed <= _ROUNDING

    def __bool__(self) -> bool:
        """Refuse `0.1 <= quantity <= 0.2`, of which Python would keep one part."""
        raise TypeError(
            "A constraint is no yes or no. For two bounds write two constraints."
        )


def gap(name: str, *, by: str) -> Quantity:
    """Return the largest minus the smallest of a rate over groups of rows.

    Args:
        name: The rate, such as "tpr" or "selection_rate" (see `subject_to`).
        by: Column whose values are the groups, 50 at most.

    Raises:
        ValueError: If there is no such rate.

    Example:
        >>> (gap("tpr", by="sex") <= 0.05).name
        'gap(tpr, by=sex) <= 0.05'
    """
    return Quantity(name, "gap", by)


def worst(name: str, *, by: str) -> Quantity:
    """Return a rate of the group of rows where it is worst.

    Args:
        name: The rate, such as "accuracy" or "fpr" (see `subject_to`).
        by: Column whose values are the groups, 50 at most.

    Raises:
        ValueError: If there is no such rate, or neither of its ends is worse.

    Example:
        >>> (worst("accuracy", by="branch") >= 0.7).name
        'worst(accuracy, by=branch) >= 0.7'
    """
    return Quantity(name, "worst", by)
