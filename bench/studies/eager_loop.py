"""Algorithm 1 as one would write it down: the reference that speed is measured against.

No step is shared, batched or compiled. Each surrogate step draws a batch, scores it,
values it and takes an Adam step; each model step does the same with the model. It is
kept for `speed.py` alone; the package has the same arithmetic in
`losslearn.training.algorithm`.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy
from torch.optim import Optimizer

from losslearn.metrics import Loss, Sets
from losslearn.models.rows import Rows
from losslearn.surrogate.network import SetSurrogate
from losslearn.training.sampling import SetSampler

MODEL_STEPS, SURROGATE_STEPS = 3, 10
"""K_alpha and K_beta, the paper's."""


class EagerLoop:
    """One iteration of Algorithm 1 a call, with plain PyTorch."""

    def __init__(
        self,
        model: nn.Module,
        surrogate: SetSurrogate,
        true_loss: Loss,
        rows: Rows,
        sampler: SetSampler,
        lr: float,
    ) -> None:
        """Make the two optimisers."""
        self.model, self.surrogate = model, surrogate
        self._true_loss, self._rows, self._sampler = true_loss, rows, sampler
        self._alpha = torch.optim.Adam(model.parameters(), lr=lr)
        self._beta = torch.optim.Adam(surrogate.parameters(), lr=lr)

    def iterate(self) -> None:
        """Take K_beta steps of the surrogate, then K_alpha steps of the model."""
        for _ in range(SURROGATE_STEPS):
            batch = self.scores()
            self.fit_surrogate(batch, self.value(batch))
        for _ in range(MODEL_STEPS):
            self.model_step()

    def scores(self) -> Sets:
        """Draw a batch and score it."""
        with torch.no_grad():
            return self._draw()

    def _draw(self) -> Sets:
        rows = self._sampler.draw(1).rows[0]
        return Sets(self._rows.target[rows], self.model(self._rows.x[rows]))

    def value(self, batch: Sets) -> Tensor:
        """Return a batch's true loss."""
        with torch.no_grad():
            return self._true_loss(batch)

    def fit_surrogate(self, batch: Sets, loss: Tensor) -> None:
        """Move the surrogate toward a batch's true loss."""
        gap = self.surrogate(batch) - loss
        self._step(self.surrogate, self._beta, gap.abs())

    def model_step(self) -> None:
        """Move the model down the surrogate's value of a batch."""
        self._step(self.model, self._alpha, self.surrogate(self._draw()))

    def cross_entropy_step(self) -> None:
        """Move the model down the cross-entropy of a batch: what people do today."""
        batch = self._draw()
        loss = cross_entropy(batch.score, batch.target.float())
        self._step(self.model, self._alpha, loss)

    def _step(self, module: nn.Module, optimizer: Optimizer, value: Tensor) -> None:
        optimizer.zero_grad()
        value.backward()
        nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        optimizer.step()
