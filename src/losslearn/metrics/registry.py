"""The built-in true losses, by name."""

import difflib
import math
from dataclasses import replace
from functools import lru_cache, partial

import torch

from losslearn.metrics import ranking  # noqa: F401 - it and `confusion` fill BUILTINS
from losslearn.metrics.builtin import BUILTINS, Builtin
from losslearn.metrics.confusion import losses_at_cut_points
from losslearn.metrics.other_names import spelled
from losslearn.metrics.own.trying import is_top_heavy
from losslearn.metrics.true_loss import TrueLoss

_BY_NAME = {name: known for known in BUILTINS for name in (known.name, *known.aliases)}


def get_true_loss(name: str) -> TrueLoss:
    """Return the built-in loss of a name; of labels, in its best-threshold form.

    Args:
        name: A name or an alias of `list_true_losses`, in any case, with `_`, `-` or
            spaces. A parameter follows an `@`: `"fbeta@0.5"`, `"precision_at_k@100"`.

    Raises:
        ValueError: If no loss has this name, or it does not take such a parameter.

    Example:
        >>> get_true_loss("AUC").name, get_true_loss("fbeta@0.5").name
        ('roc_auc_loss', 'fbeta_loss@0.5')
    """
    key, at, value = name.partition("@")
    key = spelled(key)
    if key not in _BY_NAME:
        near = difflib.get_close_matches(key, _BY_NAME, n=4, cutoff=0.5)
        hint = f"Did you mean {', '.join(f'`{n}`' for n in near)}? " if near else ""
        every = ", ".join(known.name for known in BUILTINS)
        raise ValueError(
            f"Unknown metric `{name}`. {hint}The built-in losses are: {every}."
        )
    known = _BY_NAME[key]
    return _build(known, _parameter(known, value) if at else known.default)


def list_true_losses() -> dict[str, tuple[TrueLoss, tuple[str, ...]]]:
    """Return every built-in loss, at its default parameter, and its aliases, by name.

    Example:
        >>> loss, aliases = list_true_losses()["equal_error_rate"]
        >>> loss.needs_threshold, aliases
        (False, ('eer',))
    """
    return {b.name: (_build(b, b.default), b.aliases) for b in BUILTINS}


@lru_cache(typed=True)  # one object for one loss, so that equal losses compare equal
def _build(known: Builtin, value: float | int | None) -> TrueLoss:
    """Return the loss with its parameter set."""
    name, description, function = known.name, known.description, known.function
    given: dict[str, float | int] = {}
    if value is not None:
        description = f"{description}; {known.parameter} = {value:g}"
        if value != known.default:
            # read again as the same number: 1.0 and 1 are two values of k only
            shown = repr(value)
            shown = shown if known.parameter == "k" else shown.removesuffix(".0")
            name, given = f"{name}@{shown}", {known.parameter: value}
            function = partial(function, **given)
    loss = TrueLoss(
        name=name, description=description, function=function, is_builtin=True
    )
    if not known.has_threshold:
        return replace(loss, is_top_heavy=is_top_heavy(loss))
    at_cut_points = partial(losses_at_cut_points, known.name, given)
    return replace(loss, at_threshold=function, at_cut_points=at_cut_points)


def _parameter(known: Builtin, text: str) -> float | int:
    """Return the number after the `@`, an int where it is written as one."""
    if not known.parameter:
        raise ValueError(
            f"`{known.name}` takes no parameter, got `{known.name}@{text}`."
        )
    try:
        value = int(text) if known.parameter == "k" and text.isdigit() else float(text)
    except ValueError:
        value = math.nan
    try:  # what it may be is known to the function
        rows = torch.tensor([0, 1])
        known.function(rows, rows.float(), **{known.parameter: value})
    except ValueError as error:
        raise ValueError(
            f"{error} Write it after the `@`, for example "
            f"`{known.name}@{known.default}`, not `{known.name}@{text}`."
        ) from None
    return value
