"""A linear model's own minimum of the usual loss with a penalty."""

import math
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from losslearn.models.networks import Linear, gather_rows
from losslearn.models.rows import Drawn, Rows
from losslearn.tasks.task import UsualLoss

Vector = NDArray[np.float64]

_TOLERANCE = 1e-5
"""Largest slope, in any weight, at which the minimum counts as found."""
_MOST_STEPS = 200
_STRENGTHS = (1.0, 10.0, 0.1, 100.0)
"""Penalties, times the number of rows; the first ones where looks are few. Of more,
chance chooses: with six, test losses were lower in 11 of 33 cells and higher in 16."""


class _LateError(Exception):
    """Ends a minimisation after its deadline."""


class Setting(NamedTuple):
    """What a model is solved with."""

    penalty: float = 0.0
    """Of half the sum of squared weights."""
    share: float = 1.0
    """Of the length that is best for the usual loss itself, of what grows."""
    length: int | None = None
    """Such as how many trees; None for that share."""


class Solution(Protocol):
    """What brings a model to the minimum of a usual loss by itself, without steps."""

    needs_gain: bool
    """Whether another setting than the first stands only where it is clearly better."""
    lr: float | None
    """Learning rate of steps that go on from there; None for the recipe's."""
    share: float
    """Of a fit's time, what it may take."""

    def path(self, n_looks: int) -> list[Setting]:
        """Return the settings to try, at most so many, in their order."""

    def solve(self, setting: Setting, *, deadline: float = math.inf) -> Setting:
        """Move the model to the minimum, from where it stands.

        After the deadline, of `time.perf_counter()`, it is left as far as it came.
        Returns the setting with its length.
        """


class LinearSolution:
    r"""Solves a linear model for the usual loss, by all rows at once (L-BFGS).

    With standardised features z, weights w and offset b, both of as many rows as a row
    has scores, the minimum of

    .. math::
        \ell_{usual}(y, z w + b) + \frac \lambda 2 \lVert w \rVert^2

    for a penalty :math:`\lambda`, whose counterpart in scikit-learn is
    :math:`C = 1 / (\lambda n)` for n rows. Solutions that follow each other, from a
    strong penalty to a weak one, start where the last one ended.
    """

    needs_gain = False
    lr: float | None = None
    share = 0.15

    def __init__(
        self, model: Linear, rows: Rows, drawn: Drawn, usual_loss: UsualLoss
    ) -> None:
        """Standardise the rows drawn, of one axis, in double precision."""
        self._layer, self._usual_loss = model.layers, usual_loss
        x = gather_rows(rows.x, drawn.rows)
        dtype = torch.float32 if x.device.type == "mps" else torch.float64
        mean, scale = (
            part.to(dtype)
            for part in (model.standardizer.mean, model.standardizer.scale)
        )
        self._z = x.to(dtype).sub_(mean).div_(scale)
        shape = (len(drawn.rows), *rows.score_shape)
        self._sets = rows.sets(drawn, self._z.new_zeros(shape))

    def path(self, n_looks: int) -> list[Setting]:
        """Return the penalties to try, the strongest first."""
        tried = sorted(_STRENGTHS[:n_looks], reverse=True)
        return [Setting(penalty=one / len(self._z)) for one in tried]

    def solve(self, setting: Setting, *, deadline: float = math.inf) -> Setting:
        """Move the model to the minimum, from where it stands.

        After the deadline, of `time.perf_counter()`, it is left as far as it came.
        """
        from scipy.optimize import minimize  # predicting needs none

        weight, bias = self._layer.weight, self._layer.bias
        start = torch.cat([weight.detach().reshape(-1), bias.detach()])
        found = start.double().cpu().numpy()

        def keep(step: Vector) -> None:
            nonlocal found
            found = step.copy()
            if time.perf_counter() >= deadline:
                raise _LateError

        with suppress(_LateError):
            minimize(
                self._value_and_slope(setting.penalty, weight.shape),
                found,
                jac=True,
                method="L-BFGS-B",
                callback=keep,
                options={"gtol": _TOLERANCE, "ftol": 1e-12, "maxiter": _MOST_STEPS},
            )
        if not np.isfinite(found).all():
            return setting
        of_weight, of_bias = np.split(found, [weight.numel()])
        with torch.no_grad():
            weight.copy_(torch.from_numpy(of_weight).reshape(weight.shape))
            bias.copy_(torch.from_numpy(of_bias))
        return setting

    def _value_and_slope(
        self, penalty: float, shape: torch.Size
    ) -> Callable[[Vector], tuple[float, Vector]]:
        z, sets = self._z, self._sets

        def value_and_slope(given: Vector) -> tuple[float, Vector]:
            flat = torch.from_numpy(given).to(z).requires_grad_()
            weight, bias = flat.split([shape.numel(), shape[0]])
            score = torch.addmm(bias, z, weight.view(shape).T)
            loss = self._usual_loss(sets._replace(score=score.view_as(sets.score)))
            value = loss + 0.5 * penalty * weight.square().sum()
            (slope,) = torch.autograd.grad(value, flat)
            return value.item(), slope.double().cpu().numpy()

        return value_and_slope
