"""A booster behind the protocol of what is trained: trees as steps."""

import secrets
from itertools import count
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from losslearn.metrics import Loss
from losslearn.models.boosted.folds import cross_fitted
from losslearn.models.boosted.library import (
    Corrections,
    Data,
    Features,
    Library,
    Parameters,
    Trees,
    as_table,
    features_of,
)
from losslearn.models.boosted.slope import newton, slope_of_all
from losslearn.models.boosted.solution import BoostedSolution
from losslearn.models.boosted.trees import BoostedTrees
from losslearn.models.networks import exact_scores, score_rows
from losslearn.models.predictor import PredictorState
from losslearn.models.rows import Drawn, Rows
from losslearn.tasks.strata import deal_into_folds
from losslearn.tasks.task import UsualLoss

_N_FOLDS = 4
_MOVED_TREES = 8
"""Trees whose leaves are moved to tell how scores can change."""
_FEW = 200_000
"""Rows whose leaves are found once; of more, those of the rows that are drawn."""


class BoostedPredictor:
    """Boosted trees, moved by one tree a turn (form C of boosting for a metric).

    The usual loss is followed by the library itself (`solution`). What follows another
    objective starts from scores that each row gets from boosters grown without it, for
    those of the booster itself have learned their rows by heart. A turn grows one tree
    along the slope of the objective (see `newton`). What a tree says of a row is added
    to its out-of-fold score and to the booster alike.
    """

    separates = True

    def __init__(
        self,
        library: Library,
        rows: Rows,
        parameters: dict[str, Any],
        *,
        seed: int,
        categorical: tuple[int, ...] = (),
    ) -> None:
        """Take the rows as the library wants them; nothing is grown yet."""
        self.model = BoostedTrees(library, rows.x.shape[1])
        self.rows, self.lr, self.penalty = rows, 0.0, 0.0
        self._place: Tensor | None = None
        if rows.numbers is not None:
            # of four bytes: rows may be many
            self._place = torch.full((len(rows.x),), -1, dtype=torch.int32)
            own = torch.arange(rows.n_rows, dtype=torch.int32)
            self._place[rows.numbers.long()] = own
        self.table = as_table(rows, categorical)
        self.library, self._seed = library, seed
        self.parameters: Parameters = parameters
        self._data: Data | None = None
        self._draws = torch.Generator().manual_seed(seed)
        self._out_of_fold: dict[float, Tensor] = {}
        self._share = 1.0
        self._names = count(secrets.randbits(60))  # of trees: no two are the same
        self._begin(torch.empty(0))

    def _begin(self, score: Tensor) -> None:
        """Go on from the module's trees, with such scores of the rows out of fold."""
        self._score = score.double()
        self._added: tuple[int, ...] = (next(self._names),)
        self._corrections: Corrections | None = None
        self._every_leaf: Tensor | None = None
        self._seen: _Seen | None = None

    @property
    def data(self) -> Data:
        """The rows in the library's form, for folds, booster and corrections alike."""
        if self._data is None:
            self._data = self.library.data(self.table, self.parameters)
        return self._data

    def start_from(self, trees: Trees, share: float) -> None:
        """Go on from trees, so many in shares of what is best for the usual loss."""
        self.model.trees, self._share = trees, share
        self._begin(torch.empty(0))

    def scores(self, rows: Tensor) -> Tensor:
        """Return the rows' out-of-fold scores, with what was added since."""
        return self._now()[self._places(rows)].to(self.rows.x.dtype)

    def _now(self) -> Tensor:
        """Return all rows' scores; not before they are asked for is a fold grown."""
        if not len(self._score):
            if self._share not in self._out_of_fold:
                fold = deal_into_folds(self.table.y, _N_FOLDS, seed=self._seed)
                found = cross_fitted(
                    self.library,
                    self.data,
                    fold.astype(np.uint8),  # rows may be many
                    self.parameters,
                    n_rounds=self.model.trees.n_rounds,
                    share=self._share,
                )
                self._out_of_fold[self._share] = torch.from_numpy(found)
            self._score = self._out_of_fold[self._share]
        return self._score

    def moved(
        self, rows: Tensor, strength: float, *, generator: torch.Generator
    ) -> Tensor:
        """Return scores at values of leaves that are moved at random, to and fro."""
        score, leaves = self.scores(rows), self._leaves(rows)
        shape = (len(rows), len(leaves), int(leaves.max()) + 1)
        values = torch.randn(shape, generator=generator, dtype=score.dtype)
        here = leaves.movedim(0, 1)  # moves, trees, ...
        change = values.gather(-1, here.flatten(2)).sum(1).view_as(score)
        reach = float(change[0].square().mean().sqrt())
        size = strength * float(score[0].std()) / reach if reach > 0 else 0.0
        return torch.stack([score + size * change, score - size * change])

    def _leaves(self, rows: Tensor) -> Tensor:
        """Return in which leaf of some trees, spread over all, each row is."""
        if self.rows.n_rows > _FEW:
            features = Features(self.rows.x.numpy(), rows.flatten().numpy())
            return self._found_leaves(features).view(-1, *rows.shape)
        if self._every_leaf is None:
            self._every_leaf = self._found_leaves(self.data.features)
        return self._every_leaf[:, self._places(rows)]

    def _found_leaves(self, features: Features) -> Tensor:
        trees, n = self.model.trees, self.model.trees.n_rounds
        which = np.unique(np.linspace(0, n - 1, min(n, _MOVED_TREES)).astype(int))
        found = [trees.leaves(features, int(one)) for one in which]
        return torch.from_numpy(np.stack(found))

    def _places(self, rows: Tensor) -> Tensor:
        """Return where rows of the table stand among those trained on."""
        return rows if self._place is None else self._place[rows.long()].long()

    def descend(self, objective: Loss, drawn: Drawn) -> None:
        """Grow one tree along the slope of all rows, not of those drawn alone.

        A tree divides all rows, so it needs the slope of each.
        """
        del drawn
        score, weight = self._now(), self.table.weight
        found = newton(
            slope_of_all(objective, self.rows, score, generator=self._draws),
            score,
            torch.from_numpy(self.table.y),
            None if weight is None else torch.from_numpy(weight),
        )
        if found is None:
            return  # nowhere to go
        if self._corrections is None:
            what = self.data, self.model.trees, self.parameters
            self._corrections = self.library.correct(*what)
        added = self._corrections.add(found.slope, found.curvature)
        self._score = score + torch.from_numpy(added)
        self._added = (*self._added, next(self._names))

    def predict(self, rows: Rows, *, exactly: bool = False) -> Tensor:
        """Return other rows' scores; those of the rows asked last are gone on from."""
        seen, added = self._seen, self._added
        known = None if seen is None else seen.nearest(rows, added)
        if seen is None or known is None:
            self._write()
            scored = exact_scores if exactly else score_rows
            found = scored(self.model, rows.x, rows=rows.numbers).double()
            seen = self._seen = _Seen(rows, {added: found})
        elif known != added and self._corrections is not None:
            start, n = len(known) - 1, len(added) - len(known)
            more = self._corrections.scores(features_of(rows), n, start=start)
            seen.scores[added] = seen.scores[known] + torch.from_numpy(more)
        return seen.scores[added].to(rows.x.dtype)

    def _write(self) -> None:
        if self._corrections is not None:
            self.model.trees = self._corrections.trees()

    def solution(
        self, usual_loss: UsualLoss, drawn: Drawn, held_out: Rows | None
    ) -> "BoostedSolution":
        """Return what grows the trees by the usual loss, on all rows."""
        del usual_loss, drawn
        return BoostedSolution(self, held_out)

    def weights(self) -> dict[str, Tensor]:
        """Return a copy of the trees' file."""
        self._write()
        return {name: part.clone() for name, part in self.model.state_dict().items()}

    def load_weights(self, weights: dict[str, Tensor]) -> None:
        """Go back to a file; from there on nothing can be added to it."""
        self.model.load_state_dict(weights)
        self._begin(self._score)

    def state(self) -> PredictorState:
        """Return a copy of everything needed to go on from here again."""
        more = {"score": self._score, "added": self._added, "share": self._share}
        return PredictorState(self.weights(), more, self._draws.get_state())

    def restore(self, state: PredictorState) -> None:
        """Go back to a state."""
        added, n = tuple(state.optimizer["added"]), len(state.optimizer["added"])
        if self._added[:n] == added:  # no further back than trees were added
            if self._corrections is not None:
                self._corrections.cut(n - 1)
        else:
            self.model.load_state_dict(state.weights)
            self._begin(self._score)
            added = added[-1:]
        self._score, self._added = state.optimizer["score"], added
        self._share = state.optimizer["share"]
        self._draws.set_state(state.noise)


class _Seen(NamedTuple):
    """Rows that were asked for, with their scores by the trees added each time."""

    rows: Rows
    scores: dict[tuple[int, ...], Tensor]

    def nearest(self, rows: Rows, added: tuple[int, ...]) -> tuple[int, ...] | None:
        """Return the most of these trees that score the rows; None for none."""
        if rows.x is not self.rows.x or rows.numbers is not self.rows.numbers:
            return None
        every = (added[:n] for n in range(len(added), 0, -1))
        return next((one for one in every if one in self.scores), None)
