"""The best model of several: all by the usual loss, the best two for the metric."""

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sklearn.base import clone

from losslearn.encoding import TableEncoder
from losslearn.estimators.parameters import settings_of
from losslearn.estimators.time_limit import check_max_time
from losslearn.metrics import Sets
from losslearn.models.kinds import CANDIDATES, kind_of
from losslearn.training.uncertainty import loss_difference

if TYPE_CHECKING:
    from losslearn.estimators.base import SurrogateEstimator

SECONDS = 60.0
"""For all of it, unless `max_time` says otherwise."""
_N_BEST = 2
_DEARER = 8.0
"""Times as long as by the usual loss, that a booster takes for a metric at most."""


@dataclass
class _Tried:
    """A candidate, and what its fits came to."""

    name: str
    usual: "SurrogateEstimator | None" = None
    learned: "SurrogateEstimator | None" = None
    seconds: float = 0.0
    left_out: str = ""
    """Why it has no fit, or none for the metric."""

    @property
    def best(self) -> "SurrogateEstimator":
        """The last of its fits."""
        found = self.learned or self.usual
        assert found is not None, "left out"
        return found

    @property
    def loss(self) -> float:
        """On the validation rows, as they are decided."""
        return float(self._result["validation"])

    @property
    def _result(self) -> Mapping[str, Any]:
        report = self.best.report_
        chosen = report["chosen"]
        return next(one for one in report["results"] if one["method"] == chosen)

    def told(self, chosen: str) -> dict[str, Any]:
        """Return it as a report has it."""
        found: dict[str, Any] = {"name": self.name, "seconds": self.seconds}
        found |= {"chosen": self.name == chosen, "left_out": self.left_out or None}
        if self.usual is None:
            nothing = dict.fromkeys(("validation", "metric_validation"))
            return {**found, **nothing, "trained_for_metric": False}
        one = self._result
        return {
            **found,
            "validation": one["validation"],
            "metric_validation": one["metric_validation"],
            "trained_for_metric": one["role"] == "learned",
        }


def fit_best(
    estimator: "SurrogateEstimator",
    X: Any,  # noqa: ANN401 - as of `fit`
    y: Any,  # noqa: ANN401 - as of `fit`
    given: Mapping[str, Any],
    *,
    told: Callable[[str], None] | None = None,
) -> None:
    """Fit the candidates to the same rows, and take over what the best one has learned.

    Each is fitted by its usual loss alone and decided by its best rule; the two with
    the lowest losses on the validation rows go on through the learned loss. A later
    candidate, which is less simple or slower, takes the place of an earlier one only
    where its loss is lower by more than the standard error of their difference. What
    there is no time for is left out, and told; nothing else depends on how long things
    take, but that the iterations of a network are lowered to its share of the time.

    Args:
        estimator: Whose settings all share; gets the fitted attributes.
        X: Features, as of `fit`.
        y: Targets.
        given: What else `fit` was given.
        told: Is told what is under way.

    Raises:
        ValueError: As of `fit`, where no candidate can be fitted.
        KeyboardInterrupt: If Ctrl-C came before there was anything to keep.
    """
    search = _Search(estimator, X, y, given, told or (lambda _: None))
    every = search.by_usual_loss()
    search.for_the_metric(every)
    best = _standing(every, seed=search.seed)
    for name, value in vars(best.best).items():
        if name.endswith("_") and not name.startswith("_"):
            setattr(estimator, name, value)
    report = {**estimator.report_, "models": [one.told(best.name) for one in every]}
    report["verdict"] = f"{_sentence(best, every)} {report['verdict']}"
    estimator.report_ = report


class _Search:
    """Fits candidates within a time."""

    def __init__(
        self,
        estimator: "SurrogateEstimator",
        X: Any,  # noqa: ANN401 - as of `fit`
        y: Any,  # noqa: ANN401 - as of `fit`
        given: Mapping[str, Any],
        told: Callable[[str], None],
    ) -> None:
        self._estimator, self._rows, self._given = estimator, (X, y), given
        seconds = check_max_time(estimator.max_time)
        self._end = time.perf_counter() + (SECONDS if seconds is None else seconds)
        self._told, self._is_stopped = told, False
        # all draw alike
        seed = estimator.random_state
        self.seed = seed if isinstance(seed, int) else 0

    @property
    def _left(self) -> float:
        return self._end - time.perf_counter()

    def by_usual_loss(self) -> list[_Tried]:
        """Return all candidates, fitted by their usual losses."""
        every, failure = [_Tried(name) for name in CANDIDATES], None
        for place, one in enumerate(every):
            if self._is_stopped or self._left <= 0:
                one.left_out = "no time was left"
                continue
            share = self._left / (len(every) - place + _N_BEST)
            try:
                one.usual = self._fitted(one, share, rounds=0)
            except ValueError as error:
                one.left_out, failure = str(error), failure or error
        if all(one.usual is None for one in every):
            raise failure or KeyboardInterrupt()
        return every

    def for_the_metric(self, every: Sequence[_Tried]) -> None:
        """Let the best ones go on through the learned loss."""
        fitted = sorted(
            (one for one in every if one.usual is not None), key=lambda one: one.loss
        )
        for one in fitted[_N_BEST:]:
            one.left_out = "not among the best two by the usual loss"
        best = fitted[:_N_BEST]
        for place, one in enumerate(best):
            share = self._left / (len(best) - place)
            is_too_dear = not _is_limited(one.name) and share < _DEARER * one.seconds
            if self._is_stopped or share <= 0 or is_too_dear:
                one.left_out = "no time was left to train it for the metric"
                continue
            one.learned = self._fitted(one, share)

    def _fitted(self, one: _Tried, seconds: float, **recipe: Any) -> Any:  # noqa: ANN401 - settings
        """Return an estimator of a candidate's kind, fitted."""
        begin, own = time.perf_counter(), self._estimator
        what = "by the usual loss" if recipe else "for the metric"
        self._told(f"training {one.name} {what}")
        encoder = None if own.encoder is None else clone(own.encoder)
        if isinstance(encoder, TableEncoder):
            encoder.set_params(for_trees=kind_of(one.name).takes_gaps)
        settings = {
            **own.get_params(deep=False),  # not a clone's: what watches is no copy
            "model": one.name,
            "max_time": seconds if _is_limited(one.name) else None,
            "random_state": self.seed,
            "refit": _ends_with_all(own),
            "encoder": encoder,
            "recipe": replace(settings_of(own.recipe), **recipe),
        }
        found = type(own)(**settings)
        try:
            with warnings.catch_warnings():
                # of a candidate that may not be taken; its report says the same
                warnings.simplefilter("ignore", RuntimeWarning)
                found.fit(*self._rows, **self._given)
        except KeyboardInterrupt:
            self._is_stopped = True
            one.left_out = "stopped"
            return None
        self._is_stopped = found.report_["interrupted"]
        one.seconds += time.perf_counter() - begin
        return found


def _is_limited(name: str) -> bool:
    """Whether a model's iterations can be lowered to fit into a time."""
    return not kind_of(name).takes_gaps


def _ends_with_all(estimator: "SurrogateEstimator") -> bool:
    """Whether validation rows are trained on in the end: as without a limit."""
    if estimator.refit is not None:
        return bool(estimator.refit)
    return estimator.max_time is None


def _standing(every: Sequence[_Tried], *, seed: int) -> _Tried:
    """Return the best one; ties go to the earlier."""
    fitted = [one for one in every if one.usual is not None]
    best = fitted[0]
    for other in fitted[1:]:
        both = [_decided(one.best) for one in (other, best)]
        strata = best.best.task.strata(both[0].target)
        loss = best.best.true_loss_
        if loss_difference(loss, both, strata=strata, seed=seed).is_clear_gain():
            best = other
    return best


def _decided(fitted: "SurrogateEstimator") -> Sets:
    """Return the validation rows as they are decided."""
    sets, rule = fitted.validation_, fitted.rule_
    if not fitted.true_loss_.needs_rule:
        return sets
    decided = rule.decide(sets.score, sets.columns)
    return sets._replace(score=decided.to(sets.score.dtype))


def _sentence(best: _Tried, every: Sequence[_Tried]) -> str:
    others = [one.name for one in every if one is not best and one.usual is not None]
    if not others:
        return f"{best.name} is used, the one model that was fitted."
    return f"Of {len(others) + 1} models {best.name} is used."
