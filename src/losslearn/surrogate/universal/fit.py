"""Fit a surrogate to a true loss over generated sets (Eq. 3)."""

import itertools
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import NamedTuple

import torch
from torch import Generator, Tensor, nn

from losslearn._fast import fastest
from losslearn.metrics import Sets, TrueLoss
from losslearn.models.global_draws import own_draws
from losslearn.surrogate.fitter import SurrogateFitter
from losslearn.surrogate.network import SetSurrogate
from losslearn.surrogate.universal.units import lowest_over_frames, set_units
from losslearn.tasks.registry import get_task
from losslearn.tasks.task import SetDistribution, TargetRows, Task, UsualLoss

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

IN_A_FRAME = UniversalConfig(set_sizes=(64, 256), n_sets=1_024, max_iter=1_000)
"""For such a metric of decisions, whose values in a frame take fewer sets to learn."""

WITH_COLUMNS = UniversalConfig(set_sizes=(64, 256), n_sets=4_096, max_iter=2_500)
"""For a metric of further columns: how a loss depends on scores and columns together
takes more sets to learn, and without it the gradient points nowhere."""

TOP_HEAVY = UniversalConfig(set_sizes=(256, 1024), n_sets=2_048, max_iter=1_000)
"""For a loss that the highest scores decide, of which small sets hold next to none, and
for one with constraints."""


class Problem(NamedTuple):
    """What a surrogate is to learn."""

    true_loss: TrueLoss
    standardize: bool
    """Whether g sees scores standardised within each set."""
    view: nn.Module
    """What g sees, all told."""
    distribution: SetDistribution
    """What sets are drawn from."""
    usual_loss: UsualLoss
    """The task's, by which fast forms of the fit know it."""

    @classmethod
    def of(
        cls,
        true_loss: TrueLoss,
        task: Task | None = None,
        *,
        form: str = "wide",
        standardize: bool | None = None,
        rows: TargetRows | None = None,
    ) -> "Problem":
        """Pose it as a task does (see `fit_universal`), beside the columns of rows."""
        task = task or get_task(true_loss.task)
        if standardize is None:
            standardize = true_loss.scale_invariant
        view = task.view(true_loss, standardize=standardize, like=rows)
        distribution = task.generated(true_loss, form=form, like=rows)
        usual_loss = next(iter(task.usual_losses.values()))
        return cls(true_loss, standardize, view, distribution, usual_loss)

    def draw(self, n_sets: int, n: int, generator: Generator) -> tuple[Sets, Tensor]:
        """Return generated sets of n rows and their true losses, where it has one."""
        sets = self.distribution.draw(n_sets, n, generator=generator)
        if not self.true_loss.takes_weight:
            sets = sets.present()
        loss = self.true_loss(sets)
        is_known = ~loss.isnan()
        return sets.picked(is_known), loss[is_known]


class Universal(NamedTuple):
    """A universal surrogate and what is known about it."""

    surrogate: SetSurrogate
    error: float
    """Mean absolute gap to the true loss on fresh sets, in units of the loss."""
    settings: dict[str, object]
    """How it was fitted: distribution, settings of Eq. 3 and seed."""


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
    r"""Return a surrogate of `true_loss` for any data, and its error on fresh sets.

    .. math::
        \beta^{\text{Universal}} = \arg\min_\beta \mathbb E_{y, \hat y}
        \big|\ell(y, \hat y) - \hat\ell(y, \hat y; \beta)\big|

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
        The surrogate in evaluation mode, and the mean absolute gap (Eq. 3) on sets it
        has not seen, in units of the loss.
    """
    problem = Problem.of(true_loss, task, form=form, standardize=standardize)
    config = config or UniversalConfig()
    return fit_problem(problem, config, seed=seed, progress=progress)[:2]


def fit_problem(
    problem: Problem,
    config: UniversalConfig,
    *,
    seed: int = 0,
    progress: FitProgress | None = None,
) -> Universal:
    """Fit a surrogate, and note how (see `fit_universal`)."""
    generator = Generator().manual_seed(seed)
    per_size = max(config.n_sets // len(config.set_sizes), config.sets_per_step)
    pools = [problem.draw(per_size, n, generator) for n in config.set_sizes]
    values = torch.cat([target for _, target in pools])
    surrogate = new_surrogate(problem.view, values, seed=seed)
    pools = [pool for pool in pools if len(pool[1])]
    take = _steps(surrogate, problem, config)
    for step in range(config.max_iter if pools else 0):
        sets, target = pools[step % len(pools)]
        some = torch.randint(len(target), (config.sets_per_step,), generator=generator)
        error = take(sets.picked(some), target[some])
        if progress is not None and step % 50 == 49:
            progress(step + 1, config.max_iter, float(error))
    if problem.true_loss.framed:
        lowest = [lowest_over_frames(surrogate, sets) for sets, _ in pools]
        set_units(surrogate, torch.cat(lowest) if pools else values)
    n_fresh = max(per_size // 16, 8)
    fresh = [problem.draw(n_fresh, n, generator) for n in config.set_sizes]
    with torch.no_grad():
        gaps = [(surrogate(sets) - target).abs() for sets, target in fresh]
    settings: dict[str, object] = {
        "loss": problem.true_loss.name,
        "form": type(problem.distribution).__name__,
        "distribution": dict(vars(problem.distribution)),
        "config": asdict(config),
        "seed": seed,
    }
    return Universal(surrogate.eval(), float(torch.cat(gaps).mean()), settings)


Step = Callable[[Sets, Tensor], Tensor]
"""Takes a step toward the true losses of some sets; returns the error before it."""


def _steps(surrogate: SetSurrogate, problem: Problem, config: UniversalConfig) -> Step:
    """Return what takes the steps of a fit, one after another.

    For a user's loss, which is waited for, in the fastest form; those of our own come
    of plain PyTorch.
    """
    if problem.true_loss.own is None and not problem.true_loss.framed:
        return _plain_steps(surrogate, config)
    lr, n_done = config.surrogate_lr, itertools.count()
    fitter = fastest(SurrogateFitter(surrogate, problem.usual_loss, lr=lr))

    def take(sets: Sets, target: Tensor) -> Tensor:
        along = math.pi * next(n_done) / config.max_iter
        fitter.descent.lr = lr * (1 + math.cos(along)) / 2
        return fitter.fit(_alone(sets), target.unsqueeze(0))[0]

    return take


def _plain_steps(surrogate: SetSurrogate, config: UniversalConfig) -> Step:
    optimizer = torch.optim.Adam(surrogate.parameters(), lr=config.surrogate_lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, config.max_iter)

    def take(sets: Sets, target: Tensor) -> Tensor:
        error = (surrogate(sets) - target).abs().mean()
        optimizer.zero_grad()
        (error / surrogate.loss_scale).backward()
        optimizer.step()
        schedule.step()
        return error.detach()

    return take


def _alone(sets: Sets) -> Sets:
    """Return sets as those of one step, the only one."""
    weight = None if sets.weight is None else sets.weight.unsqueeze(0)
    columns = {name: column.unsqueeze(0) for name, column in sets.columns.items()}
    target, score = (part.unsqueeze(0) for part in sets[:2])
    return Sets(target, score, weight, columns)


def new_surrogate(view: nn.Module, values: Tensor, *, seed: int) -> SetSurrogate:
    """Return a surrogate of random weights; the global generator is left as it was.

    Mean and spread of the loss's values over generated sets are the units in which it
    works, so that its weight beside another objective means the same for every loss,
    whether it starts fitted or from scratch.
    """
    shift, scale = 0.0, 1.0
    if len(values) > 1:  # else it is undefined on all sets, or nearly
        shift, scale = float(values.mean()), float(values.std().clamp_min(1e-12))
    with own_draws():
        torch.manual_seed(seed)
        return SetSurrogate(view, loss_shift=shift, loss_scale=scale)  # type: ignore[arg-type] # modules satisfy the protocol by attributes
