"""Probabilities that a decision can reckon with, from the scores of any model."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from losslearn.tasks.strata import deal_into_folds

Floats = NDArray[np.float64]

Kind = Literal["none", "sigmoid", "isotonic", "given columns"]

_LARGEST = 36.0
"""Log-odds beyond say no more in double precision."""
_N_FOLDS = 5


@dataclass(frozen=True, kw_only=True)
class Probability:
    """The probability of the positive class, as a function of the score.

    Of kind "none" it is the sigmoid of the score; "sigmoid" a logistic curve of it
    (Platt, 1999); "isotonic" a rising step curve (Zadrozny and Elkan, 2002), drawn
    through `knots`; "given columns" a logistic curve whose height and slope go with the
    columns too.
    """

    kind: Kind
    slopes: tuple[float, ...] = ()
    """Of the score, then of each column and of its product with the score."""
    intercept: float = 0.0
    knots: tuple[tuple[float, float], ...] = ()
    """Score and probability."""
    scales: tuple[tuple[float, float, float], ...] = ()
    """Of score and columns: median, what asinh divides by (0 for none), deviation."""

    def of(self, score: Floats, columns: Floats) -> Floats:
        """Return the probabilities.

        Args:
            score: Any shape.
            columns: One more axis, of the columns.
        """
        if self.kind == "none":
            return _sigmoid(score)
        if self.kind == "isotonic":
            x, p = np.array(self.knots).T
            found: Floats = np.interp(score, x, p)
            return found
        columns = columns[..., : len(self.scales) - 1]  # a plain curve looks at none
        features = _features(score, columns, self.scales)
        return _sigmoid(features @ np.array(self.slopes) + self.intercept)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON knows them."""
        return {
            "kind": self.kind,
            "slopes": list(self.slopes),
            "intercept": self.intercept,
            "knots": [list(knot) for knot in self.knots],
            "scales": [list(scale) for scale in self.scales],
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> "Probability":
        """Undo `to_dict`."""
        if state["kind"] not in ("none", *_FITS):
            raise LookupError(f"a probability of kind {state['kind']!r}")
        return cls(
            kind=state["kind"],
            slopes=tuple(map(float, state["slopes"])),
            intercept=float(state["intercept"]),
            knots=tuple((float(x), float(p)) for x, p in state["knots"]),
            scales=tuple((float(a), float(b), float(c)) for a, b, c in state["scales"]),
        )


def choose_kind(score: Floats, target: NDArray[Any], weight: Floats | None) -> Kind:
    """Return the curve of the score with the lowest cross-validated log-loss.

    The simpler one, where another is not better by 1 %.
    """
    kinds: tuple[Kind, ...] = ("none", "sigmoid", "isotonic")
    fold = deal_into_folds(target, _N_FOLDS, seed=0)
    losses = []
    for kind in kinds:
        p = np.empty_like(score)
        for one in range(_N_FOLDS):
            out, rest = fold == one, fold != one
            some = None if weight is None else weight[rest]
            curve = fit_probability(kind, score[rest], target[rest], some)
            p[out] = curve.of(score[out], np.empty((int(out.sum()), 0)))
        p = p.clip(1e-12, 1 - 1e-12)
        loss = -np.where(target == 1, np.log(p), np.log1p(-p))
        losses.append(float(np.average(loss, weights=weight)))
    best = 0
    for place in (1, 2):
        if losses[place] < 0.99 * losses[best]:
            best = place
    return kinds[best]


def fit_probability(
    kind: Kind, score: Floats, target: NDArray[Any], weight: Floats | None
) -> Probability:
    """Return the curve of a kind that looks at the score alone."""
    if kind == "none":
        return Probability(kind="none")
    return _FITS[kind](score, np.empty((len(score), 0)), target, weight)


def fit_given_columns(
    score: Floats, columns: Floats, target: NDArray[Any], weight: Floats | None
) -> Probability:
    """Return a logistic curve of score, columns and their products.

    A model that was trained with an eye on the columns gives scores that mean other
    probabilities at other values of them.
    """
    return _logistic("given columns", score, columns, target, weight)


def _logistic(
    kind: Literal["sigmoid", "given columns"],
    score: Floats,
    columns: Floats,
    target: NDArray[Any],
    weight: Floats | None,
) -> Probability:
    from sklearn.linear_model import LogisticRegression

    each = [score, *np.moveaxis(columns, -1, 0)]
    scales = (_scale(score, tail=False), *map(_scale, each[1:]))
    features = _features(score, columns, scales)
    line = LogisticRegression(C=100.0 if kind == "sigmoid" else 1.0, max_iter=1_000)
    line.fit(
        features,
        target,
        sample_weight=None if weight is None else weight / weight.mean(),
    )
    slopes = line.coef_[0].tolist()
    if kind == "sigmoid":
        slopes = [max(slopes[0], 0.0)]
    intercept = float(line.intercept_[0])
    return Probability(
        kind=kind, slopes=tuple(slopes), intercept=intercept, scales=scales
    )


def _isotonic(
    score: Floats, columns: Floats, target: NDArray[Any], weight: Floats | None
) -> Probability:
    from sklearn.isotonic import IsotonicRegression

    del columns
    curve = IsotonicRegression(out_of_bounds="clip").fit(score, target, weight)
    least = 1 / (len(score) + 2)  # rows say no more
    heights = curve.y_thresholds_.clip(least, 1 - least)
    knots = zip(curve.X_thresholds_.tolist(), heights.tolist(), strict=True)
    return Probability(kind="isotonic", knots=tuple(knots))


_FITS: dict[str, Callable[..., Probability]] = {
    "sigmoid": lambda *rows: _logistic("sigmoid", *rows),
    "isotonic": _isotonic,
    "given columns": lambda *rows: _logistic("given columns", *rows),
}


def _scale(values: Floats, *, tail: bool = True) -> tuple[float, float, float]:
    median = float(np.median(values))
    typical = float(np.median(np.abs(values - median))) * tail
    pulled = _pulled(values, median, typical)
    return median, typical, float(pulled.std()) or 1.0


def _pulled(values: Floats, median: float, typical: float) -> Floats:
    centred = values - median
    return np.arcsinh(centred / typical) if typical else centred


def _features(
    score: Floats, columns: Floats, scales: tuple[tuple[float, float, float], ...]
) -> Floats:
    """Return score, columns and their products with the score, scaled."""
    each = [score, *np.moveaxis(columns, -1, 0)]
    first, *further = (
        _pulled(one, median, typical) / deviation
        for one, (median, typical, deviation) in zip(each, scales, strict=True)
    )
    return np.stack([first, *further, *(first * one for one in further)], axis=-1)


def _sigmoid(score: Floats) -> Floats:
    found: Floats = 1 / (1 + np.exp(-np.clip(score, -_LARGEST, _LARGEST)))
    return found
