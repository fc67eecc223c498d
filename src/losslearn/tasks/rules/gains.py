"""Gains of trial flips, carried to other rows as functions of their columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from losslearn.tasks.rules.by_group import MAX_VALUES

Floats = NDArray[np.float64]

_N_NEAREST = 7
_N_FOLDS = 5
_EXACT = 1e-6
"""A line that leaves less than this share of the variance is the function itself."""
_RIDGE = 1e-9
_MAX_FEATURES = 40
_CHUNK = 100_000


@dataclass(frozen=True, kw_only=True)
class Design:
    """Columns as features of a line: numbers, values of few, and their products."""

    values: tuple[tuple[float, ...] | None, ...]
    """The values of a column of few; None of a column of numbers."""
    centres: tuple[float, ...]
    scales: tuple[float, ...]
    """Of each column of numbers; deviations from the median on average."""
    has_products: bool

    @classmethod
    def fit(cls, columns: Floats) -> "Design":
        """Return the design of columns, shape `[rows, columns]`."""
        values: list[tuple[float, ...] | None] = []
        centres, scales = [], []
        for column in columns.T:
            distinct = np.unique(column)
            is_few = len(distinct) <= MAX_VALUES
            values.append(tuple(distinct.tolist()) if is_few else None)
            centres.append(float(np.median(column)))
            scales.append(float(np.abs(column - centres[-1]).mean()) or 1.0)
        n_ones = sum(len(one) - 1 for one in values if one is not None)
        n_numbers = sum(one is None for one in values)
        n_products = n_ones * n_numbers + n_numbers * (n_numbers - 1) // 2
        return cls(
            values=tuple(values),
            centres=tuple(centres),
            scales=tuple(scales),
            has_products=n_ones + n_numbers + n_products <= _MAX_FEATURES,
        )

    def features(self, columns: Floats) -> Floats:
        """Return the features of rows, shape `[rows, features]`, a 1 first."""
        numbers, ones = [], []
        for place, values in enumerate(self.values):
            column = columns[:, place]
            if values is None:
                numbers.append((column - self.centres[place]) / self.scales[place])
            else:
                ones += [(column == value).astype(float) for value in values[1:]]
        found = [np.ones(len(columns)), *numbers, *ones]
        if self.has_products:
            found += [number * one for number in numbers for one in ones]
            found += [
                first * second
                for place, first in enumerate(numbers)
                for second in numbers[:place]
            ]
        return np.stack(found, axis=-1)

    def places(self, columns: Floats) -> Floats:
        """Return where rows lie for their neighbours, heavy tails pulled in."""
        found = []
        for place, values in enumerate(self.values):
            column = columns[:, place]
            if values is None:
                scaled = (column - self.centres[place]) / self.scales[place]
                found.append(np.arcsinh(4 * scaled))
            else:
                found += [10.0 * (column == value) for value in values[1:]]
        return np.stack([np.zeros(len(columns)), *found], axis=-1)


@dataclass(frozen=True, kw_only=True)
class Gains:
    """Both gains of calling a row positive, by its columns.

    A line, which extrapolates to amounts that no probe had; where the gains are no
    line, what it leaves is added as the mean of the 7 nearest probes.
    """

    design: Design
    line: tuple[tuple[float, ...], tuple[float, ...]]
    """Weights of the features, of the gain with target 0 and with target 1."""
    probes: tuple[tuple[float, ...], ...] = ()
    """Places of the probes; none where the line is enough."""
    left: tuple[tuple[float, float], ...] = ()
    """What the line leaves of each."""

    @classmethod
    def fit(cls, columns: Floats, gains: Floats) -> "Gains":
        """Return the gains of probes as functions of their columns.

        Args:
            columns: Shape `[probes, columns]`.
            gains: Shape `[probes, 2]`.
        """
        design = Design.fit(columns)
        features, places = design.features(columns), design.places(columns)
        line = _line(features, gains)
        left = gains - features @ line
        weights = (tuple(line[:, 0].tolist()), tuple(line[:, 1].tolist()))
        total = np.square(gains - gains.mean(axis=0)).sum()
        if np.square(left).sum() <= _EXACT * total or len(gains) < 4 * _N_NEAREST:
            return cls(design=design, line=weights)
        fold = np.random.default_rng(0).permutation(len(gains)) % _N_FOLDS
        by_line, by_both = 0.0, 0.0
        for one in range(_N_FOLDS):
            out, rest = fold == one, fold != one
            own = _line(features[rest], gains[rest])
            rest_left = gains[rest] - features[rest] @ own
            error = gains[out] - features[out] @ own
            by_line += float(np.square(error).sum())
            error = error - _nearest_mean(places[rest], rest_left, places[out])
            by_both += float(np.square(error).sum())
        if by_line <= by_both:
            return cls(design=design, line=weights)
        return cls(
            design=design,
            line=weights,
            probes=tuple(map(tuple, places.tolist())),
            left=tuple((float(zero), float(one)) for zero, one in left),
        )

    def of(self, columns: Floats) -> Floats:
        """Return both gains of rows, shape `[rows, 2]`.

        Args:
            columns: Shape `[rows, columns]`.
        """
        found = self.design.features(columns) @ np.array(self.line).T
        if self.probes:
            probes, left = np.array(self.probes), np.array(self.left)
            found += _nearest_mean(probes, left, self.design.places(columns))
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON knows them."""
        return {
            "values": [None if v is None else list(v) for v in self.design.values],
            "centres": list(self.design.centres),
            "scales": list(self.design.scales),
            "has_products": self.design.has_products,
            "line": [list(weights) for weights in self.line],
            "probes": [list(place) for place in self.probes],
            "left": [list(both) for both in self.left],
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> "Gains":
        """Undo `to_dict`."""
        design = Design(
            values=tuple(None if v is None else _floats(v) for v in state["values"]),
            centres=_floats(state["centres"]),
            scales=_floats(state["scales"]),
            has_products=bool(state["has_products"]),
        )
        zero, one = map(_floats, state["line"])
        return cls(
            design=design,
            line=(zero, one),
            probes=tuple(map(_floats, state["probes"])),
            left=tuple((float(zero), float(one)) for zero, one in state["left"]),
        )


def _floats(values: Sequence[Any]) -> tuple[float, ...]:
    return tuple(map(float, values))


def _line(features: Floats, gains: Floats) -> Floats:
    """Return least squares, shape `[features, 2]`, with a trace of a penalty."""
    size = features.shape[1]
    gram = features.T @ features
    penalty = _RIDGE * np.trace(gram) / size * np.eye(size)
    found: Floats = np.linalg.solve(gram + penalty, features.T @ gains)
    return found


def _nearest_mean(probes: Floats, left: Floats, places: Floats) -> Floats:
    """Return the mean over the nearest probes, shape `[places, 2]`."""
    from scipy.spatial import cKDTree

    k = min(_N_NEAREST, len(probes))
    tree, found = cKDTree(probes), np.empty((len(places), 2))
    for start in range(0, len(places), _CHUNK):
        part = slice(start, start + _CHUNK)
        _, near = tree.query(places[part], k=k)
        found[part] = left[near.reshape(-1, k)].mean(axis=1)
    return found
