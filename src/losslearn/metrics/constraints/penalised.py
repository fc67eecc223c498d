"""A loss of decisions plus the penalised shortfall of constraints, in its forms."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from losslearn.metrics.as_written import as_written
from losslearn.metrics.columns import NO_COLUMNS, Columns
from losslearn.metrics.constraints.bounds import Constraint, Quantity
from losslearn.metrics.constraints.counts import (
    Counts,
    counts_at,
    counts_at_cut_points,
    in_blocks,
)
from losslearn.metrics.own.black_box import tried_ranks
from losslearn.metrics.sets import Labels, PerSet, Scores, Sets, Weights, value_dtype
from losslearn.metrics.true_loss import TrueLoss


def columns_of(parts: Sequence[Constraint | Quantity]) -> tuple[str, ...]:
    """Return the columns that say which group a row is in, each once."""
    return tuple(dict.fromkeys(name for part in parts for name in part.columns))


@dataclass(frozen=True)
class Penalised:
    """An aim of the confusion matrix: exact at all cut points, by one sort."""

    aim: Quantity
    constraints: tuple[Constraint, ...]
    penalty: float

    def aimed_at(self, sets: Sets) -> PerSet:
        """Return the aim's own value of sets whose scores are decisions."""
        counts = counts_at(0.5, sets, columns_of([self.aim]))
        return self.aim.value(counts) + counts.whole.undefined

    def best(
        self,
        y_true: Labels,
        y_score: Scores,
        *,
        sample_weight: Weights = None,
        columns: Columns = NO_COLUMNS,
    ) -> PerSet:
        """Return the lowest loss of each set over its cut points."""
        sets = Sets(y_true, y_score, sample_weight, columns)
        found = [
            self._losses(counts_at_cut_points(some, self._columns)).amin(-1)
            for some in in_blocks(sets, self._columns)
        ]
        values = torch.cat(found).to(value_dtype(y_score))
        return values.reshape(y_score.shape[:-1])

    def at_threshold(
        self,
        y_true: Labels,
        y_score: Scores,
        *,
        threshold: float | int,
        sample_weight: Weights = None,
        columns: Columns = NO_COLUMNS,
    ) -> PerSet:
        """Return the loss of each set with the rows from a threshold on positive."""
        sets = Sets(y_true, y_score, sample_weight, columns)
        counts = counts_at(threshold, sets, self._columns)
        return self._losses(counts, axis=()).to(value_dtype(y_score))

    def at_cut_points(
        self,
        y_true: Tensor,
        y_score: Tensor,
        *,
        sample_weight: Tensor | None = None,
        columns: Columns = NO_COLUMNS,
    ) -> tuple[Tensor, Tensor]:
        """Return the distinct scores of one set and the loss at all its cut points."""
        sets = Sets(y_true, y_score, sample_weight, columns)
        losses = self._losses(counts_at_cut_points(sets, self._columns))
        score = y_score.sort(descending=True).values
        is_last = functional.pad(score[1:] != score[:-1], (0, 1), value=True)
        return score[is_last], torch.cat([losses[:1], losses[1:][is_last]])

    @property
    def _columns(self) -> tuple[str, ...]:
        return columns_of([self.aim, *self.constraints])

    def _losses(self, counts: Counts, axis: tuple[None, ...] = (None,)) -> Tensor:
        """Return the loss at the cut points, which are an axis or one point."""
        missed = [constraint.shortfall(counts) for constraint in self.constraints]
        undefined = counts.whole.undefined[(..., *axis)]
        return self.aim.loss(counts) + self.penalty * sum(missed) + undefined


@dataclass(frozen=True)
class PenalisedCalls:
    """An aim that takes a call for each decision: at a few thresholds of each set."""

    aim: TrueLoss
    constraints: tuple[Constraint, ...]
    penalty: float

    def aimed_at(self, sets: Sets) -> PerSet:
        """Return the aim's own value of sets whose scores are decisions."""
        written = as_written(self.aim)
        return written.shift + written.factor * self.aim.of_decisions()(sets)

    def best(
        self,
        y_true: Labels,
        y_score: Scores,
        *,
        sample_weight: Weights = None,
        columns: Columns = NO_COLUMNS,
    ) -> PerSet:
        """Return the lowest loss of each set over the thresholds tried."""
        sets = Sets(y_true, y_score, sample_weight, columns)
        by_group = columns_of(self.constraints)
        names = dict.fromkeys([*self.aim.columns, *by_group])
        found = [self._best(some) for some in in_blocks(sets, [*names])]
        return torch.cat(found).reshape(y_score.shape[:-1])

    def at_threshold(
        self,
        y_true: Labels,
        y_score: Scores,
        *,
        threshold: float | int,
        sample_weight: Weights = None,
        columns: Columns = NO_COLUMNS,
    ) -> PerSet:
        """Return the loss of each set with the rows from a threshold on positive."""
        sets = Sets(y_true, y_score, sample_weight, columns)
        counts = counts_at(threshold, sets, columns_of(self.constraints))
        missed = [constraint.shortfall(counts) for constraint in self.constraints]
        value = self.aim.with_threshold(threshold)(sets) + counts.whole.undefined
        return (value + self.penalty * sum(missed)).to(value_dtype(y_score))

    def _best(self, sets: Sets) -> Tensor:
        """Return the lowest loss of each of `[some, n]` sets."""
        order = sets.score.argsort(dim=-1, descending=True, stable=True)
        most = 25 if self.aim.own is None else self.aim.own.max_cuts
        by_score = sets.target.gather(-1, order).cpu().numpy()
        ranks = torch.tensor(tried_ranks(by_score, most), device=order.device)
        cuts = sets.score.gather(-1, order.gather(-1, ranks))
        best = sets.score.new_full((len(cuts),), torch.inf, dtype=torch.float64)
        for cut in cuts.unbind(-1):  # of all sets together, each at its own
            decided = (sets.score >= cut.unsqueeze(-1)).to(sets.score.dtype)
            decided = decided.where(sets.score == sets.score, torch.nan)
            losses = self.at_threshold(
                sets.target,
                decided,
                threshold=0.5,
                sample_weight=sets.weight,
                columns=sets.columns,
            )
            best = torch.fmin(best, losses.double())
        best = best.masked_fill(best == torch.inf, torch.nan)
        return best.to(value_dtype(sets.score))
