"""Section 4.4 of the paper: what an iteration costs, measured against its formula."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import nnls

from losslearn_bench.tables.markdown import markdown_table, number

_FEWEST = 4  # as many as leave something to explain beside three coefficients


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

    def seconds(self, row: Mapping[str, float]) -> float:
        """Return the seconds of an iteration that the fit gives."""
        return (
            self.intercept
            + self.per_model_work * _model_work(row)
            + self.per_surrogate_work * _surrogate_work(row)
        )


def fit_runtime(rows: Sequence[Mapping[str, float]]) -> RuntimeFit:
    r"""Fit the paper's linear complexity (section 4.4) to measured iterations.

    .. math::
        t = c_0 + N \big(c_1 K_\alpha (Q_\alpha + Q_\beta) + c_2 K_\beta Q_\beta\big)

    with coefficients of at least zero, by least squares (Lawson and Hanson 1974).

    Args:
        rows: Measurements: `model_parameters` (Q_alpha), `surrogate_parameters`
            (Q_beta), `model_steps` (K_alpha), `surrogate_steps` (K_beta), `batch_size`
            (N) and `seconds_per_iteration`.

    Raises:
        ValueError: If there are fewer than four rows.

    Example:
        >>> row = {"model_parameters": 100, "surrogate_parameters": 10, "batch_size": 1}
        >>> row |= {"model_steps": 1, "surrogate_steps": 1}
        >>> rows = [row | {"model_steps": k} for k in (1, 2, 3)]
        >>> rows += [row | {"surrogate_steps": 5}]
        >>> times = [3 + 0.1 * 110 * r["model_steps"] for r in rows]
        >>> rows = [r | {"seconds_per_iteration": t} for r, t in zip(rows, times)]
        >>> fit = fit_runtime(rows)
        >>> round(fit.per_model_work, 6), round(fit.r_squared, 6)
        (0.1, 1.0)
    """
    if len(rows) < _FEWEST:
        raise ValueError(
            f"A fit of three coefficients needs at least {_FEWEST} measurements, got "
            f"{len(rows)}. Vary model, surrogate, steps or batch size."
        )
    terms = np.array([[1.0, _model_work(row), _surrogate_work(row)] for row in rows])
    seconds = np.array([float(row["seconds_per_iteration"]) for row in rows])
    largest = np.maximum(terms.max(axis=0), 1e-300)  # work counts run to 1e9 and more
    scaled, residual = nnls(terms / largest, seconds)
    c_0, c_1, c_2 = (scaled / largest).tolist()
    spread = float(((seconds - seconds.mean()) ** 2).sum())
    r_squared = 1 - float(residual) ** 2 / spread if spread else float("nan")
    return RuntimeFit(c_0, c_1, c_2, r_squared)


def runtime_table(rows: Sequence[Mapping[str, float]]) -> str:
    """Return measured seconds beside those of the fit and of cross-entropy.

    Args:
        rows: Measurements as `fit_runtime` takes them, each with the seconds of as many
            cross-entropy steps, `cross_entropy_seconds_per_iteration`.

    Returns:
        Markdown. The last column is what the paper's operation counts give for the
        ratio to cross-entropy; the fit is left out below four measurements.

    Raises:
        ValueError: If there are no rows.

    Example:
        >>> row = {"model_parameters": 100, "surrogate_parameters": 50, "batch_size": 8}
        >>> row |= {"model_steps": 1, "surrogate_steps": 2}
        >>> row |= {"seconds_per_iteration": 0.003}
        >>> row |= {"cross_entropy_seconds_per_iteration": 0.001}
        >>> print(runtime_table([row]))
        Runtime ...
        | 100 | 50 | 1 | 2 | 8 | 3.00 | n/a | 1.00 | 3.00 | 2.50 |
        ...
    """
    if not rows:
        raise ValueError("A table needs measurements, got none. Pass one a row.")
    fit = fit_runtime(rows) if len(rows) >= _FEWEST else None
    header = [
        "Q_alpha",
        "Q_beta",
        "K_alpha",
        "K_beta",
        "N",
        "ms",
        "ms, fitted",
        "ms, cross-entropy",
        "ratio",
        "ratio, by operations",
    ]
    parts = [
        "Runtime of an iteration of Algorithm 1, beside that of as many cross-entropy "
        "steps (section 4.4).",
        markdown_table(header, [_row(row, fit) for row in rows]),
        _fit_note(fit),
    ]
    return "\n\n".join(parts) + "\n"


def _row(row: Mapping[str, float], fit: RuntimeFit | None) -> list[str]:
    """Return the entries of one measurement."""
    seconds = row["seconds_per_iteration"]
    control = row["cross_entropy_seconds_per_iteration"]
    model_steps = row["batch_size"] * row["model_steps"] * row["model_parameters"]
    operations = _model_work(row) + _surrogate_work(row)
    counts = ("model_parameters", "surrogate_parameters", "model_steps")
    return [
        *(f"{row[name]:,}" for name in (*counts, "surrogate_steps", "batch_size")),
        f"{1e3 * seconds:.2f}",
        number(1e3 * fit.seconds(row) if fit else float("nan"), digits=2),
        f"{1e3 * control:.2f}",
        f"{seconds / control:.2f}",
        f"{operations / model_steps:.2f}",
    ]


def _fit_note(fit: RuntimeFit | None) -> str:
    """Return the coefficients in words."""
    if fit is None:
        return f"No fit: it needs at least {_FEWEST} measurements."
    return (
        f"Fitted: {1e3 * fit.intercept:.3g} ms, and per row of the batch "
        f"{1e9 * fit.per_model_work:.3g} ns x K_alpha (Q_alpha + Q_beta) and "
        f"{1e9 * fit.per_surrogate_work:.3g} ns x K_beta Q_beta; "
        f"R^2 = {number(fit.r_squared, digits=3)}."
    )


def _model_work(row: Mapping[str, float]) -> float:
    """Return N K_alpha (Q_alpha + Q_beta)."""
    parameters = row["model_parameters"] + row["surrogate_parameters"]
    return row["batch_size"] * row["model_steps"] * parameters


def _surrogate_work(row: Mapping[str, float]) -> float:
    """Return N K_beta Q_beta."""
    return row["batch_size"] * row["surrogate_steps"] * row["surrogate_parameters"]
