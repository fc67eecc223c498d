"""The main job: from a table to a model trained for its metric, and its test."""

import os
import warnings
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from losslearn.encoding import TableEncoder
from losslearn.metrics import TrueLoss
from losslearn.metrics.columns import NO_COLUMNS, Columns, take_rows
from losslearn.metrics.sets import Sets
from losslearn.tables.fitted import FittedTable, measure, restore_rule
from losslearn.tables.metric_name import MetricName, resolve_metric, table_columns
from losslearn.tables.reading import as_frame
from losslearn.tables.saved import check_destination
from losslearn.tables.target import Label, split_target
from losslearn.training.loop import Record
from losslearn.training.recipe import Mode, Recipe
from losslearn.training.splitting import split_rows

if TYPE_CHECKING:
    import pandas as pd

    from losslearn.estimators.classifier import SurrogateClassifier

TEST_SIZE = 0.2
VALIDATION_SIZE = 0.16
"""Shares of the rows; the other 64 % are trained on."""


class Display(Protocol):
    """What the job reports to while it runs."""

    def stage(self, name: str) -> None:
        """Show what is being done."""

    def fit_progress(self, step: int, n_steps: int, error: float) -> None:
        """Show how far a universal surrogate is."""

    def watch(self, record: Record) -> None:
        """Show a look at the validation rows."""


class Silent:
    """Shows nothing."""

    def stage(self, name: str) -> None: ...  # noqa: D102

    def fit_progress(self, step: int, n_steps: int, error: float) -> None: ...  # noqa: D102

    def watch(self, record: Record) -> None: ...  # noqa: D102


class _Rows(NamedTuple):
    """Features and target of one part of a table."""

    X: NDArray[np.float32]
    y: NDArray[np.int64]
    columns: Columns = NO_COLUMNS
    """What the metric needs to know of each row besides."""

    def scored(self, score: NDArray[np.float64]) -> Sets:
        """Return the rows as one set."""
        y, y_score = torch.from_numpy(self.y), torch.from_numpy(score)
        return Sets(y, y_score, None, self.columns)


class _Parts(NamedTuple):
    """A table in three parts."""

    encoder: TableEncoder
    classes: list[Label]
    train: _Rows
    validation: _Rows
    test: _Rows


def fit_table(
    frame: object,
    target: str,
    metric: object,
    *,
    out: str | os.PathLike[str] | None = None,
    model: str = "mlp",
    mode: Mode | None = None,
    max_time: float | None = None,
    max_iter: int | None = None,
    seed: int = 0,
    valid: object = None,
    positive: Label | None = None,
    greater_is_better: bool | None = None,
    metric_columns: Sequence[str] = (),
    keep_metric_columns: bool = False,
    recipe: Recipe | None = None,
    display: Display | None = None,
) -> FittedTable:
    """Train a model for a metric, and its control; choose, and test both.

    What `losslearn fit` does; every option of it is an argument here. The table is
    divided into 64 % training, 16 % validation and 20 % test rows, or, with `valid`,
    into 80 % training and 20 % test rows. Ctrl-C ends the training and keeps the best
    model so far.

    Args:
        frame: Table with the target column: of pandas, polars or Arrow, or the path of
            a file.
        target: Name of that column.
        metric: What to train for: a name, a scikit-learn scorer,
            "path/to/file.py:function", or a function.
        out: Folder to write the model to; None writes none (see `FittedTable.save`).
        model: "mlp" or "linear".
        mode: Kind of learned loss; None takes that of the recipe.
        max_time: Seconds to train for, both methods.
        max_iter: Iterations of each method; None takes that of the recipe.
        seed: Of everything that is drawn.
        valid: Table of validation rows, if they are not to be taken from `frame`.
        positive: Label to find; None takes the second in sorted order.
        greater_is_better: Direction of a function that does not say.
        metric_columns: Columns that the metric needs; left out of the features.
        keep_metric_columns: Whether they are features as well.
        recipe: All other settings.
        display: Is told of the progress.

    Raises:
        ValueError: If the table or a setting cannot be used.
        KeyboardInterrupt: If the user stopped it before there was anything to keep.

    Example:
        >>> import pandas as pd
        >>> x = [i % 7 for i in range(60)]
        >>> frame = pd.DataFrame({"x": x, "y": [one > 4 for one in x]})
        >>> fitted = fit_table(
        ...     frame, "y", "f1", model="linear", mode="scratch", max_iter=4
        ... )
        >>> fitted.report["rows"], list(fitted.predict(frame).columns)
        ({'train': 38, 'validation': 10, 'test': 12}, ['score', 'probability', 'label'])
    """
    from losslearn.estimators.classifier import SurrogateClassifier  # scikit-learn

    settings = recipe or Recipe()
    if mode is not None:
        settings = replace(settings, mode=mode)
    if max_iter is not None:
        settings = replace(settings, max_iter=max_iter)
    true_loss = resolve_metric(metric, greater_is_better=greater_is_better)
    named = MetricName.of(metric, true_loss, greater_is_better=greater_is_better)
    folder = None if out is None else check_destination(out)
    display = display or Silent()
    display.stage("preparing the columns")
    _check_metric_columns(metric_columns, true_loss, target)
    parts = _prepare(
        as_frame(frame),
        None if valid is None else as_frame(valid),
        target,
        positive=positive,
        seed=seed,
        metric=named,
        left_out=() if keep_metric_columns else metric_columns,
    )
    classifier = SurrogateClassifier(
        true_loss,
        model=model,
        max_time=max_time,
        random_state=seed,
        watch=display.watch,
        fit_progress=display.fit_progress,
        recipe=settings,
    )
    display.stage("starting to train")
    interrupted = _train(classifier, parts)
    display.stage("testing")
    report = _test(classifier, parts.test, true_loss, seed)
    report |= {"metric": named.given, "interrupted": interrupted, "model": None}
    fitted = _fitted(classifier, parts, report, settings, target, named)
    if folder is not None:
        display.stage("writing the model")
        fitted.save(folder)
        report["model"] = str(folder)
    return fitted


def _fitted(
    classifier: "SurrogateClassifier",
    parts: _Parts,
    report: dict[str, Any],
    recipe: Recipe,
    target: str,
    metric: MetricName,
) -> FittedTable:
    """Return all that is kept of a fit."""
    chosen = next(
        result for result in report["results"] if result["method"] == report["chosen"]
    )
    score = classifier.decision_function(parts.validation.X)
    return FittedTable(
        module=classifier.model_,
        encoder=parts.encoder,
        target=target,
        classes=tuple(parts.classes),
        metric=metric,
        rule=restore_rule(chosen["rule"]),
        calibration=classifier.calibration_,
        recipe=asdict(recipe),
        report=report,
        history=classifier.history_,
        true_loss=classifier.true_loss_,
        validation=parts.validation.scored(score),
    )


def _prepare(
    frame: "pd.DataFrame",
    valid: "pd.DataFrame | None",
    target: str,
    *,
    positive: Label | None,
    seed: int,
    metric: MetricName,
    left_out: Sequence[str],
) -> _Parts:
    """Divide the rows and encode them the way the training rows ask for."""
    features, y, classes = split_target(frame, target, positive=positive)
    split = split_rows(
        y,
        test_size=TEST_SIZE,
        validation_size=VALIDATION_SIZE if valid is None else 0.0,
        seed=seed,
        names=classes,
    )
    columns = table_columns(frame, metric.columns, metric=metric.given)
    features = features.drop(columns=list(left_out))
    if features.shape[1] == 0:
        raise ValueError(
            "The table has no column besides the target and the metric's. Use the "
            "metric's as features as well: `keep_metric_columns` "
            "(--keep-metric-columns)."
        )
    encoder = TableEncoder().fit(features.iloc[split.train])

    def rows_at(places: NDArray[np.signedinteger]) -> _Rows:
        taken = take_rows(columns, torch.from_numpy(places).long())
        return _Rows(encoder.transform(features.iloc[places]), y[places], taken)

    def rows_of(other: "pd.DataFrame") -> _Rows:
        features, y, _ = split_target(other, target, classes=classes)
        features = features.drop(columns=list(left_out), errors="ignore")
        needed = table_columns(other, metric.columns, metric=metric.given)
        return _Rows(encoder.transform(features), y, needed)

    try:
        validation = rows_at(split.validation) if valid is None else rows_of(valid)
    except ValueError as error:
        raise ValueError(f"In the validation rows: {error}") from error
    return _Parts(
        encoder, classes, rows_at(split.train), validation, rows_at(split.test)
    )


def _train(classifier: "SurrogateClassifier", parts: _Parts) -> bool:
    """Fit, and return whether Ctrl-C ended the fit."""
    train, validation = parts.train, parts.validation
    columns: dict[str, Columns] = {}
    if train.columns:
        columns = {
            "metric_columns": train.columns,
            "metric_columns_valid": validation.columns,
        }
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        classifier.fit(
            train.X, train.y, X_valid=validation.X, y_valid=validation.y, **columns
        )
    interrupted = any("interrupted" in str(warning.message) for warning in caught)
    n_iter = max(result["iterations"] for result in classifier.report_["results"])
    if interrupted and n_iter == 0:
        raise KeyboardInterrupt
    return interrupted


def _test(
    classifier: "SurrogateClassifier", test: _Rows, true_loss: TrueLoss, seed: int
) -> dict[str, Any]:
    """Return the fit's report with both methods' losses on the test rows."""
    report = classifier.report_
    scores = classifier.method_scores(test.X)
    results = []
    for result in report["results"]:
        rows, rule = test.scored(scores[result["method"]]), restore_rule(result["rule"])
        loss, interval = measure(true_loss, rows, rule, seed=seed)
        results.append({**result, "test": loss, "interval": list(interval)})
    return {
        **report,
        "loss": True,
        "rows": {**report["rows"], "test": len(test.y)},
        "results": results,
        "seed": seed,
    }


def _check_metric_columns(
    named: Sequence[str], true_loss: TrueLoss, target: str
) -> None:
    """Check that the columns named are those that the metric needs.

    They are asked for, not taken by themselves, since naming one takes it out of the
    features.
    """
    if target in named:
        raise ValueError(
            f"--metric-column {target} (`metric_columns`) is the target, which the "
            "metric gets as `y_true`."
        )
    missing = [name for name in true_loss.columns if name not in named]
    if missing:
        raise ValueError(
            f"The metric `{true_loss.name}` needs {', '.join(map(repr, missing))} of "
            "each row. Name the columns that hold it: "
            f"{' '.join(f'--metric-column {name}' for name in missing)} "
            f"(`metric_columns={missing}`)."
        )
    extra = [name for name in named if name not in true_loss.columns]
    if extra:
        raise ValueError(
            f"The metric `{true_loss.name}` takes no {', '.join(map(repr, extra))}: "
            "leave out `metric_columns` (--metric-column), or give the metric a "
            "keyword-only argument of that name."
        )
