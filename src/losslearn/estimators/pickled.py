"""What an estimator tells those that keep it: pickle, copies, and skops."""

import copyreg
from typing import Any, SupportsIndex

from sklearn.base import BaseEstimator
from torch import nn


class Pickled(BaseEstimator):
    """An estimator that is pickled and copied as a whole, and refuses skops."""

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        """Return what pickle, joblib and `copy` ask for, as any object does."""
        del protocol  # the same of all
        return copyreg.__newobj__, (type(self),), self.__getstate__()  # type: ignore[attr-defined] # not in its stubs

    def __reduce__(self) -> str | tuple[Any, ...]:
        """Return what skops asks for, which takes objects apart but no PyTorch module.

        Raises:
            TypeError: If there is one: a fitted model, or one of the user's own.
        """
        if any(isinstance(part, nn.Module) for part in vars(self).values()):
            raise TypeError(
                f"This `{type(self).__name__}` holds a PyTorch module, which skops "
                "cannot keep. For files that run no code when they are loaded, fit by "
                "`losslearn.fit_table(...)`, whose `save(folder)` writes what "
                "`losslearn.load_model(folder)` loads; pickle and joblib keep the "
                "estimator itself."
            )
        return self.__reduce_ex__(2)
