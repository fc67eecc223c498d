"""What the estimators of all tasks share: settings, rows, a fit and its control."""

import copy
import inspect
import warnings
from abc import abstractmethod
from dataclasses import replace
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor, nn

from losslearn._fast import fastest
from losslearn.estimators.rows import as_tensor, split_table
from losslearn.metrics import TrueLoss, as_true_loss
from losslearn.metrics.columns import as_columns
from losslearn.models.networks import build_model, exact_scores
from losslearn.models.predictor import Predictor, TorchPredictor
from losslearn.models.rows import Rows
from losslearn.report.fit_report import judge_methods, make_report
from losslearn.report.verdict import is_dead
from losslearn.surrogate.network import SetSurrogate
from losslearn.surrogate.universal import initial_surrogate
from losslearn.tasks.renamed import renamed
from losslearn.tasks.task import Labels, TargetRows, Task
from losslearn.training.comparison import Comparison, compare
from losslearn.training.recipe import Recipe

_NESTED = "recipe__"


class SurrogateEstimator(BaseEstimator):
    """An estimator that is trained for its metric, and a control beside it.

    What derives from it stores its arguments, says its task, and turns scores into
    what users of its kind ask for.
    """

    metric: object
    model: str | nn.Module
    recipe: Recipe | None

    def __init_subclass__(cls, **options: Any) -> None:  # noqa: ANN401 - Python's
        """Show the present arguments alone, to users and to scikit-learn."""
        super().__init_subclass__(**options)
        _, *present = inspect.signature(cls.__init__).parameters.values()
        cls.__signature__ = inspect.Signature(
            [one for one in present if one.kind is not one.VAR_KEYWORD]
        )

    @abstractmethod
    def _task(self) -> Task:
        """Return the task."""

    def _task_options(self) -> dict[str, object]:
        """Return what a user said of the task."""
        return {}

    def _with_old(self, recipe: Recipe | None, old: dict[str, Any]) -> Recipe | None:
        """Return the recipe with settings that release 0.1 took one by one."""
        if not old:
            return recipe
        recipe = _settings(recipe)
        return replace(recipe, **renamed(old, recipe.get_params(), prefix=_NESTED))

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the arguments, and the settings of the recipe as `recipe__*`."""
        found: dict[str, Any] = super().get_params(deep=False)
        if deep and isinstance(self.recipe, Recipe | None):  # `fit` refuses others
            settings = _settings(self.recipe).get_params()
            found |= {_NESTED + name: value for name, value in settings.items()}
        return found

    def set_params(self, **params: Any) -> Self:  # noqa: ANN401 - as scikit-learn's
        """Set arguments; a setting of the recipe replaces it, for it is frozen.

        Raises:
            ValueError: If there is no such argument.
        """
        nested = {
            name.removeprefix(_NESTED): params.pop(name)
            for name in list(params)
            if name.startswith(_NESTED)
        }
        own = self._get_param_names()
        old = {name: params.pop(name) for name in list(params) if name not in own}
        super().set_params(**params)
        if not nested and not old:
            return self
        recipe = _settings(self.recipe)
        unknown = [name for name in nested if name not in recipe.get_params()]
        try:
            if unknown:
                raise TypeError(f"a recipe has no setting {unknown[0]!r}")
            if nested:
                self.recipe = replace(recipe, **nested)
            self.recipe = self._with_old(self.recipe, old)
        except TypeError as error:
            raise ValueError(f"Invalid parameter for {self}: {error}.") from error
        return self

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
            y: Targets, as the task has them.
            X_valid: Rows to choose weights and decisions by; None splits them off.
            y_valid: Their targets.
            metric_columns: What the metric needs to know of each row besides: a mapping
                of names to values, or a DataFrame. The model does not see them.
            metric_columns_valid: The same of the rows of `X_valid`.

        Raises:
            ValueError: If a setting, the data or the metric cannot be used.
        """
        recipe, task = _settings(self.recipe), self._task()
        true_loss = as_true_loss(
            self.metric,
            greater_is_better=self.greater_is_better,
            response_method=self.response_method,
        )
        train, valid, labels, seed = self._rows(
            task,
            true_loss,
            (X, y, metric_columns),
            (X_valid, y_valid, metric_columns_valid),
        )
        with torch.random.fork_rng(devices=[]):
            surrogate = initial_surrogate(
                true_loss,
                task,
                mode=recipe.mode,
                form=recipe.universal_form,
                standardize=recipe.standardize,
                seed=seed,
                rows=_target_rows(train),
                progress=self.fit_progress,
            ).to(self.device)

        def make_predictor() -> Predictor:
            return fastest(
                TorchPredictor(
                    self._make_model(train),
                    train,
                    lr=recipe.model_lr,
                    max_grad_norm=recipe.max_grad_norm,
                )
            )

        comparison, predictor = compare(
            make_predictor,
            valid,
            true_loss,
            task,
            surrogate,
            recipe,
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
        self.true_loss_, self.labels_ = true_loss, labels
        self._keep(comparison, predictor, valid, task, train.n_rows)
        return self

    def _rows(
        self,
        task: Task,
        true_loss: TrueLoss,
        given: tuple[Any, Any, Any],
        held_out: tuple[Any, Any, Any],
    ) -> tuple[Rows, Rows, Labels, int]:
        """Return training and validation rows, the coding of targets, and the seed."""
        (X, y, columns), (X_valid, y_valid, valid_columns) = given, held_out
        features, targets = validate_data(
            self, X, y, dtype=np.float32, order="C", ensure_min_samples=2
        )
        labels = task.labels(targets, self._task_options())
        table = self._table(
            task, true_loss, features, labels.encode(targets), columns, "metric_columns"
        )
        if X_valid is None and valid_columns is not None:
            raise ValueError(
                "`metric_columns_valid` was given without the `X_valid` it belongs to."
            )
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        if X_valid is None and y_valid is None:
            train, valid = split_table(
                table,
                task.strata(table.target),
                validation_fraction=self.validation_fraction,
                seed=seed,
                # on a disk the order is the time
                in_order=isinstance(X, np.memmap),
            )
            return train.to(self.device), valid.to(self.device), labels, seed
        if X_valid is None or y_valid is None:
            raise ValueError("`X_valid` and `y_valid` must be given together.")
        features, targets = validate_data(
            self, X_valid, y_valid, dtype=np.float32, order="C", reset=False
        )
        valid = self._table(
            task,
            true_loss,
            features,
            labels.encode(targets),
            valid_columns,
            "metric_columns_valid",
        )
        return table.to(self.device), valid.to(self.device), labels, seed

    def _table(
        self,
        task: Task,
        true_loss: TrueLoss,
        features: NDArray[np.float32],
        target: NDArray[Any],
        columns: object,
        argument: str,
    ) -> Rows:
        """Return a table whose rows are all meant."""
        found = as_columns(
            columns,
            true_loss.columns,
            n_rows=len(target),
            metric=true_loss.name,
            argument=argument,
        )
        x, y = as_tensor(features), as_tensor(target)
        return Rows(x, y, columns=found, score_shape=task.score_shape)

    def _make_model(self, rows: Rows) -> nn.Module:
        if isinstance(self.model, nn.Module):
            return copy.deepcopy(self.model).to(rows.x.device)
        return build_model(self.model, rows.x, rows=rows.numbers)

    def _keep(
        self,
        comparison: Comparison,
        predictor: Predictor,
        valid: Rows,
        task: Task,
        n_train: int,
    ) -> None:
        """Set the fitted attributes."""
        named = self.model if isinstance(self.model, str) else type(self.model).__name__
        judged = judge_methods(
            comparison, predictor, valid, self.true_loss_, task, predictor_name=named
        )
        self.surrogate_: SetSurrogate = comparison.surrogate
        self.model_: nn.Module = predictor.model.eval()  # type: ignore[attr-defined] # of a `TorchPredictor`
        self.method_weights_ = {
            name: run.best_state for name, run in comparison.runs.items()
        }
        self.rule_ = judged.rule
        self.n_iter_ = comparison.runs[comparison.chosen].n_iter
        self.history_ = [
            record.as_dict()
            for run in comparison.runs.values()
            for record in run.history
        ]
        self.report_: dict[str, Any] = make_report(
            comparison, judged, self.true_loss_, task, n_train=n_train
        )
        self._keep_decisions(judged.sets.score, judged.sets.target)
        if is_dead(comparison):
            warnings.warn(self.report_["verdict"], RuntimeWarning, stacklevel=4)

    def _keep_decisions(self, score: Tensor, target: Tensor) -> None:
        """Set what the kind of estimator needs besides, of the validation rows."""

    def _scores(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the scores of rows, in double precision."""
        check_is_fitted(self)
        features = validate_data(self, X, dtype=np.float32, order="C", reset=False)
        device = next(self.model_.parameters()).device
        shape = self._task().score_shape
        score = exact_scores(
            self.model_, as_tensor(features).to(device), score_shape=shape
        )
        return score.cpu().numpy()

    def method_scores(self, X: ArrayLike) -> dict[str, NDArray[np.float64]]:
        """Return the scores of each method's best model, chosen or not.

        What a fair comparison on test rows needs; the rules are in `report_`.

        Args:
            X: Features, shape `[rows, features]`.
        """
        check_is_fitted(self)
        scores = {}
        try:
            for name, weights in self.method_weights_.items():
                self.model_.load_state_dict(weights)
                scores[name] = self._scores(X)
        finally:
            self.model_.load_state_dict(self.method_weights_[self.report_["chosen"]])
        return scores


def _settings(recipe: Recipe | None) -> Recipe:
    """Return the settings of a fit.

    Raises:
        ValueError: If what was given is no recipe.
    """
    if not isinstance(recipe, Recipe | None):
        raise ValueError(f"`recipe` must be a `Recipe` or None, got {recipe!r}.")
    return recipe or Recipe()


def _target_rows(rows: Rows) -> TargetRows | None:
    """Return targets and columns of training rows; None where there are no columns."""
    if not rows.columns:
        return None
    columns = {name: rows.own(column).cpu() for name, column in rows.columns.items()}
    return TargetRows(rows.own(rows.target).cpu(), columns)
