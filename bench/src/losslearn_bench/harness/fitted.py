"""What a method of the benchmark hands back: scores, and how it came by them."""

from collections.abc import Callable
from typing import Any, NamedTuple

from torch import Tensor

Setting = dict[str, float | int | str]
"""Hyper-parameters by name."""


class Fitted(NamedTuple):
    """One trained model, chosen for one true loss.

    Example:
        >>> import torch
        >>> fitted = Fitted("f1_loss", lambda x: x[:, 0], {"lr": 0.1}, [], 100)
        >>> fitted.score(torch.tensor([[2.0, 3.0]]))
        tensor([2.])
    """

    metric: str
    """Full name of the true loss that this result was chosen for."""
    score: Callable[[Tensor], Tensor]
    """Maps rows `[rows, features]`, float32, to raw scores `[rows]`."""
    setting: Setting
    """The hyper-parameters chosen on the validation rows."""
    tried: list[dict[str, Any]]
    """Every setting tried: `{"setting": {...}, "validation": loss}`."""
    iterations: int
    """Model steps or boosting rounds taken for the final model."""
    threshold: float | None = None
    """The method's own, which is then measured; None leaves it to the benchmark, which
    tunes one on the validation rows."""
