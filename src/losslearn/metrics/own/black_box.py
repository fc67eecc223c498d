"""Calling a metric that is a black box: any function of targets and scores."""

import signal
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from losslearn._wording import said, shown
from losslearn.metrics.columns import (
    NO_COLUMNS,
    Columns,
    TextColumns,
    as_array,
    take_rows,
)
from losslearn.metrics.sets import (
    Labels,
    PerSet,
    Scores,
    Sets,
    Weights,
    over_present,
    value_dtype,
)

Array = NDArray[Any]
ByRow = Mapping[str, Array]
"""Further arguments of a metric, of the shape of the targets: `sample_weight` where
weights are given, and the metric's own columns."""

_MAX_CUTS = 25  # thresholds tried per set, for a metric of labels
_CHUNK = 2_000_000  # labels held at a time


def is_interruption(error: BaseException) -> bool:
    """Return whether this is Ctrl-C, and not a metric's own.

    Where a handler of another kind is in place, its exception is a class of its own.
    """
    is_default = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    is_plain = type(error) is KeyboardInterrupt
    return isinstance(error, KeyboardInterrupt) and (is_default or not is_plain)


class MetricError(ValueError):
    """A user's metric raised an exception, or returned what is no loss."""


class UndefinedError(MetricError):
    """It has no value on a set: an exception, NaN or an infinite one."""


@dataclass(kw_only=True)
class BlackBox:
    """A metric seen from outside, made to look like a loss of batched tensors.

    It gets copies in numpy: the targets as integers, the scores (or what it takes
    instead) in double precision. Sets of one class never reach it. Unknown is None.

    A set on which it is undefined is an error where it comes alone, as the validation
    rows do; among several, drawn or generated, it has the value NaN and is left out.
    """

    name: str
    origin: str
    """Where it comes from, for its description."""
    said_by: str = ""
    """Who says what it takes: "argument" (its name), "declared", "given" or none."""
    argument: str = ""
    """What its second argument is called."""
    source: str = ""
    """Its code, to know it again by; empty where there is none."""
    call: Callable[..., Any]
    """`(y_true, response, by_row)`."""
    greater_is_better: bool | None
    response_method: str | None
    batched: bool = False
    takes_weight: bool = False
    is_scikit_learn: bool = False
    """Whether scikit-learn's warnings on undefined values come with it."""
    columns: tuple[str, ...] = ()
    """Further numbers of each row that it needs."""
    lower: float | None = None
    """The least value there can be; `upper` is the greatest."""
    upper: float | None = None
    place: str = ""
    """Where it is being called from, for messages."""
    n_calls: int = 0
    """How often it has been called."""
    n_valued: int = 0
    """Sets of both classes, among several, that it was to value."""
    n_undefined: int = 0
    """Those of them on which it was undefined."""
    n_tried: int = 0
    """Thresholds that it was to judge labels at, on sets on which it was not."""
    n_left_out: int = 0
    """Those of them at which it was undefined."""
    undefined: UndefinedError | None = None
    """Why it was undefined first."""
    text: TextColumns = field(default_factory=TextColumns)
    """Its columns that are given to it as text."""
    max_cuts: int = _MAX_CUTS
    """Thresholds tried per set, of labels."""
    seconds: float = 0.0
    """Time spent in it."""
    n_judged: int = 0
    """Sets, of labels at one threshold each, on which it was spent."""

    @property
    def sign(self) -> str:
        """What stands before its value to make it a loss: "", "-" or "1 - "."""
        if not self.greater_is_better:
            return ""
        return "1 - " if self.upper == 1 else "-"

    @property
    def cost(self) -> float:
        """Seconds that a set takes, of labels at one threshold; 0 before any call."""
        return self.seconds / max(self.n_judged, 1)

    def loss(
        self,
        y_true: Labels,
        y_score: Scores,
        *,
        threshold: float | int | None = None,
        sample_weight: Weights = None,
        columns: Columns = NO_COLUMNS,
    ) -> PerSet:
        """Return the loss of each set; of labels, the lowest over 25 thresholds.

        The thresholds are scores from the highest to the lowest: at least one row is
        called positive. Between two of them lies the same share of the positive rows
        and of the negative ones in sum, so that rare positives get as many thresholds
        among them as frequent ones. With a `threshold`, rows from it on have label 1.
        Thresholds at which it is undefined are left out.

        Raises:
            MetricError: If it returns what is no number, or is undefined on a set that
                comes alone.
        """
        sets = Sets(y_true, y_score, sample_weight, columns)
        return over_present(partial(self._per_set, threshold), sets)

    def _per_set(self, threshold: float | int | None, sets: Sets) -> Tensor:
        """Return the losses of the sets that have both classes, NaN of others."""
        shape = sets.score.shape
        given = dict(sets.columns)
        if sets.weight is not None:
            given["sample_weight"] = sets.weight
        target = sets.target.reshape(-1, shape[-1]).cpu().numpy().astype(int)
        score, *further = (
            values.detach().double().expand(shape).reshape(target.shape).cpu().numpy()
            for values in (sets.score, *given.values())
        )
        both = (target == 1).any(-1) & (target == 0).any(-1)
        defined = both & ~np.isnan(score).any(-1)
        losses = np.full(len(score), np.nan)
        if defined.any():  # indexing copies: the metric may write into what it gets
            by_row = take_rows(dict(zip(given, further, strict=True)), defined)
            given_to = (target[defined], score[defined], by_row, threshold)
            judged = self._alone if len(shape) == 1 else self._counted
            losses[defined] = judged(*given_to)
        values = torch.from_numpy(losses).to(value_dtype(sets.score))
        return values.to(sets.score.device).reshape(shape[:-1])

    def _alone(self, *given: Any) -> Array:  # noqa: ANN401 - as `_judged`
        """Return the loss of one set, which must have one; as `_judged`."""
        before, self.undefined = self.undefined, None
        losses = self._judged(*given)
        if np.isnan(losses).any() and self.undefined is not None:
            raise self.undefined
        self.undefined = before or self.undefined  # at one threshold of several
        return losses

    def _counted(self, *given: Any) -> Array:  # noqa: ANN401 - as `_judged`
        """Return the losses of several sets; count those without."""
        losses = self._judged(*given)
        self.n_valued += len(losses)
        self.n_undefined += int(np.isnan(losses).sum())
        return losses

    @contextmanager
    def choosing(self) -> Iterator[None]:
        """Count the sets judged meanwhile as thresholds: they are one, at each."""
        before = self.n_valued, self.n_undefined
        yield
        self.n_tried += self.n_valued - before[0]
        self.n_left_out += self.n_undefined - before[1]
        self.n_valued, self.n_undefined = before

    @contextmanager
    def uncounted(self, *, if_all: bool) -> Iterator[None]:
        """Leave sets out, within the block, of what is told of those without a value.

        For what may well have none, as calling no row positive; with `if_all`, where
        none of the block's sets has one: a failure among others is told.
        """
        names = ("n_valued", "n_undefined", "n_tried", "n_left_out", "undefined")
        before = {name: getattr(self, name) for name in names}
        try:
            yield
        finally:
            n_valued, n_undefined = (
                getattr(self, name) - before[name]
                for name in ("n_valued", "n_undefined")
            )
            if not if_all or n_valued == n_undefined:
                for name, value in before.items():
                    setattr(self, name, value)

    def _is_undefined(self, why: str, cause: Exception | None = None) -> None:
        """Keep the first reason."""
        if self.undefined is None:
            self.undefined = UndefinedError(why)
            self.undefined.__cause__ = cause

    def _judged(
        self, y_true: Array, score: Array, by_row: ByRow, threshold: float | int | None
    ) -> Array:
        """Return the loss of each set, of what the metric takes."""
        if threshold is not None:
            score = (score >= threshold).astype(int)
        elif self.response_method == "predict":
            return self._best_over_cuts(y_true, score, by_row)
        elif self.response_method == "predict_proba":
            score = torch.from_numpy(score).sigmoid().numpy()
        return self._losses(y_true, score, by_row)

    def _best_over_cuts(self, y_true: Array, y_score: Array, by_row: ByRow) -> Array:
        """Return each set's lowest loss over the thresholds tried."""
        n_sets, n = y_score.shape
        order = np.argsort(-y_score, axis=-1, kind="stable")
        ranks = tried_ranks(np.take_along_axis(y_true, order, -1), self.max_cuts)
        rows = np.take_along_axis(order, ranks, -1)
        thresholds = np.take_along_axis(y_score, rows, -1)  # (sets, cuts)
        is_new = np.ones(thresholds.shape, dtype=bool)
        is_new[:, 1:] = thresholds[:, 1:] != thresholds[:, :-1]
        best = np.empty(n_sets)
        step = max(_CHUNK // (n * ranks.shape[-1]), 1)
        for start in range(0, n_sets, step):
            chunk = slice(start, start + step)
            of_set, cut = np.nonzero(is_new[chunk])
            of_set += start
            labels = y_score[of_set] >= thresholds[of_set, cut, None]
            losses = self._losses(
                y_true[of_set], labels.astype(int), take_rows(by_row, of_set)
            )
            first = np.flatnonzero(np.diff(of_set, prepend=-1))
            best[chunk] = np.fmin.reduceat(losses, first)
            of_defined = losses[~np.isnan(best[of_set])]
            self.n_tried += len(of_defined)
            self.n_left_out += int(np.isnan(of_defined).sum())
        return best

    def _losses(self, y_true: Array, response: Array, by_row: ByRow) -> Array:
        """Return the loss of each set, in one call or in a call each."""
        begin = time.perf_counter()
        quiet: AbstractContextManager[object] = nullcontext()
        if self.is_scikit_learn:
            from sklearn.exceptions import UndefinedMetricWarning as Undefined

            # once for all sets: it makes Python forget which warnings it knows
            quiet = warnings.catch_warnings(action="ignore", category=Undefined)
        with quiet:
            value = None
            if self.batched:
                value = self._value(y_true, response, by_row)
            if value is None:  # set by set, to tell which ones are undefined
                one_by_one = (
                    self._value(y_true[some], response[some], take_rows(by_row, some))
                    for some in self._each(len(y_true))
                )
                missing = np.array(np.nan)
                found = [missing if one is None else one for one in one_by_one]
                value = np.array(found, dtype=float).reshape(-1)
        self.seconds += time.perf_counter() - begin
        self.n_judged += len(y_true)
        if self.sign == "1 - ":
            return 1 - value
        return -value if self.sign == "-" else value

    def _each(self, n_sets: int) -> list[int] | list[slice]:
        """Return each set's place, a batched metric's as a batch of one."""
        if self.batched:
            return [slice(i, i + 1) for i in range(n_sets)]
        return list(range(n_sets))

    def _value(self, y_true: Array, response: Array, by_row: ByRow) -> Array | None:
        """Return what the metric returns: doubles, one a set; None if undefined."""
        self.n_calls += 1
        by_row = {name: self.text.decode(name, by_row[name]) for name in by_row}
        name, shape = f"`{self.name}`", y_true.shape[:-1]

        def at() -> str:
            sets = f"{shape[0]} sets of " if shape else ""
            return (
                f"at call {self.n_calls}{self.place} "
                f"({sets}n = {y_true.shape[-1]} rows, {int(y_true.sum())} positive)"
            )

        try:
            value = self.call(y_true, response, by_row)
            found = as_array(value)
        except BaseException as error:  # `exit()` too
            if is_interruption(error):
                raise
            why = f"{name} raised {type(error).__name__} {at()}: {said(error)}"
            if not isinstance(error, Exception):
                raise MetricError(why) from error
            self._is_undefined(why, error)
            return None
        if found.dtype.kind not in "fiub" or found.shape != shape:
            each = f" for each of the {shape[0]} sets" if shape else ""
            got = f"{shown(value)} ({type(value).__name__})"
            if found.ndim:
                got = f"an array of shape {found.shape}"
            raise MetricError(f"{name} must return one number{each}, got {got} {at()}.")
        if not np.isfinite(found).all():
            wrong = found[~np.isfinite(found)][0]
            self._is_undefined(
                f"{name} must return a finite value, got {wrong} {at()}. "
                "Return the worst value where the metric is undefined."
            )
        return np.where(np.isfinite(found), found, np.nan).astype(float)


def tried_ranks(y_sorted: Array, max_cuts: int) -> Array:
    """Return the ranks whose scores are thresholds to try, `[sets, cuts]`.

    The targets come from the highest score to the lowest, both classes in each set.
    """
    n_sets, n = y_sorted.shape
    if n <= max_cuts:
        return np.broadcast_to(np.arange(n), (n_sets, n))
    n_positive = y_sorted.sum(-1, keepdims=True)
    # in whole numbers, so that the order of equal scores changes nothing
    mass = np.where(y_sorted == 1, n - n_positive, n_positive).cumsum(-1)
    places = np.linspace(0, mass[:, -1], max_cuts, axis=-1).astype(np.int64)
    return np.stack([np.searchsorted(*one) for one in zip(mass, places, strict=True)])
