"""A booster behind the protocol of what is trained: trees as steps."""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from losslearn.metrics import Loss
from losslearn.models.boosted.growing import (
    Corrections,
    HeldOut,
    Table,
    cross_fitted,
    grown,
)
from losslearn.models.boosted.trees import BoostedTrees
from losslearn.models.networks import exact_scores, score_rows
from losslearn.models.predictor import PredictorState
from losslearn.models.rows import Drawn, Rows
from losslearn.tasks.strata import deal_into_folds
from losslearn.tasks.task import UsualLoss

_N_FOLDS = 4
_SET = 2_000
"""Rows of a set whose slope a tree follows."""
_MOVED_TREES = 8
"""Trees whose leaves are moved to tell how scores can change."""


class BoostedPredictor:
    r"""Trees of LightGBM, moved by one tree a turn (form C of boosting for a metric).

    The usual loss is followed by LightGBM itself (`solution`). What follows another
    objective starts from scores that each row gets from boosters grown without it, for
    those of the booster itself have learned their rows by heart. A turn deals all rows
    into sets of 2,000, and grows one tree along the slope g of the objective:

    .. math::
        g \leftarrow g \, \frac{\sigma(p - y)}{\sigma(g)}, \qquad
        h = \overline{p (1 - p)}

    with probabilities p, and a curvature h that is positive whatever the objective
    (a learned one has none to trust). What a tree says of a row is added to its
    out-of-fold score and to the booster alike.
    """

    separates = True

    def __init__(
        self,
        model: BoostedTrees,
        rows: Rows,
        parameters: dict[str, Any],
        *,
        seed: int,
        categorical: tuple[int, ...] = (),
    ) -> None:
        """Take the rows as LightGBM wants them; nothing is grown yet."""
        self.model, self.rows, self.lr, self.penalty = model, rows, 0.0, 0.0
        numbers = rows.numbers
        if numbers is None:
            numbers = torch.arange(rows.n_rows)
        self._place = torch.full((len(rows.x),), -1, dtype=torch.long)
        self._place[numbers.long()] = torch.arange(len(numbers))
        self._numbers = numbers.long()
        weight = None if rows.weight is None else rows.own(rows.weight)
        self.table = Table(
            rows.own(rows.x).cpu().numpy(),
            rows.own(rows.target).cpu().numpy().astype(np.int64),
            None if weight is None else weight.double().cpu().numpy(),
            categorical,
        )
        self._parameters, self._seed = parameters, seed
        self._draws = torch.Generator().manual_seed(seed)
        self._held_out: HeldOut | None = None
        self._score: Tensor | None = None
        self._corrections: Corrections | None = None
        self._leaves: Tensor | None = None

    def held_out(self) -> HeldOut:
        """Return the scores of all rows out of fold, and how long to grow."""
        if self._held_out is None:
            fold = deal_into_folds(self.table.y, _N_FOLDS, seed=self._seed)
            self._held_out = cross_fitted(self.table, fold, self._parameters)
        return self._held_out

    def grow(self) -> None:
        """Grow the booster by the usual loss, as long as folds say."""
        found = self.held_out()
        self.model.text = grown(self.table, self._parameters, found.n_rounds)
        self._corrections = Corrections(self.table, self.model.text, self._parameters)
        self._score, self._leaves = torch.from_numpy(found.score), None

    def _now(self) -> Tensor:
        if self._score is None:
            raise RuntimeError("The usual loss's own solution comes first.")
        return self._score

    def scores(self, rows: Tensor) -> Tensor:
        """Return the rows' out-of-fold scores, with what was added since."""
        return self._now()[self._place[rows.long()]].to(self.rows.x.dtype)

    def moved(
        self, rows: Tensor, strength: float, *, generator: torch.Generator
    ) -> Tensor:
        """Return scores at values of leaves that are moved at random, to and fro."""
        score, leaves = self.scores(rows), self._leaves_of(rows)
        n_leaves = int(self._all_leaves().max()) + 1
        changes = []
        for here in leaves:
            values = torch.randn(
                (here.shape[-1], n_leaves), generator=generator, dtype=score.dtype
            )
            trees = torch.arange(here.shape[-1])
            changes.append(values[trees, here].sum(-1))
        change = torch.stack(changes)
        reach = float(change[0].square().mean().sqrt())
        size = strength * float(score[0].std()) / reach if reach > 0 else 0.0
        return torch.stack([score + size * change, score - size * change])

    def _all_leaves(self) -> Tensor:
        if self._leaves is None:
            booster = self.model.booster
            n = booster.num_trees()
            which = np.unique(np.linspace(0, n - 1, min(n, _MOVED_TREES)).astype(int))
            found = [
                np.asarray(
                    booster.predict(
                        self.table.x,
                        pred_leaf=True,
                        start_iteration=int(one),
                        num_iteration=1,
                    )
                ).reshape(-1)
                for one in which
            ]
            self._leaves = torch.from_numpy(np.stack(found, -1)).long()
        return self._leaves

    def _leaves_of(self, rows: Tensor) -> Tensor:
        return self._all_leaves()[self._place[rows.long()]]

    def descend(self, objective: Loss, drawn: Drawn) -> None:
        """Grow one tree along the slope of all rows, not of those drawn alone.

        A tree divides all rows, so it needs the slope of each.
        """
        del drawn
        score, target = self._now(), torch.from_numpy(self.table.y)
        n = len(score)
        order = torch.randperm(n, generator=self._draws)
        slope = torch.zeros(n, dtype=torch.double)
        for part in order.chunk(max(round(n / _SET), 1)):
            sets = self.rows.sets(
                Drawn(self._numbers[part][None]), score[part][None].float()
            )
            slope[part] = self._slope(objective, sets)[0].double() * len(part)
        p = score.sigmoid()
        gap = p - target
        curvature = float((p * (1 - p)).mean())
        spread = float(slope.std())
        if not (math.isfinite(spread) and spread > 0):
            return
        g = slope * float(gap.std()) / spread
        if self.rows.weight is not None:
            pass
        assert self._corrections is not None
        h = np.full(n, curvature)
        added = self._corrections.add(g.numpy(), h)
        self._score = score + torch.from_numpy(added)

    @staticmethod
    def _slope(objective: Loss, sets: Any) -> Tensor:  # noqa: ANN401 - Sets
        known = getattr(objective, "value_and_slope", None)
        if known is not None:
            return known(sets)[1]
        score = sets.score.detach().requires_grad_()
        (slope,) = torch.autograd.grad(
            objective(sets._replace(score=score)).sum(), score
        )
        return slope

    def predict(self, rows: Rows, *, exactly: bool = False) -> Tensor:
        """Return other rows' scores."""
        self._write()
        score = exact_scores if exactly else score_rows
        return score(self.model, rows.x, rows=rows.numbers)

    def _write(self) -> None:
        if self._corrections is not None:
            self.model.text = self._corrections.text

    def solution(
        self, usual_loss: UsualLoss, drawn: Drawn, held_out: Rows | None = None
    ) -> "BoostedSolution":
        """Return what grows the trees by the usual loss."""
        del usual_loss, drawn, held_out
        return BoostedSolution(self)

    def weights(self) -> dict[str, Tensor]:
        """Return a copy of the trees' file."""
        self._write()
        return {name: part.clone() for name, part in self.model.state_dict().items()}

    def load_weights(self, weights: dict[str, Tensor]) -> None:
        """Go back to a file."""
        self.model.load_state_dict(weights)
        self._corrections = None

    def state(self) -> PredictorState:
        """Return a copy of everything needed to go on from here again."""
        n = 0 if self._corrections is None else self._corrections.n_trees
        score = torch.empty(0) if self._score is None else self._score.clone()
        return PredictorState(
            self.weights(), {"n_trees": n, "score": score}, self._draws.get_state()
        )

    def restore(self, state: PredictorState) -> None:
        """Go back to a state."""
        n_trees, score = state.optimizer["n_trees"], state.optimizer["score"]
        self._draws.set_state(state.noise)
        if self._corrections is None or self._corrections.n_trees < n_trees:
            self.model.load_state_dict(state.weights)
            self._corrections = None
            if len(score):
                self._corrections = Corrections(
                    self.table, self.model.text, self._parameters
                )
        else:
            self._corrections.cut(n_trees)
        self._score = score.clone() if len(score) else None


class BoostedSolution:
    """Grows trees by the usual loss, as many as are best for rows held out."""

    lr: float | None = None
    share = 0.15

    def __init__(self, predictor: BoostedPredictor) -> None:
        """Grow nothing yet."""
        self._predictor = predictor

    def path(self, n_looks: int) -> list[float]:
        """Return one penalty, which trees have none of."""
        del n_looks
        return [0.0]

    def solve(self, penalty: float, *, deadline: float = math.inf) -> None:
        """Grow the booster; a penalty is not looked at."""
        del penalty, deadline
        self._predictor.grow()
