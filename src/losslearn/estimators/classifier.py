"""`SurrogateClassifier`: a scikit-learn classifier trained for a metric."""

import copy
import warnings
from dataclasses import fields
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import nn

from losslearn.estimators.training_rows import as_tensor, split_table
from losslearn.metrics import ResponseMethod, TrueLoss, as_true_loss
from losslearn.metrics.columns import Columns, as_columns, take_rows
from losslearn.models.networks import build_model, exact_scores
from losslearn.report.fit_report import judge_methods, make_report
from losslearn.report.verdict import is_dead
from losslearn.surrogate.universal import FitProgress, TargetRows, initial_surrogate
from losslearn.tasks.binary import Binary
from losslearn.tasks.calibration import fit_platt
from losslearn.tasks.labels import encode_labels, encode_validation_labels
from losslearn.tasks.thresholds import evaluate
from losslearn.training.comparison import Comparison, compare
from losslearn.training.loop import TrainingData, Watcher
from losslearn.training.recipe import BilevelConfig, Mode, Schedule, UniversalForm

_DEFAULT = BilevelConfig()


class SurrogateClassifier(ClassifierMixin, BaseEstimator):
    """Binary classifier trained for the metric it is judged by.

    A learned surrogate of the metric (Eq. 2) is minimised by Algorithm 1, after a
    cross-entropy warm-up. The same model trained by cross-entropy alone, with the same
    batches and steps, stands beside it as control. The surrogate's model is used where
    its validation loss is lower by more than chance, else the control's (`report_` says
    which).

    Args:
        metric: A name (`losslearn metrics` lists them), a scikit-learn scorer name,
            metric function or scorer, a torchmetrics metric, or any callable
            `f(y_true, y_score)` or `f(y_true, y_pred)`. Keyword-only arguments without
            a default, `f(y_true, y_pred, *, amount)`, are numbers of each row, which
            `fit` and `score` take as `metric_columns`.
        mode: "universal" (SL-U), "scratch" (SL-S) or "refined" (SL-R).
        model: "mlp" (the paper's), "linear", or a `torch.nn.Module` that maps
            `[n, features]` to `[n]` or `[n, 1]`. The named ones standardise features.
        greater_is_better: Direction of a callable that does not declare its own.
        response_method: What a callable takes as second argument: "decision_function",
            "predict_proba" or "predict"; None reads it off its signature.
        pos_label: The class to find; None takes the last one in sorted order.
        validation_fraction: Share of the rows kept to choose weights and threshold by.
        max_time: Seconds for the whole comparison; lowers `max_iter` to fit.
        device: Where to train.
        random_state: Of split, initialisation and draws.
        watch: Called with a `Record` after each look at the validation rows.
        fit_progress: Called with (step, steps, error) while a universal surrogate of a
            callable is fitted, which happens at its first use.

    The other arguments are those of `BilevelConfig`.

    Attributes:
        classes_: The two labels, the positive one second.
        threshold_: Predict the positive class where `decision_function` is at least
            this; tuned on the validation rows (for error rate, if the metric has no
            threshold).
        model_: The trained module with the chosen method's validation-best weights.
        surrogate_: The learned loss after its last step.
        history_: One dictionary per look at the validation rows: losses, and how it
            stands with the learned loss's gradient (see `losslearn.training.trust.Reading`).
        report_: Metric, rows, and for each method its validation loss, threshold,
            seconds and iterations; `chosen` names the method in use, `difference` is
            the surrogate's validation loss minus the control's, `standard_error` that
            of the difference, `verdict` a sentence on whether training for the metric
            helped.
        n_iter_: Iterations of the chosen method.

    Example:
        >>> from sklearn.datasets import make_classification
        >>> X, y = make_classification(weights=[0.9], flip_y=0.1, random_state=0)
        >>> clf = SurrogateClassifier("f1", model="linear", max_iter=20, random_state=0)
        >>> clf.fit(X, y).predict(X).shape
        (100,)
    """

    def __init__(
        self,
        metric: object = "f1",
        *,
        mode: Mode = _DEFAULT.mode,
        model: str | nn.Module = "mlp",
        greater_is_better: bool | None = None,
        response_method: ResponseMethod | None = None,
        pos_label: object = None,
        validation_fraction: float = 0.2,
        max_iter: int = _DEFAULT.max_iter,
        model_steps: int = _DEFAULT.model_steps,
        surrogate_steps: int = _DEFAULT.surrogate_steps,
        model_lr: float = _DEFAULT.model_lr,
        surrogate_lr: float = _DEFAULT.surrogate_lr,
        schedule: Schedule = _DEFAULT.schedule,
        max_grad_norm: float = _DEFAULT.max_grad_norm,
        batch_size: int = _DEFAULT.batch_size,
        n_sets: int = _DEFAULT.n_sets,
        replay: int = _DEFAULT.replay,
        pos_rate: float | None = _DEFAULT.pos_rate,
        min_per_class: int = _DEFAULT.min_per_class,
        prevalence_weights: bool = _DEFAULT.prevalence_weights,
        standardize: bool | None = _DEFAULT.standardize,
        universal_form: UniversalForm = _DEFAULT.universal_form,
        perturbation: float = _DEFAULT.perturbation,
        warm_up: float = _DEFAULT.warm_up,
        cross_entropy_weight: float = _DEFAULT.cross_entropy_weight,
        adaptive: bool = _DEFAULT.adaptive,
        rounds: int = _DEFAULT.rounds,
        catch_up: int = _DEFAULT.catch_up,
        n_evals: int = _DEFAULT.n_evals,
        patience: int | None = _DEFAULT.patience,
        max_time: float | None = None,
        device: str | torch.device = "cpu",
        random_state: int | np.random.RandomState | None = None,
        watch: Watcher | None = None,
        fit_progress: FitProgress | None = None,
    ) -> None:
        """Store the settings as they are; `fit` checks them."""
        self.metric = metric
        self.mode = mode
        self.model = model
        self.greater_is_better = greater_is_better
        self.response_method = response_method
        self.pos_label = pos_label
        self.validation_fraction = validation_fraction
        self.max_iter = max_iter
        self.model_steps = model_steps
        self.surrogate_steps = surrogate_steps
        self.model_lr = model_lr
        self.surrogate_lr = surrogate_lr
        self.schedule = schedule
        self.max_grad_norm = max_grad_norm
        self.batch_size = batch_size
        self.n_sets = n_sets
        self.replay = replay
        self.pos_rate = pos_rate
        self.min_per_class = min_per_class
        self.prevalence_weights = prevalence_weights
        self.standardize = standardize
        self.universal_form = universal_form
        self.perturbation = perturbation
        self.warm_up = warm_up
        self.cross_entropy_weight = cross_entropy_weight
        self.adaptive = adaptive
        self.rounds = rounds
        self.catch_up = catch_up
        self.n_evals = n_evals
        self.patience = patience
        self.max_time = max_time
        self.device = device
        self.random_state = random_state
        self.watch = watch
        self.fit_progress = fit_progress

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        X_valid: ArrayLike | None = None,
        y_valid: ArrayLike | None = None,
        metric_columns: object = None,
        metric_columns_valid: object = None,
    ) -> Self:
        """Train for the metric, and its control, and keep the better one.

        Ctrl-C ends the training and keeps the best weights so far.

        Args:
            X: Features, shape `[rows, features]`, finite numbers.
            y: Labels of any type with two distinct values.
            X_valid: Rows to choose weights and threshold by; None splits them off.
            y_valid: Their labels.
            metric_columns: What the metric needs to know of each row besides: a mapping
                of names to values, or a DataFrame. The model does not see them.
            metric_columns_valid: The same of the rows of `X_valid`.

        Raises:
            ValueError: If a setting, the data or the metric cannot be used.
        """
        config = self._config()
        true_loss = as_true_loss(
            self.metric,
            greater_is_better=self.greater_is_better,
            response_method=self.response_method,
        )
        features, labels = validate_data(
            self, X, y, dtype=np.float32, order="C", ensure_min_samples=2
        )
        self.classes_, y_true = encode_labels(labels, pos_label=self.pos_label)
        columns = as_columns(
            metric_columns,
            true_loss.columns,
            n_rows=len(y_true),
            metric=true_loss.name,
        )
        if X_valid is None and metric_columns_valid is not None:
            raise ValueError(
                "`metric_columns_valid` was given without the `X_valid` it belongs to."
            )
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        if X_valid is None and y_valid is None:
            in_order = isinstance(X, np.memmap)  # on a disk the order is the time
            data = split_table(
                features,
                y_true,
                validation_fraction=self.validation_fraction,
                seed=seed,
                in_order=in_order,
                device=self.device,
                columns=columns,
            )
        else:
            data = self._with_validation(features, y_true, X_valid, y_valid)
            data = self._with_columns(data, columns, metric_columns_valid, true_loss)
        with torch.random.fork_rng(devices=[]):
            surrogate = initial_surrogate(
                true_loss,
                config,
                seed=seed,
                rows=_target_rows(data),
                progress=self.fit_progress,
            ).to(self.device)
        comparison, model = compare(
            lambda: self._make_model(data),
            data,
            true_loss,
            surrogate,
            config,
            seed=seed,
            max_time=self.max_time,
            watch=self.watch,
        )
        if comparison.interrupted:
            warnings.warn(
                "the fit was interrupted; the best weights so far are kept",
                RuntimeWarning,
                stacklevel=2,
            )
        n_train = len(data.y_true)
        data = data.without_training_rows()  # their memory serves the validation rows
        del y_true
        self._keep(comparison, model, data, true_loss, n_train)
        return self

    def _config(self) -> BilevelConfig:
        names = [setting.name for setting in fields(BilevelConfig)]
        return BilevelConfig(**{name: getattr(self, name) for name in names})

    def _with_validation(
        self,
        X: NDArray[np.float32],
        y_true: NDArray[np.int8],
        X_valid: ArrayLike | None,
        y_valid: ArrayLike | None,
    ) -> TrainingData:
        """Return all rows to train on, beside the validation rows that were given."""
        if X_valid is None or y_valid is None:
            raise ValueError("`X_valid` and `y_valid` must be given together.")
        x_valid, labels = validate_data(
            self, X_valid, y_valid, dtype=np.float32, order="C", reset=False
        )
        valid_true = encode_validation_labels(labels, self.classes_)
        x, y_train, x_valid_there, y_valid_there = (
            as_tensor(part).to(self.device) for part in (X, y_true, x_valid, valid_true)
        )
        return TrainingData(x, y_train, x_valid_there, y_valid_there)

    def _with_columns(
        self,
        data: TrainingData,
        columns: Columns,
        given: object,
        true_loss: TrueLoss,
    ) -> TrainingData:
        """Return the rows with the columns of either part."""
        valid = as_columns(
            given,
            true_loss.columns,
            n_rows=len(data.y_valid),
            metric=true_loss.name,
            argument="metric_columns_valid",
        )
        train, held_out = (
            {name: column.to(self.device) for name, column in part.items()}
            for part in (columns, valid)
        )
        return data._replace(columns=train, valid_columns=held_out)

    def _make_model(self, data: TrainingData) -> nn.Module:
        if isinstance(self.model, nn.Module):
            return copy.deepcopy(self.model).to(data.x.device)
        return build_model(self.model, data.x, rows=data.rows)

    def _keep(
        self,
        comparison: Comparison,
        model: nn.Module,
        data: TrainingData,
        true_loss: TrueLoss,
        n_train: int,
    ) -> None:
        """Set the fitted attributes."""
        task = Binary()
        results, y_score, rule = judge_methods(comparison, model, data, true_loss, task)
        self.true_loss_, self.surrogate_ = true_loss, comparison.surrogate
        self.model_ = model
        self.method_weights_ = {
            name: run.best_state for name, run in comparison.runs.items()
        }
        self.threshold_ = results[comparison.chosen]["threshold"]
        self.calibration_ = fit_platt(y_score, data.y_valid)
        self.n_iter_ = comparison.runs[comparison.chosen].n_iter
        self.history_ = [
            record.as_dict()
            for run in comparison.runs.values()
            for record in run.history
        ]
        self.report_: dict[str, Any] = make_report(
            comparison,
            results,
            true_loss,
            task,
            rule=rule,
            n_train=n_train,
            y_valid=data.y_valid,
        )
        if is_dead(comparison):
            warnings.warn(self.report_["verdict"], RuntimeWarning, stacklevel=3)

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return one score a row; higher is more likely the positive class.

        Args:
            X: Features, shape `[rows, features]`.

        Raises:
            ValueError: If the features are not those of `fit`.
        """
        check_is_fitted(self)
        features = validate_data(self, X, dtype=np.float32, order="C", reset=False)
        device = next(self.model_.parameters()).device
        y_score = exact_scores(self.model_, as_tensor(features).to(device))
        return y_score.cpu().numpy()

    def method_scores(self, X: ArrayLike) -> dict[str, NDArray[np.float64]]:
        """Return the scores of each method's best model, chosen or not.

        What a fair comparison on test rows needs; thresholds are in `report_`.

        Args:
            X: Features, shape `[rows, features]`.
        """
        check_is_fitted(self)
        scores = {}
        try:
            for name, weights in self.method_weights_.items():
                self.model_.load_state_dict(weights)
                scores[name] = self.decision_function(X)
        finally:
            self.model_.load_state_dict(self.method_weights_[self.report_["chosen"]])
        return scores

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the probability of each class, calibrated on the validation rows.

        A logistic curve of the score (Platt, 1999), so the order of the scores stays.

        Args:
            X: Features, shape `[rows, features]`.

        Returns:
            Shape `[rows, 2]`, columns as in `classes_`.
        """
        check_is_fitted(self)
        slope, intercept = self.calibration_
        log_odds = slope * self.decision_function(X) + intercept
        positive = 1 / (1 + np.exp(-np.clip(log_odds, -700, 700)))
        return np.column_stack([1 - positive, positive])

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the labels: the positive class where the score reaches `threshold_`.

        Args:
            X: Features, shape `[rows, features]`.
        """
        check_is_fitted(self)
        is_positive = self.decision_function(X) >= self.threshold_
        return self.classes_[is_positive.astype(int)]

    def score(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        metric_columns: object = None,
    ) -> float:
        """Return how good the model is by its metric, higher is better.

        One minus the loss where the loss lies in [0, 1], else minus the loss; what
        `GridSearchCV` and `cross_validate` maximise unless told otherwise.

        Args:
            X: Features, shape `[rows, features]`.
            y: Labels.
            sample_weight: Weight of each row.
            metric_columns: What the metric needs to know of each row besides, as for
                `fit`.

        Raises:
            ValueError: If a label is unknown, the metric takes no weights, or its
                columns are not those given.
        """
        y_score = torch.from_numpy(self.decision_function(X))
        y_true = torch.from_numpy((np.asarray(y) == self.classes_[1]).astype(np.int64))
        weight = None
        if sample_weight is not None:
            weight = torch.as_tensor(np.asarray(sample_weight), dtype=y_score.dtype)
        true_loss = self.true_loss_
        columns = as_columns(
            metric_columns,
            true_loss.columns,
            n_rows=len(y_true),
            metric=true_loss.name,
        )
        threshold = self.threshold_ if true_loss.needs_threshold else None
        loss = evaluate(
            true_loss,
            y_true,
            y_score,
            threshold=threshold,
            sample_weight=weight,
            columns=columns,
        )
        return 1 - loss if true_loss.bounded else -loss

    def __sklearn_tags__(self) -> Tags:
        """Two classes only."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags


def _target_rows(data: TrainingData) -> TargetRows | None:
    """Return targets and columns of the training rows; None where there are none."""
    if not data.columns:
        return None
    columns = data.columns
    if data.rows is not None:
        columns = take_rows(columns, data.rows.long())
    there = {name: column.cpu() for name, column in columns.items()}
    return TargetRows(data.y_true.cpu(), there)
