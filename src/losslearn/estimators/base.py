"""What the estimators of all tasks share: settings, rows, a fit and its control."""

import os
import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from losslearn.estimators.division import DividesRows
from losslearn.estimators.kept import checkpoint_of
from losslearn.estimators.parameters import RecipeParameters, settings_of
from losslearn.estimators.pickled import Pickled
from losslearn.estimators.rows import Given, held_out_of
from losslearn.estimators.rule_columns import take_columns
from losslearn.estimators.time_limit import (
    check_max_time,
    seconds_left,
    warn_if_too_little,
)
from losslearn.metrics import Sets
from losslearn.metrics.columns import as_columns
from losslearn.metrics.other_names import refuse_no_aim
from losslearn.metrics.own.as_true_loss import untried
from losslearn.metrics.own.trying import end_seconds, tried_on
from losslearn.models.global_draws import own_draws
from losslearn.models.kinds import AUTO, Fitting, kind_of
from losslearn.models.networks import exact_scores
from losslearn.models.own import as_device
from losslearn.models.predictor import Predictor
from losslearn.models.rows import Rows
from losslearn.report.fit_report import judge_methods, make_report
from losslearn.report.verdict import is_dead
from losslearn.surrogate.network import SetSurrogate
from losslearn.surrogate.universal import initial_surrogate
from losslearn.tasks.task import TargetRows
from losslearn.training.checkpoint import Checkpoint
from losslearn.training.comparison import Comparison, compare
from losslearn.training.cross_fitting import compare_on_all
from losslearn.training.frames import as_trained
from losslearn.training.parts import Mapper
from losslearn.training.recipe import Recipe
from losslearn.training.setup import Setup


class SurrogateEstimator(RecipeParameters, DividesRows, Pickled):
    """An estimator that is trained for its metric, and a control beside it.

    What derives from it stores its arguments, says its task, and turns scores into
    what users of its kind ask for. Tables go through a `TableEncoder`, or `encoder`,
    that is fitted to the training rows alone; matrices of numbers are taken as they
    are.
    """

    metric: object
    model: object
    max_time: float | None
    recipe: Recipe | None
    encoder: Any

    decision_columns: Sequence[str] = ()
    """Columns that are known when deciding."""
    on_stage: Callable[[str], None] | None = None
    """Is told what is under way, where several models are fitted."""

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        X_valid: ArrayLike | None = None,
        y_valid: ArrayLike | None = None,
        sample_weight_valid: ArrayLike | None = None,
        eval_set: object = None,
        groups: ArrayLike | None = None,
        metric_columns: object = None,
        metric_columns_valid: object = None,
        checkpoint: str | os.PathLike[str] | Checkpoint | None = None,
        map_parts: Mapper | None = None,
    ) -> Self:
        """Train for the metric, and its control, and keep the better one.

        Ctrl-C ends the training and keeps the best weights so far, and so does a metric
        that fails; `report_` says then that it was `interrupted`, or the `failures`.

        Args:
            X: Features, shape `[rows, features]`: finite numbers, dense or sparse, or a
                table of any columns, gaps too, of pandas, polars or Arrow (see
                `TableEncoder`).
            y: Targets, as the task has them.
            sample_weight: What each row counts for, at least 0, shape `[rows]`: in the
                metric, in the usual loss, in the choice of weights and decisions. A row
                of weight 0 is as one that is not there. Means and deviations of
                features, and the encoder, take the rows alike.
            X_valid: Rows to choose weights and decisions by; None splits them off.
            y_valid: Their targets.
            sample_weight_valid: Their weights; None weighs them alike.
            eval_set: The same two as LightGBM and XGBoost take them:
                `[(X_valid, y_valid)]`, or the pair alone.
            groups: Which rows belong together, as those of a person or a day: a value
                for each row, shape `[rows]`. Rows of one group are either trained on or
                chosen by; else what is chosen would have been seen before.
            metric_columns: What the metric needs to know of each row besides: a mapping
                of names to values, or a DataFrame. The model does not see them.
            metric_columns_valid: The same of the rows of `X_valid`.
            checkpoint: File in which the fit's state is kept while it runs. A fit that
                was killed or interrupted goes on from it to the very same end, if data,
                metric, settings and seed are the same; it is removed at the end. A
                `Checkpoint` is left to whoever made it.
            map_parts: Sends the folds away to be trained, as to the machines of a
                cluster (see `losslearn.training.parts`); None trains them here.

        Raises:
            ValueError: If a setting, the data or the metric cannot be used.
            KeyboardInterrupt: If Ctrl-C came before there was anything to keep.
        """
        if self.model == AUTO:
            from losslearn.estimators.auto import fit_best

            given = {
                "sample_weight": sample_weight,
                "X_valid": X_valid,
                "y_valid": y_valid,
                "sample_weight_valid": sample_weight_valid,
                "eval_set": eval_set,
                "groups": groups,
                "metric_columns": metric_columns,
                "metric_columns_valid": metric_columns_valid,
                "map_parts": map_parts,
            }
            fit_best(self, X, y, given, told=self.on_stage)
            return self
        begin, kind = time.perf_counter(), kind_of(self.model)
        recipe, task = settings_of(self.recipe), self.task
        device = as_device(self.device)
        max_time = check_max_time(self.max_time)
        refuse_no_aim(self.metric)
        true_loss = untried(
            self.metric,
            greater_is_better=self.greater_is_better,
            response_method=self.response_method,
        ).knowing(self.decision_columns)
        division = self._divided(
            true_loss,
            Given(X, y, metric_columns, sample_weight, groups),
            Given(
                *held_out_of(X_valid, y_valid, eval_set),
                metric_columns_valid,
                sample_weight_valid,
            ),
        )
        parts, every, labels, seed = division
        train, valid = parts[0]
        if not all(rows.weight is None for part in parts for rows in part):
            true_loss.check_takes_weight()
        needed = true_loss.columns
        rows, valid_rows = (_target_rows(part, needed) for part in (train, valid))
        true_loss = tried_on(true_loss, rows, valid_rows, max_time=max_time)
        recipe = recipe.adapted({**kind.settings, **task.settings(true_loss)})
        too_short = warn_if_too_little(max_time, true_loss)
        with own_draws():
            surrogate = initial_surrogate(
                as_trained(true_loss, recipe),
                task,
                mode=recipe.mode if recipe.rounds else "scratch",
                form=recipe.universal_form,
                standardize=recipe.standardize,
                seed=seed,
                rows=rows,
                progress=self.fit_progress,
                max_time=max_time,
            ).to(device)

        kept = checkpoint_of(
            checkpoint,
            train,
            valid,
            true_loss,
            model=self.model,
            recipe=recipe,
            max_time=self.max_time,
            seed=seed,
            division=(self.cv, self.refit),
        )

        # of a `TableEncoder`
        spreads = getattr(self.encoder_, "spreads", None)
        fitting = Fitting(
            lr=recipe.rate,
            max_grad_norm=recipe.max_grad_norm,
            seed=seed,
            spreads=None if spreads is None else torch.from_numpy(spreads),
            categorical=getattr(self.encoder_, "categorical", ()),
        )
        make_predictor = partial(kind.predictor, fitting=fitting)
        setup = Setup(true_loss, task, surrogate, recipe, seed)
        further: dict[str, Any] = {
            "max_time": seconds_left(max_time, begin, end_seconds(true_loss)),
            "watch": self.watch,
            "checkpoint": kept,
        }
        if every is None:
            make = partial(make_predictor, train)
            comparison, predictor = compare(make, valid, setup, **further)
        else:
            comparison, predictor = compare_on_all(
                make_predictor, parts, every, setup, map_parts=map_parts, **further
            )
        if comparison.interrupted:
            warnings.warn(
                "the fit was interrupted; the best weights so far are kept",
                RuntimeWarning,
                stacklevel=2,
            )
        self.true_loss_, self.labels_, self.recipe_ = true_loss, labels, recipe
        self._keep(comparison, predictor)
        self.report_ |= division.told(groups, is_done=comparison.is_done)
        self.report_["too_short"] = too_short
        for failure in self.report_["failures"]:
            warnings.warn(failure, RuntimeWarning, stacklevel=2)
        if kept is not None:
            kept.is_done = comparison.is_done
            if kept.is_done and kept is not checkpoint:
                kept.remove()
        return self

    def _keep(
        self,
        comparison: Comparison,
        predictor: Predictor,
    ) -> None:
        """Set the fitted attributes."""
        task = self.task
        named = self.model if isinstance(self.model, str) else type(self.model).__name__
        judged = judge_methods(comparison, self.true_loss_, predictor_name=named)
        self.surrogate_: SetSurrogate = comparison.surrogate
        self.model_: nn.Module = predictor.model.eval()  # type: ignore[attr-defined] # of a `TorchPredictor`
        self.method_weights_ = {
            name: run.best_state for name, run in comparison.runs.items()
        }
        self.rule_ = judged.rule
        self.method_rules_ = {
            name: one.choice.rule for name, one in comparison.decided.items()
        }
        self.n_iter_ = comparison.runs[comparison.chosen].n_iter
        self.history_ = [
            record.as_dict()
            for run in comparison.runs.values()
            for record in run.history
        ]
        self.report_: dict[str, Any] = make_report(
            comparison, judged, self.true_loss_, task
        )
        self.calibration_ = task.calibrate(judged.sets)
        self.validation_: Sets = judged.sets
        if is_dead(comparison):
            warnings.warn(self.report_["verdict"], RuntimeWarning, stacklevel=4)

    def scores(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the raw scores of rows, shape `[rows, *task.score_shape]`.

        Args:
            X: Features, as for `fit`.

        Raises:
            ValueError: If the features are not those of `fit`.
        """
        check_is_fitted(self)
        return self._scores(self._matrix(X))

    def _scores(self, x: Tensor) -> NDArray[np.float64]:
        score = exact_scores(self.model_, x, score_shape=self.task.score_shape)
        return score.cpu().numpy()

    def _decisions(self, X: ArrayLike, columns: object) -> NDArray[Any]:
        """Return the decision on each row, as a target."""
        check_is_fitted(self)
        rule, loss = self.rule_, self.true_loss_
        features = getattr(self, "feature_names_in_", ())
        X, taken = take_columns(X, rule.columns, columns, features=features)
        score = torch.from_numpy(self.scores(X))
        # what was numbers in the fit has no codes of texts
        is_text = loss.text is not None and any(name in loss.text for name in taken)
        found = as_columns(
            taken,
            rule.columns,
            n_rows=len(score),
            metric=loss.name,
            argument="columns",
            text=loss.text if is_text else None,
        )
        return rule.decide(score, found).numpy()

    def method_scores(self, X: ArrayLike) -> dict[str, NDArray[np.float64]]:
        """Return the scores of each method's best model, chosen or not.

        What a fair comparison on test rows needs; the rules are in `report_`.

        Args:
            X: Features, as for `fit`.
        """
        check_is_fitted(self)
        x, scores = self._matrix(X), {}
        try:
            for name, weights in self.method_weights_.items():
                self.model_.load_state_dict(weights)
                scores[name] = self._scores(x)
        finally:
            self.model_.load_state_dict(self.method_weights_[self.report_["chosen"]])
        return scores


def _target_rows(rows: Rows, names: Sequence[str]) -> TargetRows:
    """Return targets and columns of rows."""
    columns = {name: rows.own(rows.columns[name]).cpu() for name in names}
    return TargetRows(rows.own(rows.target).cpu(), columns)
