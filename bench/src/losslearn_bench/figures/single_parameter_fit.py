"""Figure 2: Algorithm 1 on a model of one parameter, where all of it can be seen."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Integer
from torch import Tensor, nn

from losslearn.metrics import TrueLoss, get_true_loss
from losslearn.models.networks import row_scorer
from losslearn.surrogate.network import SetSurrogate
from losslearn.surrogate.objective import LearnedObjective
from losslearn.training.algorithm import SurrogateLearner, model_step
from losslearn.training.recipe import BilevelConfig
from losslearn.training.sampling import SetSampler

SETTINGS = BilevelConfig(
    mode="scratch",
    max_iter=300,
    model_steps=1,
    surrogate_steps=10,
    model_lr=1e-2,
    surrogate_lr=1e-2,
    schedule="constant",
    batch_size=100,
    n_sets=4,
    replay=1,
    standardize=False,
    perturbation=0.3,
    warm_up=0.0,
    cross_entropy_weight=0.0,
    rounds=1,
    catch_up=0,
)
"""The two levels alone, on raw scores because the loss is cut at 0."""


class OneFeature(NamedTuple):
    """Rows of one feature."""

    x: Float[Tensor, "rows 1"]
    y_true: Integer[Tensor, " rows"]


class OneParameter(nn.Module):
    r"""The model of Figure 2.

    .. math:: \hat y(x; \alpha) = \alpha x - 1

    Attributes:
        alpha: Its parameter.

    Example:
        >>> OneParameter(0.5)(torch.tensor([[4.0]])).item()
        1.0
    """

    def __init__(self, alpha: float) -> None:
        """Start at a value of alpha."""
        super().__init__()
        self.alpha = nn.Parameter(torch.tensor(alpha))

    def forward(self, x: Float[Tensor, "n 1"]) -> Float[Tensor, " n"]:
        """Return one score a row."""
        return self.alpha * x.squeeze(-1) - 1


@dataclass(frozen=True, kw_only=True)
class Moment:
    """How things stand after some iterations."""

    iteration: int
    alpha: float
    surrogate_loss: Float[Tensor, " alphas"]
    """Surrogate loss of all rows at each alpha of the range."""


@dataclass(frozen=True, kw_only=True)
class SingleParameterRun:
    """What Figure 2 shows."""

    data: OneFeature
    alphas: Float[Tensor, " alphas"]
    """The range of alpha that is looked at."""
    true_loss: Float[Tensor, " alphas"]
    """True loss of all rows at each of them."""
    moments: list[Moment]

    @property
    def best_alpha(self) -> float:
        """The alpha of the range with the lowest true loss."""
        return float(self.alphas[self.true_loss.argmin()])


def make_data(*, n: int = 400, generator: torch.Generator) -> OneFeature:
    """Return two overlapping classes of one feature, half of the rows each.

    Args:
        n: Rows.
        generator: Draws the feature.

    Example:
        >>> data = make_data(n=4, generator=torch.Generator().manual_seed(0))
        >>> data.y_true, list(data.x.shape)
        (tensor([0, 1, 0, 1]), [4, 1])
    """
    y_true = torch.arange(n) % 2
    noise = torch.randn(n, generator=generator)
    x = torch.where(y_true == 1, 2.2 + 0.8 * noise, 0.7 + 0.5 * noise)
    return OneFeature(x[:, None], y_true)


def default_moments(config: BilevelConfig, *, n: int = 40) -> list[int]:
    """Return at most `n` iterations to look at from first to last, denser early.

    Args:
        config: Settings of the run.
        n: How many, at least 2.

    Example:
        >>> default_moments(BilevelConfig(max_iter=100), n=5)
        [0, 6, 25, 56, 100]
    """
    return sorted({round(config.max_iter * (i / (n - 1)) ** 2) for i in range(n)})


def train_single_parameter(
    data: OneFeature,
    *,
    seed: int,
    alpha: float = 0.3,
    alphas: Float[Tensor, " alphas"] | None = None,
    config: BilevelConfig = SETTINGS,
    moments: Sequence[int] | None = None,
) -> SingleParameterRun:
    """Train alpha for the error rate at threshold 0 (Algorithm 1).

    Args:
        data: The rows.
        seed: Of all randomness.
        alpha: Where it starts.
        alphas: The range of alpha to look at; None takes 0 to 2.
        config: Settings; the warm-up, cross-entropy and the surrogate's catch-up are
            left out whatever it says.
        moments: Iterations after which to look, 0 before the first; None takes those
            of `default_moments`.

    Returns:
        The run, with one record for each moment.

    Raises:
        ValueError: If the rows hold one class only.

    Example:
        >>> data = make_data(generator=torch.Generator().manual_seed(0))
        >>> run = train_single_parameter(data, seed=0, moments=[0, 1])
        >>> [moment.iteration for moment in run.moments], run.moments[0].alpha
        ([0, 1], 0.3...)
    """
    alphas = torch.linspace(0, 2, 401) if alphas is None else alphas
    looks = set(default_moments(config) if moments is None else moments)
    true_loss = get_true_loss("error_rate").with_threshold(0.0)
    generator = torch.Generator().manual_seed(seed)
    surrogate = _new_surrogate(seed)
    model = OneParameter(alpha)
    turns = _turns(model, surrogate, true_loss, data, config, generator)
    y_score = alphas[:, None] * data.x.T - 1  # (alphas, rows)
    y_true = data.y_true.expand_as(y_score)
    found = []
    for iteration in turns:
        if iteration in looks:
            with torch.no_grad():
                learned = surrogate(y_true, y_score)
            now = float(model.alpha.detach())
            found.append(Moment(iteration=iteration, alpha=now, surrogate_loss=learned))
        if iteration >= max(looks, default=0):
            break
    return SingleParameterRun(
        data=data, alphas=alphas, true_loss=true_loss(y_true, y_score), moments=found
    )


def _turns(
    model: OneParameter,
    surrogate: SetSurrogate,
    true_loss: TrueLoss,
    data: OneFeature,
    config: BilevelConfig,
    generator: torch.Generator,
) -> Iterator[int]:
    """Do one turn of both levels at a time (Algorithm 1, lines 3 to 13).

    Yields:
        The turns done, 0 before the first.
    """
    sampler = SetSampler(
        data.y_true,
        batch_size=config.batch_size,
        min_per_class=config.min_per_class,
        generator=generator,
    )
    learner = SurrogateLearner(surrogate, true_loss, config, generator=generator)
    objective = LearnedObjective(surrogate)
    optimizer = torch.optim.Adam(model.parameters(), lr=config.model_lr)
    yield 0
    for iteration in range(1, config.max_iter + 1):
        learner.learn(row_scorer(model, data.x), sampler, steps=config.surrogate_steps)
        for rows in sampler.draw(config.model_steps):
            model_step(
                model,
                objective,
                optimizer,
                data.x[rows],
                sampler.y_set,
                sample_weight=sampler.weight,
            )
        yield iteration


def _new_surrogate(seed: int) -> SetSurrogate:
    """Return a random surrogate of raw scores."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return SetSurrogate(standardize=False)
