"""Parameters of a module in one buffer, and their gradients in another."""

from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor, nn


class FlatParameters:
    """Lays the parameters of a module behind one another in memory.

    Clipping, the optimiser's step and zeroing then take one call each, whatever the
    number of parameters. The module goes on using its own parameters, which become
    views. A buffer that holds exactly these parameters already is used as it is, so two
    of these over one module share it.

    Attributes:
        values: All parameters, one axis; its `grad` holds all gradients.

    Example:
        >>> import torch
        >>> layer = torch.nn.Linear(3, 2)
        >>> flat = FlatParameters(layer.parameters())
        >>> with torch.no_grad():
        ...     flat.values.zero_()
        Parameter containing:
        tensor([0., 0., 0., 0., 0., 0., 0., 0.], requires_grad=True)
        >>> layer.weight.sum().item()
        0.0
    """

    def __init__(self, parameters: Iterable[nn.Parameter]) -> None:
        """Move the parameters into one buffer, where they are not in one yet.

        Args:
            parameters: Of one device and floating type; `can_hold` tells.
        """
        self._parameters = list(parameters)
        buffer = _buffer_of(self._parameters)
        if buffer is None:
            buffer = torch.cat([p.detach().reshape(-1) for p in self._parameters])
        self.values = nn.Parameter(buffer)
        self.values.grad = torch.zeros_like(buffer)
        self._views = self._split(buffer)
        self._gradients = self._split(self.values.grad)
        for parameter, view in zip(self._parameters, self._views, strict=True):
            parameter.data = view

    @staticmethod
    def can_hold(parameters: Iterable[nn.Parameter]) -> bool:
        """Return whether the parameters are of one device and floating type."""
        kinds = {(p.device, p.dtype, p.layout) for p in parameters}
        return len(kinds) == 1 and next(iter(kinds))[2] == torch.strided

    def _split(self, buffer: Float[Tensor, " size"]) -> list[Tensor]:
        sizes = [p.numel() for p in self._parameters]
        return [
            part.view(p.shape)
            for p, part in zip(self._parameters, buffer.split(sizes), strict=True)
        ]

    def zero_grad(self) -> None:
        """Set all gradients to zero; those the module let go of are put back."""
        self.grad.zero_()
        for parameter, gradient in zip(self._parameters, self._gradients, strict=True):
            if parameter.grad is not gradient:
                parameter.grad = gradient

    @property
    def grad(self) -> Float[Tensor, " size"]:
        """All gradients, one axis."""
        gradient = self.values.grad
        assert gradient is not None, "made in __init__"
        return gradient

    def gather(self) -> None:
        """Take over parameters and gradients that the module replaced by others."""
        for parameter, view, gradient in zip(
            self._parameters, self._views, self._gradients, strict=True
        ):
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
