"""The upper level: what is trained, behind one protocol."""

import copy
from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from losslearn._fast import fastest
from losslearn.metrics import Loss, Sets
from losslearn.models.descent import Descent
from losslearn.models.moves import ParameterMoves
from losslearn.models.networks import (
    Linear,
    exact_scores,
    gather_rows,
    score_rows,
    score_sets,
)
from losslearn.models.rows import Drawn, Rows
from losslearn.models.solution import LinearSolution, Solution
from losslearn.tasks.task import UsualLoss


class PredictorState(NamedTuple):
    """Everything needed to train on from here again."""

    weights: dict[str, Tensor]
    optimizer: dict[str, Any]
    noise: Tensor
    """State of the generator that dropout draws from."""


class Predictor(Protocol):
    """Anything that gives rows scores and can be moved down a loss of them."""

    rows: Rows
    """What it is trained on."""
    lr: float
    """eta_alpha, as it is now."""
    penalty: float
    """Of the weights, as it is now (see `Descent`)."""
    separates: bool
    """Whether scores come to lie so far apart that a set network needs them drawn
    together (see `Frame.squashed`), in units that they keep."""

    def scores(self, rows: Tensor) -> Tensor:
        """Return scores of rows by number, `[*sets, n]`, as in training, detached."""

    def moved(
        self, rows: Tensor, strength: float, *, generator: torch.Generator
    ) -> Tensor:
        """Return scores of rows `[moves, *sets, n]` at other weights, detached.

        The first axis of what is returned, `[2, moves, *sets, n]`, is there and back:
        for each entry of the rows' first axis the weights are moved along a random
        direction, by a `strength` in deviations of the scores (see `ParameterMoves`),
        and put back to the bit. Scores are as in use, without dropout, and nothing else
        of the model moves.
        """

    def descend(self, objective: Loss, drawn: Drawn) -> None:
        """Take one step for each set of rows (Algorithm 1, lines 4 to 7; Eq. 4)."""

    def predict(self, rows: Rows, *, exactly: bool = False) -> Tensor:
        """Return other rows' scores as they are used, or exact (see `exact_scores`)."""

    def solution(
        self, usual_loss: UsualLoss, drawn: Drawn, held_out: Rows | None = None
    ) -> Solution | None:
        """Return what solves the model for a usual loss; None if only steps can.

        The rows drawn are what it is solved on, those held out what may stop it.
        """

    def weights(self) -> dict[str, Tensor]:
        """Return a copy of what has been learned."""

    def load_weights(self, weights: dict[str, Tensor]) -> None:
        """Go back to weights."""

    def state(self) -> PredictorState:
        """Return a copy of everything needed to train on from here again."""

    def restore(self, state: PredictorState) -> None:
        """Go back to a state."""


class TorchPredictor:
    """A torch module, moved by Adam: the reference.

    It maps `[n, features]` to `[n]`, `[n, 1]` or `[n, *score_shape]`. An objective's
    own parameters, `further`, are trained along with the module's, unclipped.
    """

    separates = False

    def __init__(
        self,
        model: nn.Module,
        rows: Rows,
        *,
        lr: float,
        max_grad_norm: float | None = None,
        further: Iterable[nn.Parameter] = (),
    ) -> None:
        """Make the descent of alpha; a norm of None clips nothing."""
        self.model, self.rows = model, rows
        alpha = model.parameters()
        self.descent = fastest(
            Descent(alpha, lr=lr, max_grad_norm=max_grad_norm, unclipped=further)
        )

    @property
    def lr(self) -> float:
        """eta_alpha, as it is now."""
        return self.descent.lr

    @lr.setter
    def lr(self, value: float) -> None:
        self.descent.lr = value

    @property
    def penalty(self) -> float:
        """Of the weights, as it is now."""
        return self.descent.penalty

    @penalty.setter
    def penalty(self, value: float) -> None:
        self.descent.penalty = value

    @torch.no_grad()
    def scores(self, rows: Tensor) -> Tensor:
        """Return the scores of rows in training mode."""
        return self._forward(rows)

    def moved(
        self, rows: Tensor, strength: float, *, generator: torch.Generator
    ) -> Tensor:
        """Return scores in evaluation mode, at weights moved to and fro."""
        moves = ParameterMoves(self.model.parameters(), generator)

        def score(place: int) -> Tensor:
            x = gather_rows(self.rows.x, rows[place])
            return score_sets(self.model, x, score_shape=self.rows.score_shape)

        was_training = self.model.training
        self.model.eval()
        try:
            return moves.scores(score, len(rows), strength=strength)
        finally:
            self.model.train(was_training)

    def descend(self, objective: Loss, drawn: Drawn) -> None:
        """Take one step for each set of rows."""
        for one in drawn.each():
            score = self._forward(one.rows)
            self.descent.zero_grad()
            self.step_back(objective, self.rows.sets(one, score))
            self.descent.step()

    def _forward(self, rows: Tensor) -> Tensor:
        if not self.model.training:
            self.model.train()
        x = gather_rows(self.rows.x, rows)
        return score_sets(self.model, x, score_shape=self.rows.score_shape)

    def predict(self, rows: Rows, *, exactly: bool = False) -> Tensor:
        """Return the scores of other rows in evaluation mode; the mode is put back."""
        score, shape = exact_scores if exactly else score_rows, rows.score_shape
        return score(self.model, rows.x, rows=rows.numbers, score_shape=shape)

    def solution(
        self, usual_loss: UsualLoss, drawn: Drawn, held_out: Rows | None = None
    ) -> LinearSolution | None:
        """Return the solution of the built-in linear model; others have none."""
        del held_out
        if type(self.model) is not Linear:
            return None
        return LinearSolution(self.model, self.rows, drawn, usual_loss)

    def weights(self) -> dict[str, Tensor]:
        """Return a copy of the module's state."""
        return copy.deepcopy(self.model.state_dict())

    def load_weights(self, weights: dict[str, Tensor]) -> None:
        """Go back to weights."""
        self.model.load_state_dict(weights)

    def state(self) -> PredictorState:
        """Return a copy of module, optimiser and the state of dropout's draws."""
        device = self.rows.x.device
        on_gpu = device.type == "cuda"
        noise = torch.cuda.get_rng_state(device) if on_gpu else torch.get_rng_state()
        optimizer = copy.deepcopy(self.descent.state_dict())
        return PredictorState(self.weights(), optimizer, noise)

    def restore(self, state: PredictorState) -> None:
        """Go back to a state."""
        self.load_weights(state.weights)
        self.descent.load_state_dict(copy.deepcopy(state.optimizer))
        device = self.rows.x.device
        if device.type == "cuda":
            torch.cuda.set_rng_state(state.noise, device)
        else:
            torch.set_rng_state(state.noise)

    @staticmethod
    def step_back(objective: Loss, sets: Sets) -> None:
        """Work out the gradient of an objective, back through the scores (Eq. 4).

        One that knows its gradient for the scores (`value_and_slope`) is asked for it,
        which saves a graph.
        """
        known = getattr(objective, "value_and_slope", None)
        if known is None:
            objective(sets).mean().backward()
            return
        value, slope = known(sets._replace(score=sets.score.detach()))
        sets.score.backward(slope if value.numel() == 1 else slope / value.numel())
