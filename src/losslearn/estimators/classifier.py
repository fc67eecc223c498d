"""`SurrogateClassifier`: a scikit-learn classifier trained for a metric."""

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.utils import Tags, check_consistent_length
from sklearn.utils.validation import check_is_fitted

from losslearn.estimators.base import SurrogateEstimator
from losslearn.estimators.division import VALIDATION_FRACTION
from losslearn.estimators.rows import as_targets, as_weights
from losslearn.metrics import ResponseMethod, Sets
from losslearn.metrics.columns import as_columns
from losslearn.surrogate.universal import FitProgress
from losslearn.tasks.binary import Binary
from losslearn.tasks.calibration import Platt
from losslearn.tasks.task import Task
from losslearn.training.loop import Watcher
from losslearn.training.recipe import Recipe


class SurrogateClassifier(ClassifierMixin, SurrogateEstimator):
    """Binary classifier trained for the metric it is judged by.

    A learned surrogate of the metric (Eq. 2) is minimised by Algorithm 1, after a
    cross-entropy warm-up. The same model trained by cross-entropy alone, with the same
    batches and steps, stands beside it as control; a linear model is solved for it,
    with a penalty that the validation rows choose. The surrogate's model is used where
    its validation loss is lower by more than chance, else the control's (`report_` says
    which).

    Args:
        metric: A name (`losslearn metrics` lists them), a scikit-learn scorer name,
            metric function or scorer, a torchmetrics metric, or any callable
            `f(y_true, y_score)` or `f(y_true, y_pred)`. Keyword-only arguments without
            a default, `f(y_true, y_pred, *, amount)`, are numbers of each row, which
            `fit` and `score` take as `metric_columns`.
        model: "mlp" (the paper's), "linear", "lightgbm", "xgboost" (needs
            `losslearn[trees]`), an `LGBMClassifier` or `XGBClassifier` with parameters
            of one's own, or a `torch.nn.Module` that maps `[n, features]` to `[n]` or
            `[n, 1]`. The named ones standardise features.
        max_time: Seconds for the whole fit: preparation, both methods, their rules and
            the test of their difference. `max_iter` is lowered to fit, and a metric
            that takes long itself is called less often.
        random_state: Of split, initialisation and draws.
        recipe: Every other setting of the method; None takes the defaults. One of them
            is set as `recipe__max_iter=500`, in `set_params` and in a grid.
        encoder: A transformer of scikit-learn's, fitted to the training rows alone;
            None takes a `TableEncoder` for tables, and numbers as they are.
        greater_is_better: Direction of a callable that does not declare its own.
        response_method: What a callable takes as second argument: "decision_function",
            "predict_proba" or "predict"; None reads it off its signature.
        pos_label: The class to find; None takes the last one in sorted order.
        decision_columns: Those of the columns given to `fit` as `metric_columns` that
            are known when deciding too: `predict` takes them as `columns`, or from a
            table by name (see `tune_decision`). Others than the metric's may be given.
        validation_fraction: Share of the rows kept to choose weights and threshold by.
        cv: Folds by which method, number of steps and decision are chosen instead, in
            shorter fits; both methods are then fitted to all rows. 1 for one split,
            None for 5 folds of fewer than 5,000 rows, if no other
            `validation_fraction` is asked for, and one split of more.
        refit: Whether that is done after one split as well, with the rows that were
            chosen by: no row is left untrained on, and none is left to tell by. None
            does so unless these rows were given, or time is limited.
        device: Where to train.
        watch: Called with a `Record` after each look at the validation rows.
        fit_progress: Called with (step, steps, error) while a universal surrogate of a
            callable is fitted, which happens at its first use.
        old: Settings of the recipe by their names of release 0.1, which warn.

    Attributes:
        classes_: The two labels, the positive one second.
        rule_: How scores become decisions, learned on the validation rows (for error
            rate, if the metric judges scores).
        threshold_: Predict the positive class where `decision_function` is at least
            this; infinite for a rule that calls nobody or everybody positive.
        encoder_: The fitted encoder; None where features were numbers.
        calibration_: Slope and intercept of the log-odds over the score.
        model_: The trained module with the chosen method's validation-best weights.
        surrogate_: The learned loss after its last step.
        history_: One dictionary per look at the validation rows: losses, and how it
            stands with the learned loss's gradient (see `losslearn.training.trust`).
        report_: Task, metric, rows, and for each method its role ("learned" or
            "usual"), validation loss, the same as the user writes the metric
            (`metric_validation`), rule, threshold, seconds and iterations;
            `settings` says with which learning rate and penalty, `chosen` names the
            method in use, `difference` is the surrogate's validation loss
            minus the control's, `standard_error` that of the difference, `verdict` a
            sentence on whether training for the metric helped.
        n_iter_: Iterations of the chosen method.
        rule_: How scores become decisions: a threshold.
        validation_: The validation rows as `Sets`, with the chosen method's scores; of
            folds, by the models that were not trained on them.
        seen_: Hashes of the rows that it was trained on or chosen by, of a table alone.

    Example:
        >>> from sklearn.datasets import make_classification
        >>> from losslearn import Recipe
        >>> X, y = make_classification(weights=[0.9], flip_y=0.1, random_state=0)
        >>> quick = Recipe(max_iter=20)
        >>> clf = SurrogateClassifier(
        ...     "f1", model="linear", recipe=quick, random_state=0
        ... )
        >>> clf.fit(X, y).predict(X).shape
        (100,)
    """

    task: ClassVar[Task] = Binary()
    option_arguments: ClassVar[Mapping[str, str]] = {"positive": "pos_label"}

    def __init__(
        self,
        metric: object = "f1",
        *,
        model: object = "mlp",
        max_time: float | None = None,
        random_state: int | np.random.RandomState | None = None,
        recipe: Recipe | None = None,
        encoder: Any = None,  # noqa: ANN401 - a transformer
        greater_is_better: bool | None = None,
        response_method: ResponseMethod | None = None,
        pos_label: object = None,
        decision_columns: Sequence[str] = (),
        validation_fraction: float = VALIDATION_FRACTION,
        cv: int | None = None,
        refit: bool | None = None,
        device: str | torch.device = "cpu",
        watch: Watcher | None = None,
        fit_progress: FitProgress | None = None,
        **old: Any,  # noqa: ANN401 - settings of release 0.1
    ) -> None:
        """Store the settings as they are; `fit` checks them."""
        self.metric = metric
        self.model = model
        self.max_time = max_time
        self.random_state = random_state
        self.recipe = self._with_old(recipe, old)
        self.encoder = encoder
        self.greater_is_better = greater_is_better
        self.response_method = response_method
        self.pos_label = pos_label
        self.decision_columns = decision_columns
        self.validation_fraction = validation_fraction
        self.cv = cv
        self.refit = refit
        self.device = device
        self.watch = watch
        self.fit_progress = fit_progress

    @property
    def classes_(self) -> NDArray[Any]:
        """Both labels, the positive one second."""
        check_is_fitted(self)
        classes: NDArray[Any] = self.labels_.classes  # type: ignore[attr-defined] # binary ones
        return classes

    @property
    def threshold_(self) -> float:
        """Where a score counts as the positive class.

        Raises:
            AttributeError: If the rule is more than one threshold.
        """
        check_is_fitted(self)
        state = self.rule_.to_dict()
        if self.rule_.columns:
            raise AttributeError(
                f"the rule {state['kind']!r} is more than a threshold; see `rule_`"
            )
        ends = {"nobody": math.inf, "everybody": -math.inf}
        return ends[state["kind"]] if state["kind"] in ends else state["threshold"]

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return one score a row; higher is more likely the positive class.

        Args:
            X: Features, as for `fit`.

        Raises:
            ValueError: If the features are not those of `fit`.
        """
        return self.scores(X)

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the probability of each class, calibrated on the validation rows.

        A logistic curve of the score (Platt, 1999), so the order of the scores stays.

        Args:
            X: Features, as for `fit`.

        Returns:
            Shape `[rows, 2]`, columns as in `classes_`.
        """
        check_is_fitted(self)
        score = self.decision_function(X)
        positive = Platt(**self.calibration_).probability(score)
        return np.column_stack([1 - positive, positive])

    def predict(self, X: ArrayLike, columns: object = None) -> NDArray[Any]:
        """Return the labels as `rule_` decides: mostly, by reaching `threshold_`.

        Args:
            X: Features, as for `fit`.
            columns: What the rule of the decisions needs to know of each row besides
                (`rule_.columns`; a threshold needs nothing): a mapping of names to
                values, or a DataFrame. Else they are taken from `X`, if it is a table.

        Raises:
            ValueError: If the features are not those of `fit`, or a column is missing.
        """
        decided = self._decisions(X, columns)  # which checks that it is fitted
        return self.labels_.decode(decided)

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
            X: Features, as for `fit`.
            y: Labels, shape `[rows]`, as for `fit`.
            sample_weight: Weight of each row, at least 0, shape `[rows]`.
            metric_columns: What the metric needs to know of each row besides, as for
                `fit`.

        Returns:
            The score; NaN, with a warning, where the metric has no value, as most have
            none on rows of one class.

        Raises:
            ValueError: If a label is unknown or missing, lengths differ, a weight is
                negative or all are 0, the metric takes no weights, or its columns are
                not those given.
        """
        score = torch.from_numpy(self.decision_function(X))
        labels = as_targets(y)
        check_consistent_length(score, labels)
        target = torch.from_numpy(self.labels_.encode(labels, needs_all=False)).long()
        weight = as_weights(sample_weight, n_rows=len(target))
        true_loss = self.true_loss_
        columns = as_columns(
            metric_columns,
            true_loss.all_columns,
            n_rows=len(target),
            metric=true_loss.name,
            text=true_loss.text,
        )
        judged = self.rule_.judged(true_loss)
        loss = float(judged(Sets(target, score, weight, columns)))
        if math.isnan(loss):
            warnings.warn(
                f"`{true_loss.name}` has no value on these {len(target):,} rows, "
                f"{int(target.sum()):,} of them {self.classes_[1]!r}.",
                UndefinedMetricWarning,
                stacklevel=2,
            )
        return 1 - loss if true_loss.bounded else -loss

    def __sklearn_tags__(self) -> Tags:
        """Two classes only."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags
