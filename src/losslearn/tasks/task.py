"""What differs between tasks, as one small object: the only place that knows which."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from losslearn.metrics import Loss, Sets, TrueLoss
from losslearn.metrics.columns import NO_COLUMNS, Columns
from losslearn.metrics.sets import TargetRows as TargetRows  # what tasks are told of
from losslearn.tasks.choice import Candidate, Choice, choose_rule
from losslearn.tasks.options import Option


class Tokens(NamedTuple):
    """What g sees of sets, and how its codes are pooled."""

    inputs: Tensor
    """`[*sets, groups, n, inputs]`; a task without classes or queries has one group."""
    share: Tensor | None
    """Weights of sum 1 over the rows, of each mean that h is to see: broadcastable to
    `[*sets, groups, means, n]`; None takes the plain mean."""


class Frame(NamedTuple):
    """Where decisions stand among scores, for a loss that judges them at one place."""

    centre: float = 0.0
    """The score at which a decision turns."""
    scale: float = 1.0
    """The unit of scores, above 0."""
    squashed: bool = False
    """Whether scores are drawn together, the further from the centre the more: trees
    separate rows so far that standardised scores say nothing where decisions turn."""

    def of(self, sets: Sets) -> Sets:
        """Return sets whose scores are in the frame, so that decisions turn at 0."""
        if self == (0.0, 1.0, False):
            return sets
        score = (sets.score - self.centre) / self.scale
        if self.squashed:
            score = score / (1 + score.abs())
        return sets._replace(score=score)


@runtime_checkable
class View(Protocol):
    """Turns sets into tokens: a module, so that what it keeps is saved and moved."""

    standardize: bool
    """Whether moving and stretching a set's scores leaves its tokens as they are."""
    n_inputs: int
    """Numbers that g sees of each row."""
    n_means: int
    """Means over a set's codes that h sees."""

    def __call__(self, sets: Sets) -> Tokens:
        """Return the tokens; differentiable in the scores."""


@runtime_checkable
class SetDistribution(Protocol):
    """What a universal surrogate is fitted on: draws sets (Eq. 3)."""

    def draw(self, n_sets: int, n: int, *, generator: Any) -> Sets:  # noqa: ANN401 - torch's, named in no type check
        """Return `n_sets` sets of `n` rows."""


@runtime_checkable
class UsualLoss(Protocol):
    """What models of a task are trained by where nobody asks: the control."""

    def __call__(self, sets: Sets) -> Tensor:
        """Return one differentiable value per set: a weighted mean over its rows."""

    def total(self, sets: Sets) -> Tensor:
        """Return the sum over all rows, without weights."""


@runtime_checkable
class Rule(Protocol):
    """How scores become decisions; fitted on validation rows."""

    @property
    def columns(self) -> Sequence[str]:
        """Names of what it needs to know of each row besides the score; () if none.

        Of those that the metric is given: `metric_columns` of the fit.
        """

    def judged(self, true_loss: TrueLoss) -> Loss:
        """Return the loss as it is under this rule."""

    def decide(self, score: Tensor, columns: Columns = NO_COLUMNS) -> Tensor:
        """Return the decision on each row, as a target."""

    def to_dict(self) -> dict[str, Any]:
        """Return `kind`, and the numbers of the rule by name, as JSON knows them."""


@runtime_checkable
class Labels(Protocol):
    """Targets as a user writes them, and as numbers.

    Columns are arrays or pandas series, called `called` in messages.
    """

    @property
    def names(self) -> Sequence[object] | None:
        """What messages call the strata; None for their codes."""

    def encode(
        self,
        y: Any,  # noqa: ANN401 - a column
        *,
        called: str = "`y`",
        needs_all: bool = True,
    ) -> NDArray[Any]:
        """Return the targets of further rows, shape `[rows, *target_shape]`.

        Args:
            y: Targets as a user writes them.
            called: What messages call them.
            needs_all: Whether each stratum must be among them, as in rows to learn
                from; rows that are only judged may lack some.
        """

    def decode(self, target: NDArray[Any]) -> NDArray[Any]:
        """Return what the user calls these targets."""

    def to_dict(self) -> dict[str, Any]:
        """Return what the coding is restored from, as JSON knows it."""


@runtime_checkable
class Task(Protocol):
    """One task: its targets, its scores, its decisions.

    Everything else, the loop, the learned loss, the criterion, the report, takes one
    of these and does not ask which.
    """

    name: ClassVar[str]
    options: ClassVar[Sequence[Option]]
    rule_numbers: ClassVar[Sequence[str]]
    """Names of the numbers of its rules that users may ask for."""
    n_strata: ClassVar[int]
    """The least that rows to learn from must fall into; 1 where all are alike."""
    score_shape: ClassVar[tuple[int, ...]]
    """Of a row's scores: () for one, (C,) for one a class."""
    target_shape: ClassVar[tuple[int, ...]]
    """Of a row's target, likewise."""
    usual_losses: ClassVar[Mapping[str, UsualLoss]]
    """The losses by which models are usually trained, by name."""

    def labels(
        self,
        y: Any,  # noqa: ANN401 - a column
        options: Mapping[str, Any],
        *,
        called: str = "`y`",
    ) -> Labels:
        """Return the coding of targets; says what is wrong with them.

        Args:
            y: Targets as a user writes them.
            options: Values of the task's `options`, by name.
            called: What messages call the targets.
        """

    def restore_labels(self, state: Mapping[str, Any]) -> Labels:
        """Return the coding that `Labels.to_dict` gave."""

    def strata(self, target: Tensor) -> Tensor:
        """Return a code for each row, from 0: drawn, split and resampled by these."""

    def shares(self, prevalence: Any) -> tuple[float, ...] | None:  # noqa: ANN401 - what a user writes
        """Return the strata's shares, as a user may write them."""

    def units(self, groups: Tensor | None) -> Tensor | None:
        """Return which unit each row belongs to, kept whole in sets; None for rows."""

    def checked_rows(self, score: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Return a batch's scores and targets as sets hold them; says what is wrong."""

    def settings(self, true_loss: TrueLoss) -> Mapping[str, Any]:
        """Return the settings of a recipe, by name, that suit a loss better."""

    def view(
        self, true_loss: TrueLoss, *, standardize: bool, like: TargetRows | None = None
    ) -> nn.Module:
        """Return the `View` of a surrogate of this loss.

        Args:
            true_loss: What it is to stand in for.
            standardize: Whether scores are standardised within each set.
            like: The user's rows, for a loss that needs their columns.
        """

    def generated(
        self, true_loss: TrueLoss, *, form: str, like: TargetRows | None = None
    ) -> SetDistribution:
        """Return what a universal surrogate of this loss is fitted on (Eq. 3)."""

    def frame(self, true_loss: TrueLoss, sets: Sets) -> Frame:
        """Return the frame of a user's loss of decisions, in a few calls.

        Args:
            true_loss: As it is decided for, with the choice of a rule.
            sets: One set of rows.

        Raises:
            UndefinedError: If the loss has no value there.
        """

    def perturb(
        self,
        sets: Sets,
        strength: float,
        *,
        as_a_whole: bool,
        generator: Any,  # noqa: ANN401 - as above
    ) -> Sets:
        """Return sets whose scores are moved, which teaches slopes, not only values.

        Args:
            sets: With the present model's scores.
            strength: Of the strongest noise, in deviations of a set's scores.
            as_a_whole: Whether sets are moved and stretched as a whole as well.
            generator: Draws the moves.
        """

    def directions(self, sets: Sets, strength: float, *, generator: Any) -> Tensor:  # noqa: ANN401 - as above
        """Return random moves of the scores, in deviations of their set's."""

    def plain_rule(self, true_loss: TrueLoss, sets: Sets) -> Rule:
        """Return the usual decision rule, fitted to one set of rows."""

    def candidates(self, true_loss: TrueLoss, sets: Sets) -> Sequence[Candidate]:
        """Return the decision rules that may stand, the simplest first.

        Args:
            true_loss: A loss of decisions; it names the columns that are known then.
            sets: One set of rows, which they are fitted to some of.
        """

    def other_target(self, target: Tensor) -> Tensor | None:
        """Return for each row a target that it has not; None where there is no such."""

    def n_resamples(self, true_loss: TrueLoss) -> int:
        """Return on how many resamples the error of a rule's loss is worked out."""

    def restore_rule(self, state: Mapping[str, Any]) -> Rule:
        """Return the rule that `Rule.to_dict` gave; `LookupError` for another's."""

    def calibrate(self, sets: Sets) -> dict[str, float]:
        """Return numbers that make scores of validation rows into probabilities."""

    def predictions(
        self,
        score: NDArray[np.float64],
        rule: Any,  # noqa: ANN401 - one of its own
        labels: Any,  # noqa: ANN401 - its own
        calibration: Mapping[str, float],
        columns: Columns = NO_COLUMNS,
    ) -> Mapping[str, NDArray[Any]]:
        """Return what a user is told of each row, by column name.

        Args:
            score: `[rows, *score_shape]`.
            rule: Decides.
            labels: What the targets stand for.
            calibration: What `calibrate` returned.
            columns: Those that the rule needs.
        """

    def pictures(self, true_loss: TrueLoss, sets: Sets, rule: Any) -> Sequence[Any]:  # noqa: ANN401 - one of its own rules
        """Return functions of an axis that draw scores and decisions of these rows."""


def fit_rule(task: Task, true_loss: TrueLoss, sets: Sets, *, seed: int = 0) -> Choice:
    """Return the decision rule that stands for a loss, by cross-fitting on these rows.

    A loss that judges scores has nothing to choose by: it gets the usual rule, and its
    rows keep their scores. So does one that is too dear to compare rules; its rows are
    decided by the rule that was fitted to them.

    Args:
        task: Knows the candidates.
        true_loss: What is decided for.
        sets: One set of rows, not those trained on.
        seed: Of folds and resamples.
    """
    if not (true_loss.needs_rule and true_loss.compares_rules):
        rule = task.plain_rule(true_loss, sets)
        name, decided = str(rule.to_dict()["kind"]), sets
        if true_loss.needs_rule:
            score = rule.decide(sets.score, sets.columns).to(sets.score.dtype)
            decided = sets._replace(score=score)
        loss = float(true_loss.of_decisions()(decided))
        return Choice(rule, name, decided, loss, [])
    return choose_rule(
        task.candidates(true_loss, sets),
        sets,
        true_loss.of_decisions().tried,
        task.strata(sets.target),
        n_resamples=task.n_resamples(true_loss),
        other_target=task.other_target(sets.target),
        seed=seed,
    )
