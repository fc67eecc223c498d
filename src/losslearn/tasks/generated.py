"""What a universal surrogate is fitted on: generated sets of targets and scores."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from losslearn.metrics import Sets
from losslearn.tasks.task import SetDistribution, TargetRows

Uniform = Callable[[float, float], Tensor]
"""Draws one value a set between two bounds, shape `[sets, 1]`."""


@dataclass(frozen=True, kw_only=True)
class GaussianScores:
    r"""The paper's form: scores independent of the targets (Eq. 3).

    .. math:: y \sim \mathcal B(p), \qquad \hat y \sim \mathcal N(\mu, \sigma^2)
    """

    pos_rate: float = 0.5
    """p, chance of a positive."""
    score_mean: float = 0.0
    """mu."""
    score_std: float = 1.0
    """sigma."""

    def draw(self, n_sets: int, n: int, *, generator: torch.Generator) -> Sets:
        """Return sets with at least one row of each class."""
        y_true = _bernoulli(torch.full((n_sets, 1), self.pos_rate), n, generator)
        noise = torch.randn(n_sets, n, generator=generator)
        y_score = self.score_mean + self.score_std * noise
        return Sets(y_true, y_score, torch.ones(n_sets, n))


@dataclass(frozen=True, kw_only=True)
class WideScores:
    """Scores as models give them: separated, skewed, clustered, tied, any prevalence.

    The Gaussian form shows a surrogate almost no good ranking (its true AUC is always
    near 0.5). Here each set draws a prevalence, a separation of the classes, a ratio
    of their deviations, a hard minority among the positives, a monotone bend, tails,
    rounding, and class weights such as prevalence weighting gives.
    """

    max_separation: float = 5.0
    """Largest distance of the class means, in deviations of the negatives."""
    min_pos_rate: float = 0.005
    """Smallest prevalence; the largest is one minus it."""
    pos_rate: float | None = None
    """Prevalence that those of the sets lie around; None draws any."""
    scale_range: tuple[float, float] = (1.0, 1.0)
    """Scale of the scores, drawn log-uniformly; for losses that depend on it."""
    shift_range: tuple[float, float] = (0.0, 0.0)
    """Shift of the scores in units of their scale, drawn uniformly."""
    cut: bool = False
    """Whether 0 lies somewhere among the scores of each set, whose deviation is 1, so
    that either class counts as much for where: for losses of decisions that turn at 0.
    """

    def draw(self, n_sets: int, n: int, *, generator: torch.Generator) -> Sets:
        """Return sets with at least one row of each class."""

        def uniform(low: float, high: float) -> Tensor:
            return low + (high - low) * torch.rand(n_sets, 1, generator=generator)

        middle, bound = 0.0, math.log(1 / self.min_pos_rate - 1)
        if self.pos_rate is not None:  # in odds, to a factor of e
            middle, bound = math.log(self.pos_rate / (1 - self.pos_rate)), 1.0
        log_odds = uniform(middle - bound, middle + bound)
        y_true = _bernoulli(torch.sigmoid(log_odds), n, generator)
        y_score = self._classes(y_true, uniform, generator)
        y_score = _bend(y_score, uniform)
        y_score = _round_some(y_score, uniform)
        if self.cut:
            y_score = _cut_somewhere(y_true, y_score, uniform)
        low, high = (math.log(value) for value in self.scale_range)
        y_score = (y_score + uniform(*self.shift_range)) * uniform(low, high).exp()
        return Sets(y_true, y_score, _class_weights(y_true, uniform))

    def _classes(
        self, y_true: Tensor, uniform: Uniform, generator: torch.Generator
    ) -> Tensor:
        """Draw both classes: a hard and an easy part, light or heavy tails."""
        n_sets, n = y_true.shape
        noise = torch.randn(n_sets, n, generator=generator)
        # dividing by a shared chi makes Student-like tails in half of the sets
        chi = torch.randn(n_sets, n, generator=generator).abs().clamp_min(0.3)
        noise = torch.where(uniform(0.0, 1.0) < 0.5, noise, noise / chi.sqrt())
        separation = uniform(-0.1, 1.0) * self.max_separation
        hard = torch.rand(n_sets, n, generator=generator) < uniform(0.0, 0.6)
        centre = torch.where(hard, uniform(-0.2, 1.0) * separation, separation)
        spread = torch.exp(uniform(-1.0, 0.7))
        return torch.where(y_true == 1, centre + spread * noise, noise)


@dataclass(frozen=True, kw_only=True)
class WithColumns:
    """Generated scores beside the columns of training rows.

    Each place of a set gets the columns of a training row of its class. In half of the
    sets the scores also lean on the columns, as those of a model come to do that is
    trained for a metric of them.
    """

    scores: SetDistribution
    """Draws targets and scores."""
    rows: TargetRows
    """Where the columns are drawn from."""

    def draw(self, n_sets: int, n: int, *, generator: torch.Generator) -> Sets:
        """Return sets with at least one row of each class."""
        sets = self.scores.draw(n_sets, n, generator=generator)
        columns = self.rows.columns_beside(sets.target, generator=generator)
        y_score = sets.score
        spread = y_score.std(-1, keepdim=True)
        leans = (torch.rand(n_sets, 1, generator=generator) < 0.5).to(y_score.dtype)
        for name, (mean, std) in column_units(self.rows).items():
            lean = leans * torch.randn(n_sets, 1, generator=generator)
            unit = ((columns[name] - mean) / (std or 1.0)).to(y_score.dtype)
            y_score = y_score + lean * spread * unit
        return Sets(sets.target, y_score, sets.weight, columns)


def column_units(rows: TargetRows) -> dict[str, tuple[float, float]]:
    """Return mean and deviation of each column of some rows."""
    return {
        name: (float(column.mean()), float(column.std(correction=0)))
        for name, column in rows.columns.items()
    }


def _bernoulli(
    pos_rate: Float[Tensor, "sets 1"], n: int, generator: torch.Generator
) -> Integer[Tensor, "sets n"]:
    y_true = (torch.rand(len(pos_rate), n, generator=generator) < pos_rate).long()
    y_true[:, 0], y_true[:, 1] = 1, 0  # a set of one class has no loss
    return y_true


def _bend(y_score: Tensor, uniform: Uniform) -> Tensor:
    """Bend the standardised scores: not at all, skew, squash or stretch them."""
    z = (y_score - y_score.mean(-1, keepdim=True)) / y_score.std(-1, keepdim=True)
    strength = uniform(0.2, 1.5)
    kind = uniform(0.0, 4.0)
    skewed = torch.sign(uniform(-1.0, 1.0)) * strength
    bends = (
        z,
        torch.expm1((skewed * z).clamp(-6, 4)) / skewed,
        torch.tanh(strength * z),
        z + strength * z.pow(3) / 6,
    )
    return torch.stack(bends).gather(
        0, kind.long().clamp_max(3).expand_as(z).unsqueeze(0)
    )[0]


def _cut_somewhere(y_true: Tensor, y_score: Tensor, uniform: Uniform) -> Tensor:
    """Move the scores so that one of them is 0: a random share of the classes above."""
    score, order = y_score.sort(-1, descending=True)
    positive = y_true.gather(-1, order).double()
    above = positive / positive.sum(-1, keepdim=True)
    above = (above + (1 - positive) / (1 - positive).sum(-1, keepdim=True)).cumsum(-1)
    place = torch.searchsorted(above, uniform(0.0, 2.0).double())
    cut = score.gather(-1, place.clamp_max(score.shape[-1] - 1))
    return (y_score - cut) / y_score.std(-1, keepdim=True).clamp_min(1e-6)


def _round_some(y_score: Tensor, uniform: Uniform) -> Tensor:
    """Round the scores of one set in ten to a grid, so that ties occur."""
    grid = y_score.std(-1, keepdim=True) * uniform(0.05, 0.5)
    return torch.where(
        uniform(0.0, 1.0) < 0.1, (y_score / grid).round() * grid, y_score
    )


def _class_weights(y_true: Tensor, uniform: Uniform) -> Tensor:
    """Weigh the classes to another prevalence in half of the sets."""
    prevalence = y_true.to(torch.float32).mean(-1, keepdim=True)
    target = torch.sigmoid(torch.logit(prevalence) + uniform(-3.0, 3.0))
    weight = torch.where(
        y_true == 1, target / prevalence, (1 - target) / (1 - prevalence)
    )
    return torch.where(uniform(0.0, 1.0) < 0.5, torch.ones_like(weight), weight)
