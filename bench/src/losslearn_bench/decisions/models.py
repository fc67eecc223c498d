"""Models that know nothing of the metric: constants, logistic regression, trees."""

import warnings
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from losslearn_bench.decisions.rows import Parts
from losslearn_bench.harness.packages import load

_PENALTIES = (0.01, 0.1, 1.0, 10.0)
_ROUNDS, _PATIENCE = 300, 30


def fit_logistic(parts: Parts, seed: int) -> Pipeline:
    """Return logistic regression, the `C` of four with the lowest validation log-loss.

    Features are standardised.
    """
    del seed
    train, valid = parts.train, parts.valid
    fitted = []
    for penalty in _PENALTIES:
        model = logistic(penalty)
        with warnings.catch_warnings():
            # a weak penalty has its optimum far out; validation rows judge
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(train.x, train.y)
        fitted.append((log_loss(valid.y, model.predict_proba(valid.x)), model))
    return min(fitted, key=lambda one: one[0])[1]


def logistic(penalty: float) -> Pipeline:
    """Return logistic regression on standardised features."""
    line = LogisticRegression(C=penalty, max_iter=300)
    return make_pipeline(StandardScaler(), line)


def fit_lightgbm(parts: Parts, seed: int) -> Any:  # noqa: ANN401 - of a peer's type
    """Return at most 300 trees, stopped by the validation rows' log-loss."""
    lightgbm = load("lightgbm")
    train, valid = parts.train, parts.valid
    trees = lightgbm.LGBMClassifier(
        n_estimators=_ROUNDS,
        learning_rate=0.05,
        n_jobs=1,
        random_state=seed,
        deterministic=True,
        force_col_wise=True,
        verbosity=-1,
    )
    stop = lightgbm.early_stopping(_PATIENCE, verbose=False)
    return trees.fit(train.x, train.y, eval_X=valid.x, eval_y=valid.y, callbacks=[stop])


def positives(model: Any, x: np.ndarray) -> np.ndarray:  # noqa: ANN401 - any classifier
    """Return the probability of each row's being positive."""
    return np.asarray(model.predict_proba(x)[:, 1], dtype=np.float64)
