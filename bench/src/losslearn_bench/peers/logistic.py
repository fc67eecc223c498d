"""Logistic regression with a tuned threshold, as scikit-learn offers it."""

import warnings
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer
from sklearn.model_selection import TunedThresholdClassifierCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from losslearn.metrics import Sets, TrueLoss
from losslearn_bench.harness.budget import Setting, each
from losslearn_bench.harness.method import Fitted, Method, Request
from losslearn_bench.harness.rows import TrainingData
from losslearn_bench.peers.candidates import Candidate, choose

_GRID = each("C", 1.0, 0.1, 10.0, 0.01, 100.0, 0.001, 1000.0, 1e-4)


@dataclass(frozen=True)
class TunedLogistic(Method):
    """Logistic regression on standardised features, its `C` from the validation rows.

    For a loss that needs a threshold, `TunedThresholdClassifierCV` tunes one by cross-
    validation on the training rows, and the result is measured at it. Where a class has
    fewer than two rows to fold, the threshold is left to the benchmark.
    """

    _: KW_ONLY
    tiers: tuple[str, ...] = ("linear",)
    n_splits: int = 5
    """Folds of the cross-validation that tunes the threshold."""

    def answer(self, request: Request) -> list[Fitted]:
        """Train with each `C` and return the best for each of the losses."""
        data, true_losses, _, budget, seed = request
        candidates = [_train(data, setting) for setting in budget.settings(_GRID)]
        results = choose(true_losses, candidates, data)
        return [
            result._replace(
                threshold=self._tune_threshold(data, true_loss, result.setting, seed)
            )
            for true_loss, result in zip(true_losses, results, strict=True)
        ]

    def _tune_threshold(
        self, data: TrainingData, true_loss: TrueLoss, setting: Setting, seed: int
    ) -> float | None:
        """Return scikit-learn's threshold; None where it takes none or has no folds."""
        n_pos = int(data.y_true.sum())
        n_splits = min(self.n_splits, n_pos, len(data.y_true) - n_pos)
        if not true_loss.needs_threshold or n_splits < 2:
            return None
        tuned = TunedThresholdClassifierCV(
            _pipeline(setting),
            scoring=make_scorer(_gain, true_loss=true_loss.with_threshold(1)),
            response_method="decision_function",
            cv=n_splits,
            random_state=seed,
        )
        return float(_fitted(tuned, data).best_threshold_)


def _train(data: TrainingData, setting: Setting) -> Candidate:
    pipeline = _fitted(_pipeline(setting), data)

    def score(x: Tensor) -> Tensor:
        return torch.as_tensor(pipeline.decision_function(_array(x)), device=x.device)

    return Candidate(setting, score, int(pipeline[-1].n_iter_[0]))


def _pipeline(setting: Setting) -> Pipeline:
    logistic = LogisticRegression(C=setting["C"], max_iter=1_000)
    return make_pipeline(StandardScaler(), logistic)


def _fitted(model: Any, data: TrainingData) -> Any:  # noqa: ANN401 - as scikit-learn has it
    with warnings.catch_warnings():
        # a weak penalty on separable rows has its optimum far out; the true loss of the
        # validation rows, not the solver, says whether the weights are any good
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(_array(data.x), _array(data.y_true))


def _gain(y_true: np.ndarray, y_pred: np.ndarray, *, true_loss: TrueLoss) -> float:
    """Return a score that scikit-learn can maximise, from labels 0 and 1."""
    labels = torch.as_tensor(y_pred).double()
    return -float(true_loss(Sets(torch.as_tensor(y_true), labels)))


def _array(values: Tensor) -> np.ndarray:
    array = values.detach().cpu().numpy()
    return array.astype(np.float64) if values.is_floating_point() else array


LOGISTIC = TunedLogistic("logistic_tuned", "logistic regression, tuned threshold")
