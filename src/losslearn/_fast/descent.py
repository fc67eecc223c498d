"""Adam with clipped gradients, over the parameters of a module in one buffer."""

import math
from collections.abc import Hashable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from losslearn._fast.flat import FlatParameters
from losslearn._fast.kernels import can_compile

if TYPE_CHECKING:
    from losslearn._fast.kernels.arithmetic import Adam
    from losslearn.models.descent import Descent


def faster(part: "Descent") -> "Descent | FlatDescent":
    """Return the same over one buffer; the part where its parameters fit in none."""
    fits = bool(part.parameters) and FlatParameters.can_hold(part.parameters)
    return FlatDescent(part) if fits else part


_NO_PENALTY = np.empty(0, np.float32)


class FlatDescent:
    """Clips the gradient to a norm, then takes Adam's step.

    The same arithmetic as `Descent`, in a few calls however many parameters there are;
    on a CPU in one compiled call.

    Attributes:
        lr: The learning rate.
        flat: The module's parameters in one buffer.
        moments: Adam's number of steps and its two moments of these parameters.
        arrays: Parameters, gradient and `moments`, as arrays over the same memory; None
            where no call is compiled.
    """

    def __init__(self, part: "Descent") -> None:
        """Take over a descent that has taken no step."""
        self.lr, self._max_grad_norm = part.lr, part.max_grad_norm
        self.flat = FlatParameters(part.parameters)
        values = self.flat.values.detach()
        self._is_weight = self.flat.marked(part.weights).to(values.dtype)
        self.penalty = part.penalty
        # single, as PyTorch's own, whatever the default type is
        n_steps = torch.zeros((), dtype=torch.float32, device=values.device)
        self.moments = (n_steps, torch.zeros_like(values), torch.zeros_like(values))
        self.arrays: tuple[NDArray[np.float32], ...] | None = None
        if can_compile(values):
            tensors = (values, self.flat.grad, *self.moments)
            self.arrays = tuple(tensor.numpy() for tensor in tensors)
        self._unclipped = None
        if part.unclipped:
            self._unclipped = torch.optim.Adam(part.unclipped, lr=part.lr)

    @cached_property
    def _adam(self) -> torch.optim.Adam:
        """PyTorch's, over the same moments, where no call is compiled."""
        adam = torch.optim.Adam([self.flat.values], lr=self.lr, fused=True)
        names = ("step", "exp_avg", "exp_avg_sq")
        adam.state[self.flat.values] = dict(zip(names, self.moments, strict=True))
        return adam

    @property
    def penalty(self) -> float:
        """Weight of half the sum of squared weights in what is minimised."""
        return self._penalty

    @penalty.setter
    def penalty(self, value: float) -> None:
        self._penalty, self._shrinkage = value, value * self._is_weight

    def works_on(self) -> Hashable:
        """Return what the graph of a step is bound to (see `GraphedFunction`)."""
        tensors = (self.flat.values, self.flat.grad, *self.moments)
        return (self.lr, self.penalty, *(tensor.data_ptr() for tensor in tensors))

    def zero_grad(self) -> None:
        """Forget the gradients."""
        self.flat.zero_grad()
        if self._unclipped is not None:
            self._unclipped.zero_grad()

    def step(self) -> None:
        """Take one step down the gradients."""
        self.flat.gather()
        if self.arrays is not None:
            from losslearn._fast.kernels.arithmetic import adam_step

            adam, done = self.counted(1)
            adam_step(adam, done + 1)
        else:
            if self._max_grad_norm is not None:
                nn.utils.clip_grad_norm_(self.flat.values, self._max_grad_norm)
            if self.penalty > 0:
                self.flat.grad += self._shrinkage * self.flat.values.detach()
            (group,) = self._adam.param_groups
            group["lr"] = self.lr
            if self.flat.values.is_cuda:
                # asked for while a graph is recorded, and warned of otherwise
                group["capturable"] = torch.cuda.is_current_stream_capturing()
            self._adam.step()
        if self._unclipped is not None:
            for group in self._unclipped.param_groups:
                group["lr"] = self.lr
            self._unclipped.step()

    def counted(self, n: int) -> "tuple[Adam, int]":
        """Count steps of a compiled call; return what it works on, and those before."""
        assert self.arrays is not None, "asked for where calls are compiled"
        values, grad, n_steps, exp_avg, exp_avg_sq = self.arrays
        done = int(n_steps)
        n_steps += n
        limit = math.inf if self._max_grad_norm is None else self._max_grad_norm
        shrinkage = self._shrinkage.numpy() if self.penalty > 0 else _NO_PENALTY
        return (values, grad, exp_avg, exp_avg_sq, shrinkage, self.lr, limit), done

    def state_dict(self) -> dict[str, Any]:
        """Return learning rate and moments, and the state of the further parameters."""
        state = {"lr": self.lr, "moments": self.moments}
        if self._unclipped is not None:
            state["unclipped"] = self._unclipped.state_dict()
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to a state of `state_dict`, in place."""
        for kept, new in zip(self.moments, state["moments"], strict=True):
            kept.copy_(new)
        if self._unclipped is not None:
            self._unclipped.load_state_dict(state["unclipped"])
        self.lr = float(state["lr"])
