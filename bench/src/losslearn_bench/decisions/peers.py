"""What others offer: empulse for costs of rows, fairlearn for groups.

Höppner et al. (2022) and Bahnsen et al. (2014) for empulse's models; Hardt et al.
(2016) and Agarwal et al. (2018) for fairlearn's.
"""

import warnings
from typing import Any

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.preprocessing import StandardScaler

from losslearn_bench.decisions.metrics import Array
from losslearn_bench.decisions.models import logistic
from losslearn_bench.decisions.problems import Problem
from losslearn_bench.decisions.rows import Part, Parts
from losslearn_bench.harness.packages import load

_CONSTRAINTS = {
    "accuracy_less_gap": ("true_positive_rate_parity", "accuracy_score"),
    "worst_group": ("equalized_odds", "balanced_accuracy_score"),
}
"""fairlearn's constraint and objective that are nearest to the metric."""
_MOST_FITS = 20


def decide_with(
    problem: Problem,
    parts: Parts,
    model: Any,  # noqa: ANN401 - any classifier
    seed: int,
) -> Array | None:
    """Return a peer's decisions on the test rows by a fitted model; None without one.

    For costs empulse's `CSThresholdClassifier`, for groups fairlearn's
    `ThresholdOptimizer`, either of which learns from the validation rows.
    """
    valid, test = parts.valid, parts.test
    if problem.costs is not None:
        # of a fitted model it makes no calibration itself; this is its own default
        calibrated = CalibratedClassifierCV(FrozenEstimator(model), ensemble=False)
        peer = load("empulse.models").CSThresholdClassifier(calibrated, calibrator=None)
        peer.fit(valid.x, valid.y)
        with warnings.catch_warnings():
            # where one decision is better whatever the row is, as for small loans
            warnings.filterwarnings("ignore", "The optimal threshold computed")
            return np.asarray(peer.predict(test.x, **_costs(problem, test)))
    if problem.group is None:
        return None
    constraint, objective = _CONSTRAINTS[problem.metric.__name__]
    optimiser = load("fairlearn.postprocessing").ThresholdOptimizer(
        estimator=model,
        constraints=constraint,
        objective=objective,
        prefit=True,
        predict_method="predict_proba",
    )
    group = valid.columns(problem)["group"]
    optimiser.fit(valid.x, valid.y, sensitive_features=group)
    group = test.columns(problem)["group"]
    return np.asarray(
        optimiser.predict(test.x, sensitive_features=group, random_state=seed)
    )


def decide_by_cost_logit(problem: Problem, parts: Parts, seed: int) -> Array:
    """Return the decisions of empulse's `CSLogitClassifier`, features standardised."""
    del seed
    train, scale = parts.train, StandardScaler().fit(parts.train.x)
    model = load("empulse.models").CSLogitClassifier()
    model.fit(scale.transform(train.x), train.y, **_costs(problem, train))
    return np.asarray(model.predict(scale.transform(parts.test.x)))


def decide_by_cost_boost(problem: Problem, parts: Parts, seed: int) -> Array:
    """Return the decisions of empulse's `CSBoostClassifier` around LightGBM."""
    train = parts.train
    trees = load("lightgbm").LGBMClassifier(
        n_estimators=100, learning_rate=0.05, n_jobs=1, random_state=seed, verbosity=-1
    )
    model = load("empulse.models").CSBoostClassifier(trees)
    with warnings.catch_warnings():
        # its arrays have no names, and LightGBM gives them some
        warnings.filterwarnings("ignore", "X does not have valid feature names")
        model.fit(train.x, train.y, **_costs(problem, train))
        return np.asarray(model.predict(parts.test.x))


def decide_by_reductions(problem: Problem, parts: Parts, seed: int) -> Array:
    """Return the decisions of `ExponentiatedGradient` around logistic regression."""
    reductions, train = load("fairlearn.reductions"), parts.train
    parity = {
        "accuracy_less_gap": reductions.TruePositiveRateParity,
        "worst_group": reductions.EqualizedOdds,
    }[problem.metric.__name__]
    model = reductions.ExponentiatedGradient(
        logistic(1.0),
        parity(),
        max_iter=_MOST_FITS,
        sample_weight_name="logisticregression__sample_weight",
    )
    with warnings.catch_warnings():
        # of its own use of pandas
        warnings.filterwarnings("ignore", "Setting an? ", DeprecationWarning)
        group = train.columns(problem)["group"]
        model.fit(train.x, train.y, sensitive_features=group)
        return np.asarray(model.predict(parts.test.x, random_state=seed))


def _costs(problem: Problem, part: Part) -> dict[str, Array]:
    assert problem.costs is not None, "the metric is a sum of costs"
    costs = problem.costs(part.columns(problem))
    return {
        f"{name}_cost": np.broadcast_to(costs.get(name, 0.0), len(part.y)).astype(float)
        for name in ("tp", "tn", "fn", "fp")
    }
