"""Adam with clipped gradients, over the parameters of a module in one buffer."""

import math
from collections.abc import Hashable
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from losslearn._fast.flat import FlatParameters
from losslearn._fast.kernels import can_compile

if TYPE_CHECKING:
    from losslearn.models.descent import Descent


def faster(part: "Descent") -> "Descent | FlatDescent":
    """Return the same over one buffer; the part where its parameters fit in none."""
    fits = bool(part.parameters) and FlatParameters.can_hold(part.parameters)
    return FlatDescent(part) if fits else part


class AdamArrays(NamedTuple):
    """Adam's buffers as arrays over the same memory, which compiled calls work on."""

    values: NDArray[np.float32]
    """The parameters."""
    grad: NDArray[np.float32]
    exp_avg: NDArray[np.float32]
    """First moment."""
    exp_avg_sq: NDArray[np.float32]
    """Second moment."""
    n_steps: NDArray[np.float32]
    """Steps taken, shape `[]`; goes up in place."""


class FlatDescent:
    """Clips the gradient to a norm, then takes Adam's step.

    The same arithmetic as `Descent`, in a few calls however many parameters there are;
    on a CPU in one compiled call.

    Attributes:
        flat: The module's parameters in one buffer.
        moments: Adam's number of steps and its two moments of these parameters.
        arrays: What compiled calls work on, made once; None where there are none.
    """

    def __init__(self, part: "Descent") -> None:
        """Take over a descent that has taken no step."""
        self._max_grad_norm = part.max_grad_norm
        self.flat = FlatParameters(part.parameters)
        self._lr = part.lr
        values = self.flat.values.detach()
        # single, as PyTorch's own, whatever the default type is
        n_steps = torch.zeros((), dtype=torch.float32, device=values.device)
        self.moments = (n_steps, torch.zeros_like(values), torch.zeros_like(values))
        self._unclipped = None
        if part.unclipped:
            self._unclipped = torch.optim.Adam(part.unclipped, lr=part.lr)
        self.arrays = self._arrays()

    @cached_property
    def _adam(self) -> torch.optim.Adam:
        """PyTorch's, over the same moments, where no call is compiled."""
        adam = torch.optim.Adam([self.flat.values], lr=self._lr, fused=True)
        names = ("step", "exp_avg", "exp_avg_sq")
        adam.state[self.flat.values] = dict(zip(names, self.moments, strict=True))
        return adam

    @property
    def lr(self) -> float:
        """The learning rate."""
        return self._lr

    @lr.setter
    def lr(self, value: float) -> None:
        self._lr = value
        for optimizer in (vars(self).get("_adam"), self._unclipped):
            for group in optimizer.param_groups if optimizer else ():
                group["lr"] = value

    @property
    def max_grad_norm(self) -> float:
        """Largest norm of the gradient; infinite where nothing is clipped."""
        return math.inf if self._max_grad_norm is None else self._max_grad_norm

    def works_on(self) -> Hashable:
        """Return what the graph of a step is bound to (see `GraphedFunction`)."""
        tensors = (self.flat.values, self.flat.grad, *self.moments)
        return (self.lr, *(tensor.data_ptr() for tensor in tensors))

    def zero_grad(self) -> None:
        """Forget the gradients."""
        self.flat.zero_grad()
        if self._unclipped is not None:
            self._unclipped.zero_grad()

    def step(self) -> None:
        """Take one step down the gradients."""
        self.flat.gather()
        if self.arrays is not None:
            self._compiled_step(self.arrays)
        else:
            if self._max_grad_norm is not None:
                nn.utils.clip_grad_norm_(self.flat.values, self._max_grad_norm)
            if self.flat.values.is_cuda:
                # asked for while a graph is recorded, and warned of otherwise
                for group in self._adam.param_groups:
                    group["capturable"] = torch.cuda.is_current_stream_capturing()
            self._adam.step()
        self.step_unclipped()

    def step_unclipped(self) -> None:
        """Take one step for the further parameters alone."""
        if self._unclipped is not None:
            self._unclipped.step()

    def _compiled_step(self, arrays: AdamArrays) -> None:
        from losslearn._fast.kernels.arithmetic import adam_step

        n_steps = arrays.n_steps
        n_steps += 1
        adam_step(*arrays[:4], int(n_steps), self.lr, self.max_grad_norm)

    def _arrays(self) -> AdamArrays | None:
        if not can_compile(self.flat.values):
            return None
        count, exp_avg, exp_avg_sq = (moment.numpy() for moment in self.moments)
        values, grad = self.flat.values.detach().numpy(), self.flat.grad.numpy()
        return AdamArrays(values, grad, exp_avg, exp_avg_sq, count)

    def state_dict(self) -> dict[str, Any]:
        """Return learning rate and moments, and the state of the further parameters."""
        state = {"lr": self._lr, "moments": self.moments}
        if self._unclipped is not None:
            state["unclipped"] = self._unclipped.state_dict()
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to a state of `state_dict`, in place."""
        for kept, new in zip(self.moments, state["moments"], strict=True):
            kept.copy_(new)
        if self._unclipped is not None:
            self._unclipped.load_state_dict(state["unclipped"])
        self.lr = state["lr"]
