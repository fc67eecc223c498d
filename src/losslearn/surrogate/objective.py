"""What the model minimises: the learned loss, the usual one beside it (Eq. 4)."""

from jaxtyping import Float
from torch import Tensor

from losslearn.metrics import Sets
from losslearn.surrogate.fitter import SurrogateFitter, Weights


class LearnedObjective:
    """The learned loss as it is at present, blended with the usual one.

    A `Loss` like any other; its gradient for the scores is at hand without a graph.
    The surrogate may go on learning, and `weights` may change from step to step.
    """

    def __init__(self, fitter: SurrogateFitter, *, usual_weight: float = 0.0) -> None:
        """Start with full weight for the learned loss."""
        self.fitter = fitter
        self.weights = Weights(1.0, usual_weight)

    def __call__(self, sets: Sets) -> Float[Tensor, "*sets"]:
        """Return one value per set, differentiable in the scores."""
        return self.fitter.blend(sets, self.weights)

    def value_and_slope(self, sets: Sets) -> tuple[Float[Tensor, "*sets"], Tensor]:
        """Return one value per set and its gradient for the scores."""
        return self.fitter.value_and_slope(sets, self.weights)
