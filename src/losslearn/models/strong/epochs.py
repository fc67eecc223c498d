"""An ensemble trained by the usual loss, as its authors do: epochs, stopped early."""

import copy
import math
import time

import torch
from torch import Tensor, nn

from losslearn.models.networks import score_rows
from losslearn.models.rows import Drawn, Rows
from losslearn.models.solution import Setting
from losslearn.models.strong.members import member_sets
from losslearn.models.strong.tabm import TabM, TabMNetwork
from losslearn.tasks.task import UsualLoss

_HELD_OUT = 0.1
"""Share of the rows that the epochs are stopped by where no others are given."""
_MOST_EPOCHS = 200
"""Rows that are told apart without an error get better for ever."""
_MAX_GRAD_NORM = 1.0


class EpochSolution:
    """Trains members each by its own usual loss, until held-out rows get no better.

    All members see the same batches, and what is minimised is the mean of their losses,
    not the loss of their mean. What stops it is the usual loss of the scores as they
    are used; the weights of its lowest value stay.

    Attributes:
        lr: Learning rate of steps that go on from there.
        share: Of a fit's time, what it may take.
    """

    needs_gain = False
    lr: float | None = 1e-3
    share = 0.5

    def __init__(
        self,
        model: TabMNetwork,
        rows: Rows,
        drawn: Drawn,
        usual_loss: UsualLoss,
        *,
        held_out: Rows | None,
        settings: TabM,
        seed: int,
    ) -> None:
        """Take rows of one axis to train on, and others, or a tenth, to stop by."""
        self._model, self._rows, self._drawn = model, rows, drawn
        self._usual_loss, self._settings = usual_loss, settings
        self._held_out, self._seed = held_out, seed

    def path(self, n_looks: int) -> list[Setting]:
        """Return one setting: the authors' decay of weights is no choice."""
        del n_looks
        return [Setting()]

    def solve(self, setting: Setting, *, deadline: float = math.inf) -> Setting:
        """Train the model; a setting is not looked at.

        After the deadline, of `time.perf_counter()`, it is left at the best of what
        was done.
        """
        draws = torch.Generator().manual_seed(self._seed)
        drawn, held_out = self._divided(draws)
        optimizer = torch.optim.AdamW(
            self._model.parameters(),
            lr=self._settings.lr,
            weight_decay=self._settings.weight_decay,
        )
        best, kept, since = math.inf, self._kept(), 0
        try:
            for _ in range(_MOST_EPOCHS):
                self._epoch(drawn, optimizer, draws, deadline)
                loss = self._loss(held_out)
                since += 1
                if loss < best:
                    best, kept, since = loss, self._kept(), 0
                # as the authors count: one more than the patience
                if since > self._settings.patience or time.perf_counter() >= deadline:
                    break
        finally:
            self._model.load_state_dict(kept)
        return setting

    def _divided(self, draws: torch.Generator) -> tuple[Drawn, Rows]:
        """Return what is trained on, and what it is stopped by."""
        drawn = self._drawn
        if self._held_out is not None:
            return drawn, self._held_out
        order = torch.randperm(len(drawn.rows), generator=draws).to(drawn.rows.device)
        out, own = order.tensor_split([max(round(_HELD_OUT * len(order)), 1)])
        weight = None if drawn.weight is None else drawn.weight[own]
        held_out = self._rows._replace(numbers=drawn.rows[out])
        return Drawn(drawn.rows[own], weight), held_out

    def _epoch(
        self,
        drawn: Drawn,
        optimizer: torch.optim.Optimizer,
        draws: torch.Generator,
        deadline: float,
    ) -> None:
        order = torch.randperm(len(drawn.rows), generator=draws).to(drawn.rows.device)
        parameters = [*self._model.parameters()]
        for some in order.split(self._settings.batch_size):
            weight = None if drawn.weight is None else drawn.weight[some]
            batch = Drawn(drawn.rows[some], weight)
            sets = member_sets(self._model, self._rows, batch)
            optimizer.zero_grad()
            self._usual_loss(sets).mean().backward()
            nn.utils.clip_grad_norm_(parameters, _MAX_GRAD_NORM)
            optimizer.step()
            if time.perf_counter() >= deadline:
                return

    def _loss(self, rows: Rows) -> float:
        score = score_rows(self._model, rows.x, rows=rows.numbers)
        return float(self._usual_loss(rows.whole(score)))

    def _kept(self) -> dict[str, Tensor]:
        return copy.deepcopy(self._model.state_dict())
