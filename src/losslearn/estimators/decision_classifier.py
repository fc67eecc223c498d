"""Anybody's classifier, decided for a metric."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.model_selection import (
    StratifiedGroupKFold,
    StratifiedKFold,
    StratifiedShuffleSplit,
    check_cv,
)
from sklearn.utils import Tags, _safe_indexing, assert_all_finite, indexable
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    process_routing,
)
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import (
    _check_sample_weight,
    check_is_fitted,
    has_fit_parameter,
)

from losslearn.encoding.frames import as_pandas, is_table
from losslearn.estimators.rule_columns import take_columns
from losslearn.metrics.own.as_true_loss import untried
from losslearn.tasks.decision import Decision, tune_decision


def _inner_has(method: str) -> Any:  # noqa: ANN401 - a check of scikit-learn's
    def check(self: "MetricDecisionClassifier") -> bool:
        getattr(getattr(self, "estimator_", self.estimator), method)
        return True

    return available_if(check)


class MetricDecisionClassifier(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):
    """A classifier of two classes, decided for any metric.

    Does for any metric, with columns of its own, what scikit-learn's
    `TunedThresholdClassifierCV` does for a threshold: probabilities of rows that the
    classifier was not fitted to show which decision is best (see `tune_decision`), and
    the classifier is fitted to all rows then.

    Attributes:
        estimator_: The fitted classifier.
        decision_: The `Decision`.
        classes_: Both classes; the second is the one to find.

    Example:
        >>> from sklearn.datasets import make_classification
        >>> from sklearn.linear_model import LogisticRegression
        >>> X, y = make_classification(weights=[0.8], random_state=0)
        >>> clf = MetricDecisionClassifier(LogisticRegression(), "f1").fit(X, y)
        >>> clf.decision_.rule
        'threshold'
    """

    def __init__(
        self,
        estimator: Any,  # noqa: ANN401 - a classifier of any library
        metric: object,
        *,
        greater_is_better: bool | None = None,
        known: list[str] | None = None,
        cv: Any = None,  # noqa: ANN401 - as scikit-learn takes it
        refit: bool = True,
        random_state: int = 0,
    ) -> None:
        """Store the settings.

        Args:
            estimator: A classifier with `predict_proba`.
            metric: Of decisions, as for `tune_decision`; it gets targets 0 and 1.
            greater_is_better: Its direction, where it does not say.
            known: Which of the columns are known when deciding; None for all.
            cv: Folds, as scikit-learn takes them (None for five); a share of rows to
                decide by, in (0, 1); or "prefit" for a classifier that is fitted, on
                other rows than those given.
            refit: Whether to fit to all rows at the end; without, `cv` must be a share.
                Not looked at for "prefit".
            random_state: Of a share's split, and of the decision's folds.
        """
        self.estimator = estimator
        self.metric = metric
        self.greater_is_better = greater_is_better
        self.known = known
        self.cv = cv
        self.refit = refit
        self.random_state = random_state

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        columns: object = None,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        **params: Any,  # noqa: ANN401 - of the classifier's own
    ) -> Self:
        """Fit the classifier, and learn the decision.

        Args:
            X: Features, as the classifier takes them.
            y: Labels of two classes, shape `[rows]`.
            columns: What the metric needs of each row besides: a mapping of names to
                values, or a table. None takes the metric's columns from X by name,
                where X is a table.
            sample_weight: For the classifier, if it takes weights, and for the metric.
            groups: Which rows belong together: they stay in one fold.
            **params: For the classifier, by scikit-learn's metadata routing.

        Raises:
            ValueError: If `y` has other than two classes, or what `tune_decision`
                raises.
        """
        X, y = indexable(X, y)
        assert_all_finite(y, input_name="y")
        kind = type_of_target(y, input_name="y", raise_unknown=True)
        if kind != "binary":
            raise ValueError(
                "Only binary classification is supported. The type of the target is "
                f"{kind}."
            )
        routed = process_routing(self, "fit", **params).estimator.fit if params else {}
        weight = sample_weight
        if weight is not None:
            weight = _check_sample_weight(sample_weight, X)
        p, rows = self._probabilities(X, y, weight, groups, routed)
        true_loss = untried(self.metric, greater_is_better=self.greater_is_better)
        given = self._columns(X, columns, true_loss.columns)
        self.decision_: Decision = tune_decision(
            _safe_indexing(np.asarray(y) == self.classes_[1], rows).astype(int),
            p[rows],
            self.metric,
            columns=_rows_of(given, rows),
            known=self.known,
            greater_is_better=self.greater_is_better,
            sample_weight=None if weight is None else weight[rows],
            groups=None if groups is None else np.asarray(groups)[rows],
            random_state=self.random_state,
        )
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self.estimator_, name):
                setattr(self, name, getattr(self.estimator_, name))
        return self

    def _probabilities(
        self,
        X: Any,  # noqa: ANN401 - as `fit`
        y: Any,  # noqa: ANN401 - as `fit`
        weight: NDArray[np.float64] | None,
        groups: ArrayLike | None,
        routed: Mapping[str, Any],
    ) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        """Return probabilities by a classifier that has not seen the row; whose rows.

        Sets `estimator_` and `classes_`.
        """
        n_rows = len(y)
        if isinstance(self.cv, str):
            if self.cv != "prefit":
                raise ValueError(f'`cv` may be "prefit", got {self.cv!r}.')
            check_is_fitted(self.estimator)
            self.estimator_, self.classes_ = self.estimator, self.estimator.classes_
            return self.estimator.predict_proba(X)[:, 1], np.arange(n_rows)
        is_share = isinstance(self.cv, float)
        if not (self.refit or is_share):
            raise ValueError(
                "`refit=False` keeps the one classifier that was fitted: give `cv` as "
                "a share of the rows, such as 0.2."
            )
        if is_share:
            state = np.random.RandomState(self.random_state)
            cv = StratifiedShuffleSplit(1, test_size=self.cv, random_state=state)
        else:
            cv = check_cv(self.cv, y, classifier=True)
            if groups is not None and isinstance(cv, StratifiedKFold):
                cv = StratifiedGroupKFold(cv.n_splits)
        p, seen = np.full(n_rows, np.nan), []
        for train, test in cv.split(X, y, groups):
            inner = self._fitted(X, y, weight, routed, train)
            p[test] = inner.predict_proba(_safe_indexing(X, test))[:, 1]
            seen.append(test)
        self.estimator_ = inner
        if self.refit:
            self.estimator_ = self._fitted(X, y, weight, routed, np.arange(n_rows))
        self.classes_ = self.estimator_.classes_
        return p, np.unique(np.concatenate(seen))

    def _fitted(
        self,
        X: Any,  # noqa: ANN401 - as `fit`
        y: Any,  # noqa: ANN401 - as `fit`
        weight: NDArray[np.float64] | None,
        routed: Mapping[str, Any],
        rows: NDArray[np.intp],
    ) -> Any:  # noqa: ANN401 - a classifier
        """Return a classifier fitted to some rows."""
        further = {name: _safe_indexing(one, rows) for name, one in routed.items()}
        if weight is not None and has_fit_parameter(self.estimator, "sample_weight"):
            further["sample_weight"] = weight[rows]
        inner = clone(self.estimator)
        return inner.fit(_safe_indexing(X, rows), _safe_indexing(y, rows), **further)

    @staticmethod
    def _columns(X: Any, columns: object, names: tuple[str, ...]) -> object:  # noqa: ANN401 - as `fit`
        """Return the columns given, or those of a table."""
        if columns is not None or not (names and is_table(X)):
            return columns
        frame = as_pandas(X)
        return {name: frame[name] for name in names if name in frame.columns}

    def predict(self, X: ArrayLike, columns: object = None) -> NDArray[Any]:
        """Return the class decided on for each row, shape `[rows]`.

        Args:
            X: Features.
            columns: What the decision needs of each row besides (`decision_.columns`),
                as for `fit`.

        Raises:
            ValueError: If a column is missing.
        """
        check_is_fitted(self)
        names = self.decision_.columns
        _, given = take_columns(X, names, columns, features=())
        decided = self.decision_.decide(self.estimator_.predict_proba(X), given)
        labels: NDArray[Any] = self.classes_[decided]
        return labels

    @_inner_has("predict_proba")  # type: ignore[untyped-decorator]
    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the classifier's probabilities, shape `[rows, 2]`."""
        check_is_fitted(self)
        found: NDArray[np.float64] = self.estimator_.predict_proba(X)
        return found

    @_inner_has("decision_function")  # type: ignore[untyped-decorator]
    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the classifier's scores, shape `[rows]`."""
        check_is_fitted(self)
        found: NDArray[np.float64] = self.estimator_.decision_function(X)
        return found

    def get_metadata_routing(self) -> MetadataRouter:
        """Return who gets what: `columns` are its own, the rest the classifier's."""
        mapping = MethodMapping().add(callee="fit", caller="fit")
        router = MetadataRouter(owner=self).add_self_request(self)
        return router.add(estimator=self.estimator, method_mapping=mapping)

    def __sklearn_tags__(self) -> Tags:
        """Two classes; features as the classifier takes them."""
        from sklearn.utils import get_tags

        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags = get_tags(self.estimator).input_tags
        return tags


def _rows_of(columns: Any, rows: NDArray[np.intp]) -> Any:  # noqa: ANN401 - a mapping or a table
    """Return some rows of columns."""
    if columns is None:
        return None
    names = getattr(columns, "columns", columns)
    return {name: _safe_indexing(columns[name], rows) for name in names}
