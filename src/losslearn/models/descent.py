"""Adam with clipped gradients, as PyTorch has them."""

from collections.abc import Iterable
from functools import cached_property
from typing import Any

import torch
from torch import nn


class Descent:
    """Clips the gradient to a norm, then takes Adam's step (section 4.1).

    A norm of None clips nothing. Parameters that are frozen are left out; further ones,
    `unclipped`, are moved by Adam, but nothing clips or penalises them.

    Attributes:
        penalty: Weight of half the sum of squared weights in what is minimised; its
            gradient is added to the clipped one.
        weights: The parameters that it draws to 0: those of two axes and more, so that
            offsets and norms are free.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        *,
        lr: float,
        max_grad_norm: float | None = None,
        unclipped: Iterable[nn.Parameter] = (),
    ) -> None:
        """Start with no moments."""
        self.parameters = [p for p in parameters if p.requires_grad]
        self.max_grad_norm = max_grad_norm
        self.unclipped = list(unclipped)
        self.weights = [p for p in self.parameters if p.ndim > 1]
        self.penalty, self._lr = 0.0, lr

    @cached_property
    def optimizer(self) -> torch.optim.Optimizer:
        """PyTorch's, made when it is first asked for, which takes half a second."""
        return torch.optim.Adam([*self.parameters, *self.unclipped], lr=self._lr)

    @property
    def lr(self) -> float:
        """The learning rate."""
        return self._lr

    @lr.setter
    def lr(self, value: float) -> None:
        self._lr = value
        if "optimizer" in vars(self):
            for group in self.optimizer.param_groups:
                group["lr"] = value

    def zero_grad(self) -> None:
        """Forget the gradients."""
        self.optimizer.zero_grad()

    def step(self) -> None:
        """Take one step down the gradients."""
        if self.max_grad_norm is not None:
            nn.utils.clip_grad_norm_(self.parameters, self.max_grad_norm)
        if self.penalty > 0:
            for weight in self.weights:
                if weight.grad is not None:
                    weight.grad.add_(weight.detach(), alpha=self.penalty)
        self.optimizer.step()

    def state_dict(self) -> dict[str, Any]:
        """Return Adam's state."""
        return self.optimizer.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to a state of `state_dict`."""
        self.optimizer.load_state_dict(state)
        self._lr = self.optimizer.param_groups[0]["lr"]
