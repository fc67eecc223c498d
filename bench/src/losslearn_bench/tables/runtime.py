"""Section 4.4 of the paper: what an iteration costs, measured against its formula."""

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from scipy.optimize import nnls
from torch import nn

from losslearn.metrics import get_true_loss
from losslearn.models.networks import MLP
from losslearn.surrogate.network import SetSurrogate
from losslearn.tasks.cross_entropy import CrossEntropy
from losslearn.tasks.tokens import ScoreTokens
from losslearn.training.recipe import Recipe
from losslearn_bench.harness.neural import seeded
from losslearn_bench.harness.ours import make_algorithm
from losslearn_bench.harness.rows import TrainingData
from losslearn_bench.tables.markdown import markdown_table, number, paragraphs

_FEWEST = 4  # as many as leave something to explain beside three coefficients

Row = Mapping[str, float]
"""`model_parameters` (Q_alpha), `surrogate_parameters` (Q_beta), `model_steps`
(K_alpha), `surrogate_steps` (K_beta), `batch_size` (N), `seconds_per_iteration`, and
the last of cross-entropy."""


@dataclass(frozen=True, kw_only=True)
class Design:
    """Sizes of one measurement; the paper's, where not told otherwise."""

    hidden: tuple[int, ...] = (100, 30, 10)
    """Units of the prediction model, which set Q_alpha."""
    surrogate_width: int = 30
    """Units of the encoder's layers and of the set code, which set Q_beta."""
    model_steps: int = 3
    """K_alpha."""
    surrogate_steps: int = 10
    """K_beta."""
    batch_size: int = 100
    """N."""


PAPER_DESIGN = Design()

DESIGNS: tuple[Design, ...] = (
    PAPER_DESIGN,
    *(
        replace(PAPER_DESIGN, hidden=units)
        for units in ((30, 10), (300, 100), (600, 300))
    ),
    *(replace(PAPER_DESIGN, surrogate_width=width) for width in (10, 100, 200)),
    *(replace(PAPER_DESIGN, model_steps=steps) for steps in (1, 6, 12)),
    *(replace(PAPER_DESIGN, surrogate_steps=steps) for steps in (1, 5, 20)),
    *(replace(PAPER_DESIGN, batch_size=size) for size in (250, 500, 1_000)),
)
"""One size varied at a time around the paper's."""


def measure_iteration(
    design: Design,
    *,
    n_features: int = 123,
    iterations: int = 20,
    blocks: int = 5,
    seed: int = 0,
) -> dict[str, float]:
    """Return the seconds of an iteration of Algorithm 1, beside cross-entropy's.

    Both train the same model for ROC AUC on the same generated rows, in blocks that
    take turns; the median block counts. 123 features are those of a9a.
    """
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(4_000, n_features, generator=generator)
    y_true = (x[:, 0] + torch.randn(4_000, generator=generator) > 1).long()
    data = TrainingData(x, y_true, x[:100], y_true[:100])
    config = Recipe(
        max_iter=10**9,  # never at an end, so the schedule stands still
        n_evals=1,
        model_steps=design.model_steps,
        surrogate_steps=design.surrogate_steps,
        batch_size=design.batch_size,
        n_sets=1,
        replay=1,
        perturbation=0.0,
        catch_up=0,
    )
    true_loss, width = get_true_loss("roc_auc"), design.surrogate_width
    with seeded(seed, x.device):
        model: nn.Module = MLP(n_features, hidden=design.hidden)
        surrogate = SetSurrogate(ScoreTokens(), hidden=width, embed_dim=width)
        ours = make_algorithm(model, surrogate, data, true_loss, config, seed=seed)
        control = partial(ours.trainer.iterate, CrossEntropy(), None)
        times = [
            [_time(iterate, iterations) for iterate in (ours.iterate, control)]
            for _ in range(blocks + 1)
        ]
    # the first block pays for allocations
    seconds, of_control = map(statistics.median, zip(*times[1:], strict=True))
    return {
        "model_parameters": _size(model),
        "surrogate_parameters": _size(surrogate),
        "model_steps": design.model_steps,
        "surrogate_steps": design.surrogate_steps,
        "batch_size": design.batch_size,
        "seconds_per_iteration": seconds,
        "cross_entropy_seconds_per_iteration": of_control,
    }


def _time(iterate: Callable[[], object], iterations: int) -> float:
    begin = time.perf_counter()
    for _ in range(iterations):
        iterate()
    return (time.perf_counter() - begin) / iterations


def _size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


class RuntimeFit(NamedTuple):
    """Seconds of an iteration as a sum of the paper's terms."""

    intercept: float
    """Seconds that every iteration takes."""
    per_model_work: float
    """Seconds per unit of K_alpha (Q_alpha + Q_beta), and row of the batch."""
    per_surrogate_work: float
    """Seconds per unit of K_beta Q_beta, and row of the batch."""
    r_squared: float
    """Share of the variance explained, at most 1; NaN if all rows took as long."""

    def seconds(self, row: Row) -> float:
        """Return the seconds of an iteration that the fit gives."""
        return float(np.dot(self[:3], _terms(row)))


def _terms(row: Row) -> tuple[float, float, float]:
    """Return 1, N K_alpha (Q_alpha + Q_beta) and N K_beta Q_beta."""
    n, q_beta = row["batch_size"], row["surrogate_parameters"]
    model_work = row["model_steps"] * (row["model_parameters"] + q_beta)
    return 1.0, n * model_work, n * row["surrogate_steps"] * q_beta


def fit_runtime(rows: Sequence[Row]) -> RuntimeFit:
    r"""Fit the paper's linear complexity (section 4.4) to measured iterations.

    .. math::
        t = c_0 + N \big(c_1 K_\alpha (Q_\alpha + Q_\beta) + c_2 K_\beta Q_\beta\big)

    with coefficients of at least zero, by least squares (Lawson and Hanson 1974); it
    needs four rows.
    """
    if len(rows) < _FEWEST:
        raise ValueError(
            f"A fit of three coefficients needs at least {_FEWEST} measurements, got "
            f"{len(rows)}. Vary model, surrogate, steps or batch size."
        )
    terms = np.array([_terms(row) for row in rows])
    seconds = np.array([float(row["seconds_per_iteration"]) for row in rows])
    largest = np.maximum(terms.max(axis=0), 1e-300)  # work counts run to 1e9 and more
    scaled, residual = nnls(terms / largest, seconds)
    c_0, c_1, c_2 = (scaled / largest).tolist()
    spread = float(((seconds - seconds.mean()) ** 2).sum())
    r_squared = 1 - float(residual) ** 2 / spread if spread else math.nan
    return RuntimeFit(c_0, c_1, c_2, r_squared)


def runtime_table(rows: Sequence[Row]) -> str:
    """Return measured seconds beside those of the fit and of cross-entropy.

    The last column is what the paper's operation counts give for the ratio to
    cross-entropy; the fit is left out below four measurements.
    """
    fit = fit_runtime(rows) if len(rows) >= _FEWEST else None
    header = ["Q_alpha", "Q_beta", "K_alpha", "K_beta", "N", "ms", "ms, fitted"]
    header += ["ms, cross-entropy", "ratio", "ratio, by operations"]
    return paragraphs(
        "Runtime of an iteration of Algorithm 1, beside that of as many cross-entropy "
        "steps (section 4.4).",
        markdown_table(header, [_row(row, fit) for row in rows]),
        _fit_note(fit),
    )


def _row(row: Row, fit: RuntimeFit | None) -> list[str]:
    """Return the entries of one measurement."""
    seconds = row["seconds_per_iteration"]
    control = row["cross_entropy_seconds_per_iteration"]
    model_steps = row["batch_size"] * row["model_steps"] * row["model_parameters"]
    counts = ("model_parameters", "surrogate_parameters", "model_steps")
    return [
        *(f"{row[name]:,}" for name in (*counts, "surrogate_steps", "batch_size")),
        f"{1e3 * seconds:.2f}",
        number(1e3 * fit.seconds(row) if fit else math.nan, 2),
        f"{1e3 * control:.2f}",
        f"{seconds / control:.2f}",
        f"{sum(_terms(row)[1:]) / model_steps:.2f}",
    ]


def _fit_note(fit: RuntimeFit | None) -> str:
    """Return the coefficients in words."""
    if fit is None:
        return f"No fit: it needs at least {_FEWEST} measurements."
    return (
        f"Fitted: {1e3 * fit.intercept:.3g} ms, and per row of the batch "
        f"{1e9 * fit.per_model_work:.3g} ns x K_alpha (Q_alpha + Q_beta) and "
        f"{1e9 * fit.per_surrogate_work:.3g} ns x K_beta Q_beta; "
        f"R^2 = {number(fit.r_squared, 3)}."
    )
