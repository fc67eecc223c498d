"""An ensemble behind the protocol of what is trained: members' scores are sets."""

import torch
from torch import Tensor

from losslearn.metrics import Loss
from losslearn.models.networks import gather_rows
from losslearn.models.predictor import PredictorState, TorchPredictor
from losslearn.models.rows import Drawn, Rows
from losslearn.models.strong.epochs import EpochSolution
from losslearn.models.strong.members import member_sets
from losslearn.models.strong.tabm import TabM, TabMNetwork
from losslearn.tasks.task import UsualLoss


class EnsemblePredictor:
    """TabM, moved by Adam: one learned loss for all members, each's scores a set.

    What the learned loss is fitted to are sets scored by one member each, drawn at
    random; a step takes all members down the mean of their losses on the same rows.
    What is chosen and decided by are the scores as they are used, of all members.
    """

    separates = False

    def __init__(
        self,
        model: TabMNetwork,
        rows: Rows,
        settings: TabM,
        *,
        lr: float,
        max_grad_norm: float | None,
        seed: int,
    ) -> None:
        """Make the descent; a norm of None clips nothing."""
        self.model, self.rows = model, rows
        self._settings, self._seed = settings, seed
        self._torch = TorchPredictor(model, rows, lr=lr, max_grad_norm=max_grad_norm)

    @property
    def lr(self) -> float:
        """eta_alpha, as it is now."""
        return self._torch.lr

    @lr.setter
    def lr(self, value: float) -> None:
        self._torch.lr = value

    @property
    def penalty(self) -> float:
        """Of the weights, as it is now."""
        return self._torch.penalty

    @penalty.setter
    def penalty(self, value: float) -> None:
        self._torch.penalty = value

    @torch.no_grad()
    def scores(self, rows: Tensor) -> Tensor:
        """Return scores in training mode, each set's by one member, drawn at random."""
        if not self.model.training:
            self.model.train()
        sets = rows.reshape(-1, rows.shape[-1])
        which = torch.randint(self.model.k, (len(sets),), device=rows.device)
        x = gather_rows(self.rows.x, sets)
        return self.model.of_members(x, which).reshape(rows.shape)

    @torch.no_grad()
    def moved(
        self, rows: Tensor, strength: float, *, generator: torch.Generator
    ) -> Tensor:
        """Return scores at last layers that are moved to and fro.

        Each move's rows are scored by one member, drawn at random, whose last layer is
        what is moved: scores are linear in it, so that what the layers before it say
        of the rows is worked out once.
        """
        n_moves, model = len(rows), self.model
        which = torch.randint(
            model.k, (n_moves,), generator=generator, device=rows.device
        )
        x = gather_rows(self.rows.x, rows.reshape(n_moves, -1))
        was_training = model.training
        model.eval()
        try:
            units, last = model.last_units(x, which), model.layers.output
        finally:
            model.train(was_training)
        score = (units @ last.weight[which]).squeeze(-1) + last.bias[which]
        along = torch.empty_like(last.weight[which]).normal_(generator=generator)
        change = (units @ along).squeeze(-1)
        reach, spread = (part.var(1).mean().sqrt() for part in (change, score))
        size = torch.where(reach > 0, strength * spread / reach, 0.0)
        found = torch.stack([score + size * change, score - size * change])
        return found.reshape(2, *rows.shape)

    def descend(self, objective: Loss, drawn: Drawn) -> None:
        """Take one step for each set of rows, all members by their own scores."""
        descent = self._torch.descent
        for one in drawn.each():
            sets = member_sets(self.model, self.rows, one)
            descent.zero_grad()
            TorchPredictor.step_back(objective, sets)
            descent.step()

    def predict(self, rows: Rows, *, exactly: bool = False) -> Tensor:
        """Return the scores of other rows in evaluation mode; the mode is put back."""
        return self._torch.predict(rows, exactly=exactly)

    def solution(
        self, usual_loss: UsualLoss, drawn: Drawn, held_out: Rows | None
    ) -> EpochSolution:
        """Return the authors' own training, by the usual loss."""
        return EpochSolution(
            self.model,
            self.rows,
            drawn,
            usual_loss,
            held_out=held_out,
            settings=self._settings,
            seed=self._seed,
        )

    def weights(self) -> dict[str, Tensor]:
        """Return a copy of the module's state."""
        return self._torch.weights()

    def load_weights(self, weights: dict[str, Tensor]) -> None:
        """Go back to weights."""
        self._torch.load_weights(weights)

    def state(self) -> PredictorState:
        """Return a copy of module, optimiser and the state of dropout's draws."""
        return self._torch.state()

    def restore(self, state: PredictorState) -> None:
        """Go back to a state."""
        self._torch.restore(state)
