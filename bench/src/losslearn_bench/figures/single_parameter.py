"""Figure 2: Algorithm 1 on a model of one parameter, where all of it can be seen."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Integer
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor, nn

from losslearn.metrics import Sets, get_true_loss
from losslearn.report.figures import new_figure, tidy
from losslearn.report.palette import BLUE, GREEN, GREY, INK, VERMILION
from losslearn.surrogate.network import SetSurrogate
from losslearn.tasks.tokens import ScoreTokens
from losslearn.training.recipe import Recipe
from losslearn_bench.harness.neural import seeded
from losslearn_bench.harness.ours import make_algorithm
from losslearn_bench.harness.rows import TrainingData

SETTINGS = Recipe(
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
    usual_weight=0.0,
    rounds=1,
    catch_up=0,
)
"""The two levels alone, on raw scores because the loss is cut at 0."""

_CLASSES = (GREY, GREEN)
_LEGEND = {"loc": "upper right", "edgecolor": "none", "fontsize": 8}


class OneFeature(NamedTuple):
    """Rows of one feature."""

    x: Float[Tensor, "rows 1"]
    y_true: Integer[Tensor, " rows"]


class OneParameter(nn.Module):
    r"""The model of Figure 2.

    .. math:: \hat y(x; \alpha) = \alpha x - 1

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


class Moment(NamedTuple):
    """How things stand after some iterations."""

    iteration: int
    alpha: float
    surrogate_loss: Float[Tensor, " alphas"]
    """Surrogate loss of all rows at each alpha of the range."""


class SingleParameterRun(NamedTuple):
    """What Figure 2 shows."""

    data: OneFeature
    alphas: Float[Tensor, " alphas"]
    """The range of alpha that is looked at."""
    true_loss: Float[Tensor, " alphas"]
    """True loss of all rows at each of them."""
    moments: list[Moment]


def make_data(*, n: int = 400, generator: torch.Generator) -> OneFeature:
    """Return two overlapping classes of one feature, half of the rows each.

    Example:
        >>> data = make_data(n=4, generator=torch.Generator().manual_seed(0))
        >>> data.y_true, list(data.x.shape)
        (tensor([0, 1, 0, 1]), [4, 1])
    """
    y_true = torch.arange(n) % 2
    noise = torch.randn(n, generator=generator)
    x = torch.where(y_true == 1, 2.2 + 0.8 * noise, 0.7 + 0.5 * noise)
    return OneFeature(x[:, None], y_true)


def default_moments(config: Recipe, *, n: int = 40) -> list[int]:
    """Return at most `n` iterations to look at from first to last, denser early.

    Example:
        >>> default_moments(Recipe(max_iter=100), n=5)
        [0, 6, 25, 56, 100]
    """
    return sorted({round(config.max_iter * (i / (n - 1)) ** 2) for i in range(n)})


def train_single_parameter(
    data: OneFeature,
    *,
    seed: int,
    alpha: float = 0.3,
    config: Recipe = SETTINGS,
    moments: Sequence[int] | None = None,
) -> SingleParameterRun:
    """Train alpha for the error rate at threshold 0, a turn at a time (Algorithm 1).

    The warm-up, cross-entropy and the surrogate's catch-up are left out whatever the
    settings say. `moments` are iterations after which to look, 0 before the first; None
    takes those of `default_moments`.
    """
    looks = default_moments(config) if moments is None else moments
    true_loss = get_true_loss("error_rate").with_threshold(0.0)
    with seeded(seed, data.x.device):
        surrogate = SetSurrogate(ScoreTokens(standardize=False))
    model, rows = OneParameter(alpha), TrainingData(*data, *data)
    algorithm = make_algorithm(model, surrogate, rows, true_loss, config, seed=seed)
    alphas = torch.linspace(0, 2, 401)
    y_score = alphas[:, None] * data.x.T - 1  # (alphas, rows)
    sets = Sets(data.y_true.expand_as(y_score), y_score)
    found = []
    for iteration in range(min(max(looks, default=0), config.max_iter) + 1):
        if iteration > 0:
            algorithm.iterate()
        if iteration in looks:
            with torch.no_grad():
                learned = surrogate(sets)
            now = float(model.alpha.detach())
            found.append(Moment(iteration, now, learned))
    return SingleParameterRun(data, alphas, true_loss(sets), found)


def draw_single_parameter(run: SingleParameterRun, moments: Sequence[Moment]) -> Figure:
    """Draw the data, then both losses over alpha at some moments, in a row."""
    n_panels = 1 + len(moments)
    figure = new_figure(3.2 * n_panels, 3.3)
    axes = figure.subplots(1, n_panels, squeeze=False)[0]
    _draw_data(axes[0], run.data, moments)
    for ax, moment in zip(axes[1:], moments, strict=True):
        _draw_moment(ax, run, moment)
    _name(axes[1])
    return figure


def _name(ax: Axes) -> None:
    """Say what the curves of a moment are."""
    ax.legend(**_LEGEND)
    ax.set_ylabel("loss of all rows")


def animate_single_parameter(run: SingleParameterRun, *, fps: int = 6) -> bytes:
    """Return the moments as an endless animation, a GIF; the last stands for longer."""
    from matplotlib.animation import PillowWriter

    figure = new_figure(5.2, 3.8)
    ax = figure.subplots()
    writer = PillowWriter(fps=fps)
    with tempfile.TemporaryDirectory() as folder:  # the writer takes no buffer
        path = Path(folder) / "animation.gif"
        with writer.saving(figure, path, dpi=100):
            pause = [run.moments[-1]] * (2 * fps)
            for moment in [*run.moments, *pause]:
                ax.clear()
                _draw_moment(ax, run, moment)
                _name(ax)
                writer.grab_frame()
        return path.read_bytes()


def _draw_data(ax: Axes, data: OneFeature, moments: Sequence[Moment]) -> None:
    """Draw both classes, and where the first and the last alpha cut them."""
    x, y_true = data.x.squeeze(-1).numpy(), data.y_true.numpy()
    edges = np.linspace(x.min(), x.max(), 31).tolist()
    for label, colour in enumerate(_CLASSES):
        own = x[y_true == label]
        ax.hist(own, bins=edges, color=colour, alpha=0.6, label=f"target {label}")
    for moment, style in (moments[0], "dotted"), (moments[-1], "dashed"):
        text = f"cut after {moment.iteration} iterations"
        look: dict[str, Any] = {"color": INK, "linestyle": style, "label": text}
        ax.axvline(1 / moment.alpha, ymax=0.64, **look)  # below the legend
    ax.set_title("data, cut where $\\alpha x = 1$", fontsize=10)
    ax.set(xlabel="x", ylabel="rows")
    ax.margins(y=0.55)
    ax.set_ylim(bottom=0)
    ax.legend(**_LEGEND)
    tidy(ax)


def _draw_moment(ax: Axes, run: SingleParameterRun, moment: Moment) -> None:
    alphas, true_loss = run.alphas.numpy(), run.true_loss.numpy()
    alpha, learned = moment.alpha, moment.surrogate_loss.numpy()
    ax.plot(alphas, true_loss, color=BLUE, linewidth=1.6, label="true loss")
    look: dict[str, Any] = {"color": VERMILION, "linestyle": (0, (5, 1.5))}
    ax.plot(alphas, learned, linewidth=1.6, label="surrogate", **look)
    ax.axvline(alpha, color=INK, linestyle="dashed", linewidth=1)
    ax.plot(alpha, np.interp(alpha, alphas, true_loss), "o", markersize=6, color=INK)
    ax.set_xlim(float(alphas[0]), float(alphas[-1]))
    # the same at every moment; a surrogate's excursions are cut off
    low, high = float(true_loss.min()), float(true_loss.max())
    margin = (high - low) or 1.0
    ax.set_ylim(low - 0.2 * margin, high + 0.45 * margin)
    ax.set_title(f"{moment.iteration} iterations: $\\alpha = {alpha:.3f}$", fontsize=10)
    ax.set_xlabel("$\\alpha$")
    tidy(ax)
