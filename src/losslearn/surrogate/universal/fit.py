"""Fit a surrogate to a true loss over generated sets (Eq. 3)."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from losslearn.metrics import Sets, TrueLoss
from losslearn.surrogate.network import SetSurrogate
from losslearn.tasks.registry import get_task
from losslearn.tasks.task import SetDistribution, Task

FitProgress = Callable[[int, int, float], None]
"""Called with (step, steps, surrogate error)."""


@dataclass(frozen=True, kw_only=True)
class UniversalConfig:
    """Settings of Eq. 3."""

    set_sizes: tuple[int, ...] = (64, 128, 256, 512, 1024)
    """Rows of a set; each pool of sets has one size."""
    n_sets: int = 16_384
    """Sets drawn and valued once, over all sizes."""
    max_iter: int = 8_000
    """Updates of the surrogate."""
    sets_per_step: int = 32
    """Sets of one update."""
    surrogate_lr: float = 1e-2
    """First learning rate; falls to 0 along a cosine."""


CALLABLE = UniversalConfig(set_sizes=(64, 256), n_sets=2_048, max_iter=1_000)
"""For a user's own metric, which is called once for each set."""

WITH_COLUMNS = UniversalConfig(set_sizes=(64, 256), n_sets=4_096, max_iter=2_500)
"""For a metric of further columns: how a loss depends on scores and columns together
takes more sets to learn, and without it the gradient points nowhere."""

TOP_HEAVY = UniversalConfig(set_sizes=(256, 1024), n_sets=2_048, max_iter=1_000)
"""For a loss that the highest scores decide, of which small sets hold next to none."""


def new_surrogate(
    view: nn.Module, *, units: tuple[float, float], seed: int
) -> SetSurrogate:
    """Return a surrogate of random weights.

    Args:
        view: What g is to see.
        units: Mean and spread of the loss.
        seed: Of the weights; the global generator is left as it was.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return SetSurrogate(view, loss_shift=units[0], loss_scale=units[1])  # type: ignore[arg-type] # modules satisfy the protocol by attributes


def fit_universal(
    true_loss: TrueLoss,
    *,
    task: Task | None = None,
    form: str = "wide",
    config: UniversalConfig | None = None,
    standardize: bool | None = None,
    seed: int = 0,
    progress: FitProgress | None = None,
) -> tuple[SetSurrogate, float]:
    """Return a surrogate of a loss for any data, and its error on fresh sets (Eq. 3).

    Args:
        true_loss: What it is to stand in for.
        task: Generates the sets; None takes the loss's.
        form: Of the generated sets, "wide" or the paper's "gaussian".
        config: Settings.
        standardize: Whether g sees scores standardised within each set; None does so
            for a loss that allows it.
        seed: Of weights and draws.
        progress: Called now and then.

    Returns:
        As `fit_surrogate`.
    """
    task = task or get_task(true_loss.task)
    if standardize is None:
        standardize = true_loss.scale_invariant
    view = task.view(true_loss, standardize=standardize)
    distribution = task.generated(true_loss, form=form)
    return fit_surrogate(
        true_loss, view, distribution, config=config, seed=seed, progress=progress
    )


def fit_surrogate(
    true_loss: TrueLoss,
    view: nn.Module,
    distribution: SetDistribution,
    *,
    config: UniversalConfig | None = None,
    seed: int = 0,
    progress: FitProgress | None = None,
) -> tuple[SetSurrogate, float]:
    r"""Return a surrogate of `true_loss` for any data, and its error on fresh sets.

    .. math::
        \beta^{\text{Universal}} = \arg\min_\beta \mathbb E_{y, \hat y}
        \big|\ell(y, \hat y) - \hat\ell(y, \hat y; \beta)\big|

    Args:
        true_loss: What it is to stand in for.
        view: What g is to see.
        distribution: What to draw sets from.
        config: Settings.
        seed: Of weights and draws.
        progress: Called now and then.

    Returns:
        The surrogate in evaluation mode, and the mean absolute gap (Eq. 3) on sets it
        has not seen, in units of the loss.
    """
    config = config or UniversalConfig()
    generator = torch.Generator().manual_seed(seed)
    per_size = max(config.n_sets // len(config.set_sizes), config.sets_per_step)
    pools = [
        _valued(true_loss, distribution, per_size, n, generator)
        for n in config.set_sizes
    ]
    values = torch.cat([target for _, target in pools])
    units = float(values.mean()), float(values.std().clamp_min(1e-12))
    surrogate = new_surrogate(view, units=units, seed=seed)
    _descend(surrogate, pools, config, generator, progress)
    fresh = [
        _valued(true_loss, distribution, max(per_size // 16, 8), n, generator)
        for n in config.set_sizes
    ]
    with torch.no_grad():
        gaps = [(surrogate(sets) - target).abs() for sets, target in fresh]
    return surrogate.eval(), float(torch.cat(gaps).mean())


def loss_units(
    true_loss: TrueLoss,
    distribution: SetDistribution,
    *,
    n_sets: int = 256,
    n: int = 256,
    seed: int = 0,
) -> tuple[float, float]:
    """Return mean and spread of a loss over generated sets.

    They are the units in which a surrogate works, so that its weight beside another
    objective means the same for every loss, whether it starts fitted or from scratch.

    Args:
        true_loss: The loss.
        distribution: What to draw sets from.
        n_sets: Sets drawn.
        n: Rows of a set.
        seed: Of the draws.
    """
    generator = torch.Generator().manual_seed(seed)
    _, values = _valued(true_loss, distribution, n_sets, n, generator)
    return float(values.mean()), float(values.std().clamp_min(1e-12))


def _descend(
    surrogate: SetSurrogate,
    pools: list[tuple[Sets, Tensor]],
    config: UniversalConfig,
    generator: torch.Generator,
    progress: FitProgress | None,
) -> None:
    optimizer = torch.optim.Adam(surrogate.parameters(), lr=config.surrogate_lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, config.max_iter)
    for step in range(config.max_iter):
        sets, target = pools[step % len(pools)]
        some = torch.randint(len(target), (config.sets_per_step,), generator=generator)
        error = (surrogate(sets.picked(some)) - target[some]).abs().mean()
        optimizer.zero_grad()
        (error / surrogate.loss_scale).backward()
        optimizer.step()
        schedule.step()
        if progress is not None and step % 50 == 49:
            progress(step + 1, config.max_iter, float(error.detach()))


def _valued(
    true_loss: TrueLoss,
    distribution: SetDistribution,
    n_sets: int,
    n: int,
    generator: torch.Generator,
) -> tuple[Sets, Tensor]:
    """Draw sets and their true losses."""
    sets = distribution.draw(n_sets, n, generator=generator)
    if not true_loss.takes_weight:
        sets = sets.present()
    return sets, true_loss(sets)
