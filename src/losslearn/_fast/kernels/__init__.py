"""Compiled arithmetic: it knows arrays, no modules.

Importing one of these modules imports numba, so it is done when a kernel is first used.
"""

from functools import cache
from importlib.util import find_spec

import torch
from torch import Tensor


@cache
def is_available() -> bool:
    """Return whether kernels can be compiled here: numba is the extra `fast`."""
    return find_spec("numba") is not None


def can_compile(
    *tensors: Tensor, dtypes: tuple[torch.dtype, ...] = (torch.float32,)
) -> bool:
    """Return whether the kernels can work on these tensors."""
    return is_available() and all(
        t.device.type == "cpu" and t.dtype in dtypes for t in tensors
    )
