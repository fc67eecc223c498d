"""The lower level: beta, what moves it, and what the upper level asks of it."""

import copy
import math
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from losslearn._fast import fastest
from losslearn.metrics import Sets
from losslearn.models.descent import Descent
from losslearn.surrogate.network import SetSurrogate
from losslearn.tasks.task import Frame, UsualLoss


class Weights(NamedTuple):
    """What the parts of a learned objective count for."""

    learned: float
    usual: float


class SurrogateFitter:
    """Fits a surrogate to true losses, and gives its gradient for the scores.

    The reference, by PyTorch; `losslearn._fast.fastest` knows faster ones.

    Attributes:
        frame: In which the surrogate sees scores. Sets to fit or to value are in it;
            what the model minimises, of scores as they are, brings them into it.
    """

    frame = Frame()

    def __init__(
        self,
        surrogate: SetSurrogate,
        usual_loss: UsualLoss,
        *,
        lr: float,
        max_grad_norm: float | None = None,
    ) -> None:
        """Make Adam for beta; `lr` is eta_beta, and no norm clips no gradient."""
        self.surrogate, self.usual_loss = surrogate, usual_loss
        self.descent = fastest(
            Descent(surrogate.parameters(), lr=lr, max_grad_norm=max_grad_norm)
        )

    def set_frame(self, frame: Frame) -> None:
        """See scores in another frame from now on."""
        self.frame = frame

    def fit(
        self, sets: Sets, loss: Float[Tensor, "steps sets"]
    ) -> Float[Tensor, " steps"]:
        """Take a step for each entry of the first axis (Algorithm 1, lines 9 to 12).

        Scores have no gradient, and a set whose true loss is NaN is left out. Returns
        the surrogate error before each step, in units of the loss.
        """
        steps = range(len(loss))
        return torch.stack([self.step(sets.picked(i), loss[i]) for i in steps])

    def step(self, sets: Sets, loss: Float[Tensor, "*sets"]) -> Float[Tensor, ""]:
        """Move beta one step toward the true losses (Algorithm 1, line 11; Eq. 5)."""
        surrogate_loss = self.surrogate(sets)
        known = ~loss.isnan()
        gap = (surrogate_loss - torch.where(known, loss, surrogate_loss.detach())).abs()
        error = gap.sum() / known.sum().clamp_min(1)
        self.descent.zero_grad()
        (error / self.surrogate.loss_scale).backward()
        self.descent.step()
        return error.detach()

    @torch.no_grad()
    def values(self, sets: Sets) -> Float[Tensor, "*sets"]:
        """Return the learned loss alone, in its own units, without a graph.

        The scores are in the frame.
        """
        return self.surrogate(sets)

    def blend(self, sets: Sets, weights: Weights) -> Float[Tensor, "*sets"]:
        r"""Return what the model minimises, differentiable in the scores.

        .. math::
            a \, \hat\ell(y, \hat y; \beta) / s + \lambda \, \ell_{usual}(y, \hat y)

        with s the spread of the true loss, so that the weights mean the same for a loss
        in [0, 1] and for one in money.
        """
        learned = self.surrogate(self.frame.of(sets))
        value = weights.learned * (learned / self.surrogate.loss_scale)
        if weights.usual == 0:
            return value
        return value + weights.usual * self.usual_loss(sets)

    def value_and_slope(
        self, sets: Sets, weights: Weights
    ) -> tuple[Float[Tensor, "*sets"], Tensor]:
        """Return the blend of each set and its gradient for the scores (Eq. 4)."""
        with torch.enable_grad():
            score = sets.score.detach().requires_grad_()
            value = self.blend(sets._replace(score=score), weights)
            (slope,) = torch.autograd.grad(value.sum(), score)
        return value.detach(), slope

    def state_dict(self) -> dict[str, Any]:
        """Return the surrogate and its optimiser."""
        return {
            "surrogate": self.surrogate.state_dict(),
            "optimizer": self.descent.state_dict(),
            "frame": tuple(self.frame),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to a state of `state_dict`, in place; says what is none."""
        centre, scale, squashed = state.get("frame", Frame())
        frame = Frame(float(centre), float(scale), bool(squashed))
        if not (math.isfinite(frame.centre) and 0 < frame.scale < math.inf):
            raise ValueError(f"The state has the frame {tuple(frame)}, which is none.")
        self.surrogate.load_state_dict(state["surrogate"])
        self.descent.load_state_dict(copy.deepcopy(state["optimizer"]))
        self.set_frame(frame)
