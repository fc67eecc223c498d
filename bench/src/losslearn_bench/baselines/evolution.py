"""Evolution strategies: a gradient of the true loss itself, by trial moves."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from losslearn.metrics import Sets, TrueLoss
from losslearn_bench.baselines.hand_made import Rows, Targets, Values, Weights
from losslearn_bench.checks import check_at_least, check_positive


class EvolutionStrategies(nn.Module):
    r"""True loss with an estimated gradient, the control that learns no surrogate.

    The value is the true loss of the set. Its gradient is the antithetic estimate of
    the gradient of :math:`E_e[\ell(y, \hat y + s e)]`, the true loss smoothed by
    Gaussian noise on the scores (Salimans et al., "Evolution Strategies as a Scalable
    Alternative to Reinforcement Learning", 2017):

    .. math::
        \frac{1}{2 K s} \sum_{k=1}^{K}
        \big(\ell(y, \hat y + s e_k) - \ell(y, \hat y - s e_k)\big) \, e_k,
        \qquad e_k \sim N(0, I)

    with s as `sigma` deviations of the set's scores, `sigma` itself where these are
    all equal. Every backward pass needs one call of the true loss with 2 K + 1 times as
    many sets; without a gradient to give, one with the sets as they are. Row weights
    reach the true loss only if it takes them.
    """

    def __init__(
        self,
        true_loss: TrueLoss,
        *,
        sigma: float = 0.1,
        n_pairs: int = 8,
        generator: torch.Generator,
    ) -> None:
        """Set how far to move, K, and the source of the moves on the scores' device."""
        super().__init__()
        check_positive("sigma", sigma, "It is in deviations of a set's scores.")
        advice = "The more pairs, the less noise in the gradient."
        check_at_least(1, "n_pairs", n_pairs, advice)
        self.true_loss, self.generator = true_loss, generator
        self.sigma, self.n_pairs = sigma, n_pairs

    def forward(
        self, y_true: Targets, y_score: Rows, *, sample_weight: Weights | None = None
    ) -> Values:
        """Return the true loss of each set; 0, with no gradient, where it is NaN.

        The built-in losses are NaN for a set of one class.
        """
        weight = sample_weight if self.true_loss.takes_weight else None
        scores = y_score.detach()
        if not (torch.is_grad_enabled() and y_score.requires_grad):
            return _known(self._losses(y_true, scores, weight))
        size = self.sigma * _spread(scores)
        noise = torch.randn(
            (self.n_pairs, *scores.shape),
            generator=self.generator,
            device=scores.device,
            dtype=scores.dtype,
        )
        moves = torch.cat([torch.zeros_like(noise[:1]), noise, -noise])
        losses = self._losses(y_true, scores + size * moves, weight)
        value, there, back = losses.split([1, self.n_pairs, self.n_pairs])
        slopes = _known(there - back).unsqueeze(-1) * noise
        gradient = slopes.mean(0) / (2 * size)
        # adds 0 to the value, and the estimate to its gradient
        return _known(value[0]) + (gradient * (y_score - scores)).sum(-1)

    def _losses(self, y_true: Targets, y_score: Rows, weight: Weights | None) -> Values:
        """Return the true losses in the type of the scores."""
        sets = Sets(y_true.expand_as(y_score), y_score, weight)
        return self.true_loss(sets).to(y_score.dtype)


def _known(values: Float[Tensor, "*values"]) -> Float[Tensor, "*values"]:
    """Return the values with 0 for NaN."""
    return torch.where(values.isnan(), 0, values)


def _spread(y_score: Rows) -> Float[Tensor, "*sets 1"]:
    """Return the deviation of each set's scores, 1 where they are all equal."""
    deviation = y_score.std(-1, correction=0, keepdim=True)
    # the deviation of equal scores is rounding, relative to their size
    floor = 1e-6 * y_score.abs().amax(-1, keepdim=True)
    return torch.where(deviation > floor, deviation, 1)
