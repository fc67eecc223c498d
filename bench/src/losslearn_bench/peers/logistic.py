"""Logistic regression with a tuned threshold, as scikit-learn offers it."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

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
from losslearn_bench.harness.budget import Budget, Setting
from losslearn_bench.harness.method import Fitted, check_request
from losslearn_bench.harness.rows import TrainingData
from losslearn_bench.peers.candidates import Candidate, choose, settings_to_try

_GRID: tuple[Setting, ...] = tuple(
    {"C": strength} for strength in (1.0, 0.1, 10.0, 0.01, 100.0, 0.001, 1000.0, 1e-4)
)


@dataclass(frozen=True)
class TunedLogistic:
    """Logistic regression on standardised features, its `C` from the validation rows.

    For a loss that needs a threshold, `TunedThresholdClassifierCV` tunes one by cross-
    validation on the training rows, and the result is measured at it. Where a class has
    fewer than two rows to fold, the threshold is left to the benchmark.
    """

    name: str = "logistic_tuned"
    title: str = "logistic regression, tuned threshold"
    tiers: tuple[str, ...] = ("linear",)
    metrics: tuple[str, ...] | None = None
    trains_once: bool = True
    modules: tuple[str, ...] = ()
    n_splits: int = 5
    """Folds of the cross-validation that tunes the threshold."""
    max_iter: int = 1_000

    def fit(
        self,
        data: TrainingData,
        true_losses: Sequence[TrueLoss],
        *,
        tier: str,
        budget: Budget,
        seed: int,
    ) -> list[Fitted]:
        """Train with each `C` and return the best for each of the losses."""
        check_request(self, true_losses, tier)
        candidates = [
            self._train(data, setting) for setting in settings_to_try(_GRID, budget)
        ]
        results = choose(true_losses, candidates, data)
        for place, (true_loss, result) in enumerate(
            zip(true_losses, results, strict=True)
        ):
            threshold = self._tune_threshold(data, true_loss, result.setting, seed)
            results[place] = result._replace(threshold=threshold)
        return results

    def _train(self, data: TrainingData, setting: Setting) -> Candidate:
        pipeline = self._pipeline(setting)
        with warnings.catch_warnings():
            _ignore_unconverged()
            pipeline.fit(_array(data.x), _array(data.y_true))
        n_iter = int(pipeline[-1].n_iter_[0])
        return Candidate(setting, partial(_scores, pipeline), n_iter)

    def _pipeline(self, setting: Setting) -> Pipeline:
        logistic = LogisticRegression(C=setting["C"], max_iter=self.max_iter)
        return make_pipeline(StandardScaler(), logistic)

    def _tune_threshold(
        self, data: TrainingData, true_loss: TrueLoss, setting: Setting, seed: int
    ) -> float | None:
        """Return scikit-learn's threshold; None where it takes none or has no folds."""
        n_pos = int(data.y_true.sum())
        n_splits = min(self.n_splits, n_pos, len(data.y_true) - n_pos)
        if not true_loss.needs_threshold or n_splits < 2:
            return None
        tuned = TunedThresholdClassifierCV(
            self._pipeline(setting),
            scoring=make_scorer(_negative_loss, true_loss=true_loss.with_threshold(1)),
            response_method="decision_function",
            cv=n_splits,
            random_state=seed,
        )
        with warnings.catch_warnings():
            _ignore_unconverged()
            tuned.fit(_array(data.x), _array(data.y_true))
        return float(tuned.best_threshold_)


def _ignore_unconverged() -> None:
    # a weak penalty on separable rows has its optimum far out; the true loss of the
    # validation rows, not the solver, says whether the weights are any good
    warnings.simplefilter("ignore", ConvergenceWarning)


def _negative_loss(
    y_true: np.ndarray, y_pred: np.ndarray, *, true_loss: TrueLoss
) -> float:
    """Return a score that scikit-learn can maximise, from labels 0 and 1."""
    labels = torch.as_tensor(y_pred).double()
    return -float(true_loss(Sets(torch.as_tensor(y_true), labels)))


def _scores(pipeline: Pipeline, x: Tensor) -> Tensor:
    return torch.as_tensor(pipeline.decision_function(_array(x)), device=x.device)


def _array(values: Tensor) -> np.ndarray:
    array = values.detach().cpu().numpy()
    return array.astype(np.float64) if values.is_floating_point() else array


LOGISTIC = TunedLogistic()
