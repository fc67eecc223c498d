"""Figure 1: what a true loss looks like over two scores, and what is learned of it."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Integer
from matplotlib.figure import Figure
from torch import Tensor

from losslearn.metrics import Sets, TrueLoss, get_true_loss
from losslearn.report.figures import new_figure
from losslearn.surrogate.fitter import SurrogateFitter
from losslearn.surrogate.network import SetSurrogate
from losslearn.tasks.cross_entropy import CrossEntropy
from losslearn.tasks.tokens import ScoreTokens
from losslearn_bench.checks import check_at_least, check_positive
from losslearn_bench.harness.neural import seeded

PAPER_LOSSES = (
    "roc_auc",
    "average_precision",
    "f1",
    "error_rate",
    "mcc",
    "jaccard",
    "equal_error_rate",
)
"""The seven losses of section 4.1."""


class Batch(NamedTuple):
    """A mini-batch, and the two rows whose scores are varied."""

    y_true: Integer[Tensor, " n"]
    y_score: Float[Tensor, " n"]
    negative: int
    """Row i of the figure, whose target is 0."""
    positive: int
    """Row j of the figure, whose target is 1."""


class Surface(NamedTuple):
    """A loss over the scores of two rows, beside the surrogate fitted to it."""

    loss: str
    """The loss's full name, its threshold included where it has one."""
    true_loss: Float[Tensor, "positive negative"]
    surrogate_loss: Float[Tensor, "positive negative"]


def random_batch(*, n: int = 10, generator: torch.Generator) -> Batch:
    """Return a mini-batch as in Figure 1: random scores and targets of both classes."""
    check_at_least(2, "n", n, "A set holds a row of each class.")
    y_true = torch.randint(2, (n,), generator=generator)
    y_true[0], y_true[1] = 0, 1
    y_score = torch.randn(n, generator=generator)
    return Batch(y_true, y_score, negative=0, positive=1)


def figure_loss(name: str) -> TrueLoss:
    """Return a loss as Figure 1 shows it: at threshold 0 if it needs a threshold.

    The paper cuts its equal error rate at 0 as well; ours is read off the ROC curve.

    Example:
        >>> figure_loss("f1").name, figure_loss("auc").name
        ('f1_loss(threshold=0)', 'roc_auc_loss')
    """
    loss = get_true_loss(name)
    return loss.with_threshold(0.0) if loss.needs_threshold else loss


def grid_scores(
    batch: Batch, grid: Float[Tensor, " points"]
) -> Float[Tensor, "points points n"]:
    """Return the batch's scores with the two rows set to every pair of grid values.

    The positive row's score runs along the first axis.
    """
    y_score = batch.y_score.repeat(len(grid), len(grid), 1)
    y_score[..., batch.positive] = grid[:, None]
    y_score[..., batch.negative] = grid[None, :]
    return y_score


def fit_surface(
    true_loss: TrueLoss,
    batch: Batch,
    *,
    extent: float,
    generator: torch.Generator,
    steps: int = 1_000,
    n_sets: int = 128,
    surrogate_lr: float = 1e-2,
) -> SetSurrogate:
    """Return a surrogate fitted (Eq. 5) to the batch with both scores drawn anew.

    A loss at a fixed threshold changes as all scores move together, so its surrogate
    sees raw scores; the others' surrogates standardise them. The two scores are drawn
    uniformly between minus `extent` and `extent`. The generator draws them, and the
    seed of the network's first weights; the learning rate falls to 0 over the steps.
    """
    check_positive("extent", extent, "Scores are drawn between minus this and this.")
    _, values = _draw(true_loss, batch, 1_024, extent, generator)
    seed = int(torch.randint(2**31 - 1, (1,), generator=generator))
    with seeded(seed, values.device):
        surrogate = SetSurrogate(
            ScoreTokens(standardize=true_loss.scale_invariant),
            # in units of the loss over the region
            loss_shift=float(values.mean()),
            loss_scale=float(values.std().clamp_min(1e-12)),
        )
    fitter = SurrogateFitter(surrogate, CrossEntropy(), lr=surrogate_lr)
    for step in range(steps):
        left = 0.5 * (1 + math.cos(math.pi * step / steps))
        fitter.descent.lr = surrogate_lr * left
        fitter.step(*_draw(true_loss, batch, n_sets, extent, generator))
    return surrogate.eval()


def loss_surfaces(
    losses: Sequence[str] = PAPER_LOSSES,
    *,
    batch: Batch,
    grid: Float[Tensor, " points"],
    generator: torch.Generator,
    steps: int = 1_000,
) -> list[Surface]:
    """Return the data of Figure 1, one surface for each loss."""
    y_score = grid_scores(batch, grid)
    sets = Sets(batch.y_true.expand_as(y_score), y_score)
    extent = float(grid.abs().max())
    surfaces = []
    for true_loss in [figure_loss(name) for name in losses]:
        surrogate = fit_surface(
            true_loss, batch, extent=extent, generator=generator, steps=steps
        )
        with torch.no_grad():
            learned = surrogate(sets)
        surfaces.append(Surface(true_loss.name, true_loss(sets), learned))
    return surfaces


def _draw(
    true_loss: TrueLoss,
    batch: Batch,
    n_sets: int,
    extent: float,
    generator: torch.Generator,
) -> tuple[Sets, Float[Tensor, " sets"]]:
    """Return sets with the two scores drawn over the region, and their true losses."""
    y_score = batch.y_score.repeat(n_sets, 1)
    drawn = extent * (2 * torch.rand(n_sets, 2, generator=generator) - 1)
    y_score[:, [batch.negative, batch.positive]] = drawn
    sets = Sets(batch.y_true.expand_as(y_score), y_score)
    return sets, true_loss(sets)


def draw_surfaces(
    grid: Float[Tensor, " points"],
    surfaces: Sequence[Surface],
    *,
    note: str | None = None,
) -> Figure:
    """Draw each true loss above its surrogate, both in the same colours.

    Seen from above, because a wall of a surface hides what lies behind it.
    """
    figure = new_figure(2.1 * len(surfaces) + 0.6, 6.2)
    axes = figure.subplots(2, len(surfaces), squeeze=False, sharex=True, sharey=True)
    for column, surface in enumerate(surfaces):
        pair = torch.stack([surface.true_loss, surface.surrogate_loss])
        look: dict[str, Any] = {
            "shading": "nearest",
            "cmap": "viridis",  # low is dark
            "vmin": float(pair.min()),
            "vmax": float(pair.max()),
            "rasterized": True,  # thousands of squares would bloat an SVG
        }
        for ax, values in zip(axes[:, column], pair.numpy(), strict=True):
            colours = ax.pcolormesh(grid.numpy(), grid.numpy(), values, **look)
            ax.set_aspect("equal")
        axes[0, column].set_title(surface.loss, fontsize=10)
        axes[1, column].set_xlabel("score of i (target 0)", fontsize=8)
        figure.colorbar(colours, ax=axes[:, column], location="bottom", shrink=0.9)
    for ax, name in zip(axes[:, 0], ("true loss", "learned surrogate"), strict=True):
        ax.set_ylabel(f"{name}\n\nscore of j (target 1)", fontsize=8)
    if note is not None:
        figure.supxlabel(note, fontsize=9)
    return figure
