"""What every loss to train for looks like, whether built in or a user's own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial, reduce
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from losslearn.metrics.columns import Columns, TextColumns
from losslearn.metrics.own.black_box import BlackBox
from losslearn.metrics.sets import Sets, over_present

_NEAR = (-0.4, 0.0, 0.4)
"""In deviations of the scores: wider than what chance moves, narrower than what would
show a set every decision."""
ENOUGH_CALLS = 50
"""Calls for a threshold, where each value takes one, that leave some to compare it."""


@runtime_checkable
class Constrained(Protocol):
    """A bound on what decisions come to; called, it returns that, one value per set."""

    @property
    def name(self) -> str:
        """It in words."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of each row that it needs."""

    def __call__(self, sets: Sets) -> Tensor:
        """Return what is bounded, of sets whose scores are decisions."""

    def holds(self, value: float) -> bool | None:
        """Return whether such a value keeps the bound; None where there is none."""


@dataclass(frozen=True)
class Aim:
    """What is to be as good as it can be where constraints are to hold."""

    name: str
    value: Callable[[Sets], Tensor]
    """As the user writes it, of sets whose scores are decisions."""
    greater_is_better: bool


@dataclass(frozen=True, kw_only=True)
class TrueLoss:
    """A loss of whole sets: lower is better, one value per set.

    Example:
        >>> import torch
        >>> from losslearn.metrics import f1_loss
        >>> forms = {"function": f1_loss, "at_threshold": f1_loss}
        >>> loss = TrueLoss(name="f1_loss", description="1 - F1", **forms)
        >>> sets = Sets(torch.tensor([0, 0, 1, 1]), torch.tensor([0.1, 0.6, 0.5, 0.9]))
        >>> loss(sets), loss.with_threshold(0.7)(sets)
        (tensor(0.2000), tensor(0.3333))
    """

    name: str
    """What it is called in tables and files, such as "f1_loss"."""
    description: str
    """One line that says what it is."""
    function: Callable[..., Tensor]
    """The form to train for: `(y_true, y_score, *, sample_weight=None)`, and
    `columns` where there are any."""
    at_threshold: Callable[..., Tensor] | None = None
    """The fixed form: `(y_true, y_score, *, threshold, sample_weight=None)`; None for a
    loss that has no threshold."""
    at_cut_points: Callable[..., tuple[Tensor, Tensor]] | None = None
    """All at once, for one set: `(y_true, y_score, *, sample_weight=None)`, the m
    distinct scores, highest first, and the m + 1 losses with the rows of the i highest
    called positive; None where each threshold takes a call of its own."""
    scale_invariant: bool = True
    """Whether shift and positive scale of a set's scores leave the value alone."""
    bounded: bool = True
    """Whether the values lie in [0, 1]."""
    is_top_heavy: bool = False
    """Whether the rows of the highest scores decide alone."""
    takes_weight: bool = True
    """Whether rows may be weighed, other than by 1 and 0."""
    columns: tuple[str, ...] = ()
    """Names of the further numbers of each row that must be given."""
    known: tuple[str, ...] = ()
    """Names of the columns that are known when deciding, too: others than those that
    the loss needs may be among them."""
    coded: TextColumns | None = field(default=None, repr=False, compare=False)
    """How columns of text are coded, of a loss that is no user's own."""
    framed: tuple[float, ...] = ()
    """Of scores in a frame, where decisions turn at 0 and the deviation is 1: the
    thresholds of which a set gets the best."""
    greater_is_better: bool = False
    """Whether the user's metric behind it is to be maximised; for reports only."""
    is_builtin: bool = False
    """Whether it comes with the package."""
    task: str = "binary"
    """Name of the task whose targets and scores it judges."""
    max_calls: int = 200
    """Calls that a choice of a threshold, or an interval, takes at most, where each
    value takes a call of a user's function."""
    own: BlackBox | None = field(default=None, repr=False, compare=False)
    """The user's metric behind it; None of a loss that is no such."""
    constraints: tuple[Constrained, ...] = ()
    """What is to hold of the decisions besides; the loss says what it costs if not."""
    penalty: float = 0.0
    """What a constraint missed by 1 costs."""
    aim: Aim | None = field(default=None, repr=False, compare=False)
    """With constraints, the metric itself."""
    called: str = field(default="", repr=False, compare=False)
    """What the user called it, where that was a text."""

    @property
    def needs_threshold(self) -> bool:
        """Whether a threshold must be chosen before rows can be classified for it."""
        return self.at_threshold is not None

    @property
    def needs_rule(self) -> bool:
        """Whether it judges decisions, so that a rule makes them of scores first."""
        return self.at_threshold is not None

    @property
    def compares_rules(self) -> bool:
        """Whether it may be called often enough to compare rules on held-out folds."""
        return self.own is None or self.max_calls >= ENOUGH_CALLS

    @property
    def is_exact(self) -> bool:
        """Whether it is made of the package's parts alone: no value takes long."""
        is_ours = self.own is None and self.at_cut_points is not None
        return self.is_builtin or (bool(self.constraints) and is_ours)

    @property
    def all_columns(self) -> tuple[str, ...]:
        """The names of all columns that rows must have, its own first."""
        further = (name for name in self.known if name not in self.columns)
        return (*self.columns, *further)

    @property
    def text(self) -> TextColumns | None:
        """How its columns of text are coded; None where it takes numbers alone."""
        return self.coded if self.own is None else self.own.text

    @property
    def set_seconds(self) -> float:
        """Seconds that the value of a set takes, of a user's metric, so far."""
        if self.own is None:
            return 0.0
        several = self.own.max_cuts if self.needs_threshold else len(self.framed)
        return self.own.cost * max(several, 1)

    def __call__(self, sets: Sets) -> Tensor:
        """Return the loss of each set in the form to train for, NaN for one class.

        Further columns than those that the loss names may be among the sets. A loss
        that takes no weights may be given 1 and 0, and never sees the rows of 0.

        Raises:
            ValueError: If weights are given to a loss without, or a column is missing.
        """
        further = self.further(sets.columns)
        if sets.weight is None or self.takes_weight:
            if sets.weight is not None:
                further["sample_weight"] = sets.weight
            return self.function(sets.target, sets.score, **further)
        if bool(((sets.weight != 0) & (sets.weight != 1)).any()):
            self.check_takes_weight()
        return over_present(lambda some: self(some._replace(weight=None)), sets)

    def check_takes_weight(self) -> None:
        """Check that rows may be weighed.

        Raises:
            ValueError: If they may not.
        """
        if not self.takes_weight:
            raise ValueError(
                f"`sample_weight` was given, but `{self.name}` does not take weights. "
                "Leave it out, or let the metric accept a `sample_weight` argument."
            )

    def further(self, columns: Columns | None) -> dict[str, Any]:
        """Return the keywords that `function` and `at_threshold` are to be given.

        Of the columns there are, those that the loss names; nothing without such.

        Raises:
            ValueError: If one is not given.
        """
        if not self.columns:
            return {}
        there = columns or {}
        missing = [name for name in self.columns if name not in there]
        if missing:
            raise ValueError(
                f"`{self.name}` needs the columns {list(self.columns)} of each row, "
                f"and {missing} are not given. Pass them as `columns`."
            )
        return {"columns": {name: there[name] for name in self.columns}}

    def in_a_call(self) -> "TrueLoss":
        """Return a user's loss in a form that takes one call a set: at threshold 0."""
        is_dear = self.own is not None and self.needs_threshold
        return self.with_threshold(0.0) if is_dear else self

    def in_a_frame(self) -> "TrueLoss":
        """Return a loss of decisions as one of scores whose decisions turn at 0.

        Of columns a few rows may hold most: there, chance moves the best threshold of a
        set far, and a set is judged at the best of three.
        """
        if self.at_threshold is None:
            return self
        thresholds = _NEAR if self.columns else (0.0,)
        return replace(
            self.with_threshold(0.0),
            function=partial(_lowest, self.at_threshold, thresholds),
            framed=thresholds,
        )

    def without_rule(self) -> "TrueLoss":
        """Return the loss as one that judges scores, for which others find the rule."""
        return replace(self, at_threshold=None, at_cut_points=None)

    def knowing(self, names: Sequence[str]) -> "TrueLoss":
        """Return the loss where columns are known when deciding."""
        if not names:
            return self
        return replace(self, known=tuple(names), coded=self.coded or TextColumns())

    def tried(self, sets: Sets, *, is_trial: bool = False) -> Tensor:
        """Return the loss of sets that may have none, NaN where so.

        That is not told of where none of them has one, or in trials of a few rows.
        """
        if self.own is None:
            return self(sets)
        with self.own.uncounted(if_all=not is_trial):
            return self(sets)

    def of_decisions(self) -> "TrueLoss":
        """Return the loss of sets whose scores are decisions, 0 or 1 for two classes.

        One that judges scores is as it is.
        """
        return self.with_threshold(0.5) if self.needs_rule else self

    def with_threshold(self, threshold: float | int) -> "TrueLoss":
        """Return the loss with rows called positive where `y_score >= threshold`.

        It has no threshold to choose, and is no longer scale-invariant.

        Raises:
            ValueError: If this loss has no threshold.
        """
        if self.at_threshold is None:
            raise ValueError(
                f"`{self.name}` has no threshold: it judges the scores themselves."
            )
        return replace(
            self,
            name=f"{self.name}(threshold={threshold:g})",
            description=f"{self.description}, at threshold {threshold:g}",
            function=partial(self.at_threshold, threshold=threshold),
            at_threshold=None,
            at_cut_points=None,
            scale_invariant=False,
            is_builtin=False,
        )


def _lowest(
    at_threshold: Callable[..., Tensor],
    thresholds: Sequence[float],
    y_true: Tensor,
    y_score: Tensor,
    **further: Any,  # noqa: ANN401 - weights and columns, as the loss takes them
) -> Tensor:
    """Return each set's lowest loss over some thresholds, where it has one."""
    found = [
        at_threshold(y_true, y_score, threshold=at, **further) for at in thresholds
    ]
    return reduce(torch.fmin, found)
