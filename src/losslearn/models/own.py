"""What a module of the user's own, and a device, must be, found out before a fit."""

import copy
from itertools import chain

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedParameter

from losslearn._wording import said
from losslearn.models.networks import Shape, Table, score_sets


def as_device(device: object) -> torch.device:
    """Return a device that can be computed on.

    Raises:
        ValueError: If PyTorch has none of this name, or not on this machine.
    """
    try:
        there = torch.zeros(1, device=device)  # type: ignore[call-overload] # of whatever kind
        there.sum().item()
    except (AssertionError, RuntimeError, TypeError) as error:
        raise ValueError(
            f"`device` must be one that PyTorch has here, such as 'cpu', got "
            f"{device!r}: {said(error)[:150]}."
        ) from error
    found: torch.device = there.device
    return found


def device_of(model: nn.Module) -> torch.device:
    """Return where a module is."""
    for part in chain(model.parameters(), model.buffers()):
        return part.device
    return torch.device("cpu")


def own_model(model: nn.Module, x: Table, *, score_shape: Shape = ()) -> nn.Module:
    """Return a copy of a user's module, on the device and in the precision of a table.

    Raises:
        ValueError: If there is nothing in it to train, or it cannot score rows.
    """
    if any(isinstance(one, UninitializedParameter) for one in model.parameters()):
        raise ValueError(
            "`model` has lazy parameters without a shape yet. Call it once on a batch "
            "of rows, then pass it."
        )
    own = copy.deepcopy(model).to(device=x.device, dtype=x.dtype)
    if not any(one.requires_grad for one in own.parameters()):
        raise ValueError("`model` has no parameters to train (`requires_grad`).")
    _check_scores(own, x[:2], score_shape)
    return own


def _check_scores(model: nn.Module, x: Table, score_shape: Shape) -> None:
    """Check the scores of a few rows, by a copy, so that nothing of it shows."""
    tried, cuda = copy.deepcopy(model).eval(), [x.device] if x.is_cuda else []
    try:
        with torch.random.fork_rng(devices=cuda), torch.enable_grad():
            given = tried(x)
    except Exception as error:
        raise ValueError(
            f"`model` raised {type(error).__name__} on rows {list(x.shape)}: "
            f"{said(error)}"
        ) from error
    if not isinstance(given, Tensor):
        raise ValueError(
            f"`model` must return a tensor of scores, got {type(given).__name__}."
        )
    score = score_sets(lambda _rows: given, x, score_shape=score_shape)
    if not (score.is_floating_point() and score.requires_grad):
        raise ValueError(
            "`model` must return real scores that have a gradient, got "
            f"{score.dtype}{'' if score.requires_grad else ' without one'}."
        )
    if not bool(score.isfinite().all()):
        raise ValueError("`model` must return finite scores, got NaN or infinity.")
