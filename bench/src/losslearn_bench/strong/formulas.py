"""LightGBM for those who know the metric's formula: its own smooth form as objective.

Stopped by that form on the validation rows; the scores are decided as any others are.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import rankdata

from losslearn_bench.decisions.deciding import Scores
from losslearn_bench.decisions.rows import Part, Parts
from losslearn_bench.harness.packages import load
from losslearn_bench.strong import metrics
from losslearn_bench.strong.goals import Goal
from losslearn_bench.strong.outside import PATIENCE, ROUNDS, settings

Floats = NDArray[np.float64]


def has_formula(goal: Goal) -> bool:
    """Whether a metric has a smooth form that is a sum over rows."""
    return goal.problem.costs is not None or goal.problem.metric is metrics.spearman


def fit_formula(goal: Goal, parts: Parts, seed: int) -> list[Scores]:
    """Return the scores of boosters that follow the formula, of which one may choose.

    Of money, by the gain expected where a row is called positive with probability
    sigmoid(score), and by the log-loss of who is worth calling, each row weighed by
    what hangs on it; of a rank correlation, by squared errors to the ranks of what
    rows bring.
    """
    if goal.problem.costs is None:
        return [_follow_ranks(goal, parts, seed)]
    return [_follow_gain(goal, parts, seed), _follow_weights(goal, parts, seed)]


def gain_of(goal: Goal, part: Part) -> Floats:
    """Return what calling each row positive gains over not calling it so."""
    assert goal.problem.costs is not None
    costs = goal.problem.costs(part.columns(goal.problem))
    is_positive = part.y == 1
    called = np.where(is_positive, costs.get("tp", 0.0), costs.get("fp", 0.0))
    other = np.where(is_positive, costs.get("fn", 0.0), costs.get("tn", 0.0))
    return np.asarray(other - called, dtype=np.float64)


def slopes(score: Floats, gain: Floats) -> tuple[Floats, Floats]:
    """Return the slope of minus the expected gain, and a curvature above 0."""
    p = expit(score)
    return -gain * p * (1 - p), np.abs(gain) * p * (1 - p)


def _follow_gain(goal: Goal, parts: Parts, seed: int) -> Scores:
    gain, valid_gain = (gain_of(goal, part) for part in (parts.train, parts.valid))
    unit = np.abs(gain).mean()

    def objective(score: Floats, _: Any) -> tuple[Floats, Floats]:  # noqa: ANN401 - LightGBM's
        return slopes(score, gain / unit)

    def judged(score: Floats, _: Any) -> tuple[str, float, bool]:  # noqa: ANN401 - LightGBM's
        return "gain", float((expit(score) * valid_gain).mean() / unit), True

    own = {"objective": objective, "metric": "none"}
    targets = parts.train.y, parts.valid.y
    return _train(parts, targets, own, seed, feval=judged)


def _follow_weights(goal: Goal, parts: Parts, seed: int) -> Scores:
    gains = [gain_of(goal, part) for part in (parts.train, parts.valid)]
    targets = gains[0] > 0, gains[1] > 0
    weights = np.abs(gains[0]), np.abs(gains[1])
    own = {"objective": "binary"}
    return _train(parts, targets, own, seed, weights=weights)


def _follow_ranks(goal: Goal, parts: Parts, seed: int) -> Scores:
    def ranks(part: Part) -> Floats:
        amount = part.columns(goal.problem)["amount"]
        return np.asarray(rankdata(part.y * amount) / len(part.y))

    targets = ranks(parts.train), ranks(parts.valid)
    return _train(parts, targets, {"objective": "regression"}, seed)


def _train(
    parts: Parts,
    targets: tuple[NDArray[Any], NDArray[Any]],
    own: dict[str, Any],
    seed: int,
    weights: tuple[Floats | None, Floats | None] = (None, None),
    **more: Any,  # noqa: ANN401 - LightGBM's
) -> Scores:
    lightgbm = load("lightgbm")
    train = lightgbm.Dataset(
        parts.train.x, targets[0], weight=_scaled(weights[0]), params=settings(seed)
    )
    valid = train.create_valid(parts.valid.x, targets[1], weight=_scaled(weights[1]))
    booster = lightgbm.train(
        {**settings(seed), **own},
        train,
        num_boost_round=ROUNDS,
        valid_sets=[valid],
        callbacks=[lightgbm.early_stopping(PATIENCE, verbose=False)],
        **more,
    )
    return Scores(
        *(
            booster.predict(part.x, raw_score=True, num_threads=1)
            for part in (parts.valid, parts.test)
        )
    )


def _scaled(weight: Floats | None) -> Floats | None:
    """Return weights of mean 1, which limits on leaves are meant for."""
    return None if weight is None else weight / weight.mean()
