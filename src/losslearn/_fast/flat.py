"""Parameters of a module in one buffer, and their gradients in another."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn


class FlatParameters:
    """Lays the parameters of a module behind one another in memory.

    Clipping, the optimiser's step and zeroing then take one call each, whatever the
    number of parameters. The module goes on using its own parameters, which become
    views. A buffer that holds exactly these parameters already is used as it is, so two
    of these over one module share it.

    Attributes:
        values: All parameters, one axis.
        grad: All gradients, which are those of `values`.
    """

    def __init__(self, parameters: Iterable[nn.Parameter]) -> None:
        """Move parameters that `can_hold` takes into one buffer, if not in one yet."""
        parameters = list(parameters)
        buffer = _buffer_of(parameters)
        if buffer is None:
            buffer = torch.cat([p.detach().reshape(-1) for p in parameters])

        def split(buffer: Tensor) -> list[Tensor]:
            parts = buffer.split([p.numel() for p in parameters])
            return [part.view_as(p) for part, p in zip(parts, parameters, strict=True)]

        self.values = nn.Parameter(buffer)
        self.values.grad = self.grad = torch.zeros_like(buffer)
        self._parts = [*zip(parameters, split(buffer), split(self.grad), strict=True)]
        for parameter, view, _ in self._parts:
            parameter.data = view

    @staticmethod
    def can_hold(parameters: Iterable[nn.Parameter]) -> bool:
        """Return whether the parameters are of one device and floating type."""
        kinds = {(p.device, p.dtype, p.layout) for p in parameters}
        return len(kinds) == 1 and next(iter(kinds))[2] == torch.strided

    def marked(self, some: Iterable[nn.Parameter]) -> Tensor:
        """Return a mask over `values` that is true for some of the parameters."""
        marked = {id(parameter) for parameter in some}
        return torch.cat(
            [
                torch.full_like(view, id(p) in marked, dtype=torch.bool).reshape(-1)
                for p, view, _ in self._parts
            ]
        )

    def zero_grad(self) -> None:
        """Set all gradients to zero, also for parameters that have let go of theirs."""
        self.grad.zero_()
        for parameter, _, gradient in self._parts:
            if parameter.grad is not gradient:
                parameter.grad = gradient

    def gather(self) -> None:
        """Take over parameters and gradients that the module replaced by others."""
        for parameter, view, gradient in self._parts:
            if parameter.grad is not gradient:
                if parameter.grad is None:
                    gradient.zero_()
                else:
                    gradient.copy_(parameter.grad)
                parameter.grad = gradient
            if parameter.data_ptr() != view.data_ptr():
                view.copy_(parameter.detach())
                parameter.data = view


def _buffer_of(parameters: list[nn.Parameter]) -> Tensor | None:
    """Return the buffer that holds just these parameters in order, if there is one."""
    first = parameters[0].detach()
    at = first.data_ptr()
    for parameter in parameters:
        if parameter.data_ptr() != at or not parameter.is_contiguous():
            return None
        at += parameter.numel() * parameter.element_size()
    storage = first.untyped_storage()
    if at > storage.data_ptr() + storage.nbytes():
        return None  # neighbours in memory by chance
    size = sum(p.numel() for p in parameters)
    return first.as_strided((size,), (1,), first.storage_offset())
