"""What a model minimises: the learned loss, and what else has its signature."""

from collections.abc import Hashable
from functools import partial
from typing import NamedTuple, Protocol

import torch
from jaxtyping import Float, Integer
from torch import Tensor, nn

from losslearn._fast.cuda_graphs import Addresses, GraphedFunction
from losslearn._fast.fused import FusedSurrogate, Weights, is_as_built
from losslearn.metrics.columns import NO_COLUMNS, Columns, take_rows
from losslearn.surrogate.network import SetSurrogate
from losslearn.tasks.usual import CrossEntropy

_LEARNED = Weights(1.0, 0.0)


class Objective(Protocol):
    """Anything that can be minimised: one differentiable value per set."""

    def __call__(
        self, y_true: Tensor, y_score: Tensor, *, sample_weight: Tensor | None = None
    ) -> Tensor:
        """Return the values, shape `[*sets]`."""


class LearnedObjective(nn.Module):
    r"""What the model minimises: the learned loss, cross-entropy beside it.

    .. math:: a \, \hat\ell(y, \hat y; \beta) / s + \lambda \, \mathrm{CE}(y, \hat y)

    with s the spread of the true loss, so that the weights mean the same for a loss
    in [0, 1] and for one in money.

    Attributes:
        weights: a and lambda; may change from step to step.
    """

    def __init__(
        self, surrogate: SetSurrogate, *, cross_entropy_weight: float = 0.0
    ) -> None:
        """Keep the surrogate; it may go on learning."""
        super().__init__()
        self.surrogate = surrogate
        self.cross_entropy = CrossEntropy()
        self.weights = Weights(1.0, cross_entropy_weight)
        self.fused = FusedSurrogate.of(surrogate)
        self._addresses = Addresses(surrogate)
        self._graphed: GraphedFunction | None = None
        if is_as_built(surrogate):
            self._graphed = GraphedFunction(
                self._value_and_slope, works_on=self._works_on
            )

    def at(self, columns: Columns) -> "Objective":
        """Return the objective of sets whose rows have these columns."""
        return partial(self, columns=columns) if columns else self

    def forward(
        self,
        y_true: Integer[Tensor, "*sets n"],
        y_score: Float[Tensor, "*sets n"],
        *,
        sample_weight: Float[Tensor, "*sets n"] | None = None,
        columns: Columns = NO_COLUMNS,
    ) -> Float[Tensor, "*sets"]:
        """Return one value per set.

        Where the fast form applies, its gradient is that of the scores alone, which is
        what the model's step asks for.
        """
        if self.fused is not None and self.fused.takes(y_score):
            return self.fused.objective(
                y_true,
                y_score,
                sample_weight=sample_weight,
                weights=self.weights,
            )
        learned = self._learned(y_true, y_score, sample_weight, columns)
        value = self.weights.learned * (learned / self.surrogate.loss_scale)
        if self.weights.cross_entropy == 0:
            return value
        control = self.cross_entropy(y_true, y_score, sample_weight=sample_weight)
        return value + self.weights.cross_entropy * control

    def estimate(
        self,
        y_true: Integer[Tensor, "*#sets n"],
        y_score: Float[Tensor, "*sets n"],
        *,
        sample_weight: Float[Tensor, "*#sets n"] | None = None,
        columns: Columns = NO_COLUMNS,
    ) -> Float[Tensor, "*sets"]:
        """Return the learned loss alone, in the loss's own units, without a graph."""
        with torch.no_grad():
            if self.fused is not None and self.fused.takes(y_score):
                value = self.fused.objective(
                    y_true, y_score, sample_weight=sample_weight, weights=_LEARNED
                )
                return value * self.surrogate.loss_scale
            return self._learned(y_true, y_score, sample_weight, columns)

    def value_and_slope(
        self,
        y_true: Integer[Tensor, "*sets n"],
        y_score: Float[Tensor, "*sets n"],
        *,
        sample_weight: Float[Tensor, "*#sets n"] | None = None,
    ) -> tuple[Float[Tensor, "*sets"], Float[Tensor, "*sets n"]]:
        """Return one value per set and its gradient for the scores, without a graph."""
        if self.fused is not None and self.fused.takes(y_score):
            return self.fused.value_and_slope(
                y_true, y_score, sample_weight, self.weights
            )
        if self._graphed is None or sample_weight is None:
            return self._value_and_slope(y_true, y_score, sample_weight)
        value, slope = self._graphed(y_true, y_score, sample_weight)
        return value, slope

    def _value_and_slope(
        self, y_true: Tensor, y_score: Tensor, sample_weight: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Return the same, by PyTorch."""
        with torch.enable_grad():
            at = y_score.detach().requires_grad_()
            value = self(y_true, at, sample_weight=sample_weight)
            (slope,) = torch.autograd.grad(value.sum(), at)
        return value.detach(), slope

    def _works_on(self) -> Hashable:
        """Return what the graph of `_value_and_slope` is bound to."""
        return self._addresses(), self.weights

    def _learned(
        self,
        y_true: Tensor,
        y_score: Tensor,
        sample_weight: Tensor | None,
        columns: Columns,
    ) -> Tensor:
        """Return the surrogate's value, by PyTorch."""
        # a surrogate of one's own need not know of columns
        seen = {"columns": columns} if columns else {}
        value: Tensor = self.surrogate(
            y_true, y_score, sample_weight=sample_weight, **seen
        )
        return value


class FusedParts(NamedTuple):
    """An objective that the fast form of a model can take its steps down."""

    surrogate: FusedSurrogate | None
    weights: Weights


def fused_parts(objective: Objective) -> FusedParts | None:
    """Return what an objective is made of, or None where it has no fast form."""
    if type(objective) is CrossEntropy and objective.pos_weight is None:
        return FusedParts(None, Weights(0.0, 1.0))
    if type(objective) is not LearnedObjective or objective.fused is None:
        return None
    if not objective.fused.is_current():
        return None
    return FusedParts(objective.fused, objective.weights)


def on_rows(objective: Objective, columns: Columns, rows: Tensor) -> Objective:
    """Return an objective for sets of these rows.

    Args:
        objective: The learned one sees the rows' columns; others know of none.
        columns: Of the whole table.
        rows: Numbers of its rows.
    """
    if not columns or not isinstance(objective, LearnedObjective):
        return objective
    return objective.at(take_rows(columns, rows))
