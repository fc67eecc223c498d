"""Fast forms of the two levels, chosen by themselves where they apply.

They do what `losslearn.training.algorithm` does with PyTorch, to rounding, for the built-in
surrogate and the built-in models on a CPU in single precision. Everything else takes
the general path, and so does everything where numba (extra `fast`) is not installed.
"""

from losslearn._fast.fused.model import FusedModel
from losslearn._fast.fused.surrogate import FusedSurrogate, Weights, is_as_built

__all__ = ["FusedModel", "FusedSurrogate", "Weights", "is_as_built"]
