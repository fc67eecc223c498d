"""The main job: from a table to a model trained for its metric, and its test."""

import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from losslearn.encoding import TableEncoder
from losslearn.metrics import ResponseMethod
from losslearn.metrics.other_names import note_on, refuse_no_aim
from losslearn.tables.copies import count_copies
from losslearn.tables.display import Display, Silent
from losslearn.tables.division import Parts, divide
from losslearn.tables.fitted import FittedTable, as_sets
from losslearn.tables.metric_name import (
    MetricName,
    check_metric_columns,
    resolve_metric,
)
from losslearn.tables.reading import as_frame
from losslearn.tables.saved import check_destination, check_encoder, save_somewhere
from losslearn.tables.target import Label
from losslearn.tables.testing import tested
from losslearn.tasks.task import Task
from losslearn.training.recipe import Mode, Recipe

if TYPE_CHECKING:
    from losslearn.estimators.base import SurrogateEstimator


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
    groups: str | None = None,
    time: str | None = None,
    positive: Label | None = None,
    greater_is_better: bool | None = None,
    metric_columns: Sequence[str] = (),
    keep_metric_columns: bool = False,
    ignores: Sequence[str] = (),
    read_as: Mapping[str, str] | None = None,
    ids: Sequence[str] = (),
    encoder: object = None,
    recipe: Recipe | None = None,
    display: Display | None = None,
    response: ResponseMethod | None = None,
) -> FittedTable:
    """Train a model for a metric, and its control; choose, and test both.

    What `losslearn fit` does; every option of it is an argument here. The table is
    divided into 64 % training, 16 % validation and 20 % test rows, or, with `valid`,
    into 80 % training and 20 % test rows. Ctrl-C ends the training and keeps the best
    model so far; so does a metric that fails, with a warning that says at which call.

    Args:
        frame: Table with the target column: of pandas, polars or Arrow, or the path of
            a file.
        target: Name of that column.
        metric: What to train for: a name, a scikit-learn scorer,
            "path/to/file.py:function", or a function; with constraints or without, as
            "recall subject to precision >= 0.8" (see `subject_to`).
        out: Folder to write the model to; None writes none (see `FittedTable.save`). If
            it cannot be written any more after the training, a warning names another.
            While it is fitted, its state is kept in `OUT.checkpoint`: a fit that was
            killed or interrupted goes on from there when it is asked for again.
        model: "mlp" or "linear".
        mode: Kind of learned loss; None takes that of the recipe.
        max_time: Seconds for the whole job: preparation, both methods, and their test.
        max_iter: Iterations of each method; None takes that of the recipe.
        seed: Of everything that is drawn.
        valid: Table of validation rows, if they are not to be taken from `frame`.
        groups: Column that says which rows belong together, as those of a person or a
            day: they stay in one part, and the column is no feature. Else a model is
            tested on what it has seen, and looks better than it is.
        time: Column of dates or numbers by which the rows are divided: the latest are
            test rows, those before them validation rows. It stays a feature.
        positive: Of two classes, the label to find; None takes the second in sorted
            order.
        greater_is_better: Direction of a function that does not say.
        metric_columns: Columns that the metric needs; left out of the features, as
            those of its constraints are.
        keep_metric_columns: Whether they are features as well.
        ignores: Columns that are left out.
        read_as: What columns hold, by name, where that is not what they seem to:
            "number", "category", "text", "date" or "ignore" (see `TableEncoder`).
        ids: Columns that name the rows: left out, and carried into predictions.
        encoder: A transformer of scikit-learn's in place of a `TableEncoder`.
        recipe: All other settings.
        display: Is told of the progress.
        response: What a function takes as its second argument, "decision_function" (raw
            scores), "predict_proba" or "predict" (labels); None reads it off its name.

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
    from losslearn.estimators.registry import ESTIMATORS  # scikit-learn
    from losslearn.estimators.time_limit import check_max_time

    begin, max_time = perf_counter(), check_max_time(max_time)
    settings = _recipe(recipe, mode=mode, max_iter=max_iter)
    refuse_no_aim(metric)
    true_loss = resolve_metric(
        metric, greater_is_better=greater_is_better, response_method=response
    )
    named = MetricName.of(
        metric,
        true_loss,
        greater_is_better=greater_is_better,
        response_method=response,
    )
    kind = ESTIMATORS[true_loss.task]
    options = _options_of(kind.task, {"positive": positive})
    folder = None if out is None else check_destination(out)
    encoder = _encoder(encoder, read_as, ignored=[*ignores, *ids])
    if folder is not None:
        check_encoder(encoder)
    display = display or Silent()
    display.stage("reading the table")
    # constraints name theirs themselves
    own = {name for one in true_loss.constraints for name in one.columns}
    metric_columns = [*metric_columns, *sorted(own.difference(metric_columns))]
    check_metric_columns(metric_columns, true_loss, target)
    table, validation = as_frame(frame), None if valid is None else as_frame(valid)
    parts = divide(
        table,
        validation,
        target,
        task=kind.task,
        options=options,
        seed=seed,
        metric=named,
        text=true_loss.text,
        left_out=[] if keep_metric_columns else metric_columns,
        named=[*ignores, *ids, *(read_as or {})],
        groups=groups,
        time=time,
    )
    if max_time is not None:  # a fit takes a tenth of a second at least
        max_time = max(max_time - (perf_counter() - begin), 0.1)
    estimator = kind(
        true_loss,
        model=model,
        max_time=max_time,
        random_state=seed,
        watch=display.watch,
        fit_progress=display.fit_progress,
        encoder=encoder,
        recipe=settings,
        **{kind.option_arguments[name]: value for name, value in options.items()},
    )
    display.stage("preparing columns and model")
    # beside the model, which the folder can be replaced by while it is being fitted
    beside = None if folder is None else folder.with_name(f"{folder.name}.checkpoint")
    _train(estimator, parts, beside)
    display.stage("testing")
    report = tested(estimator, parts.test, seed)
    if true_loss.is_builtin:
        report["given"] = note_on(named.given)
    copies = None if validation is None else count_copies(validation, table)
    readings = getattr(estimator.encoder_, "readings", None)  # of a `TableEncoder`
    told = {
        "columns": None if readings is None else readings(),
        "groups": parts.groups,
        "divided_by_time": time,
        "validation_copies": copies,
    }
    report |= {name: fact for name, fact in told.items() if fact is not None}
    report |= {"metric": named.given, "model": None}
    fitted = _fitted(estimator, parts, report, target, named, ids)
    if folder is not None:
        display.stage("writing the model")
        _write(fitted, folder)
    for failure in report["failures"]:
        warnings.warn(failure, RuntimeWarning, stacklevel=2)
    return fitted


def _write(fitted: FittedTable, folder: Path) -> None:
    """Write the model, and into its report where it is and what went wrong."""
    written, failure = save_somewhere(folder, fitted)
    fitted.report["model"] = None if written is None else str(written)
    if failure is not None:
        fitted.report["failures"].append(failure)


def _recipe(recipe: Recipe | None, **given: Any) -> Recipe:  # noqa: ANN401 - its settings
    """Return the recipe with the settings that were given beside it."""
    said = {name: value for name, value in given.items() if value is not None}
    return replace(recipe or Recipe(), **said)


def _encoder(
    given: object, read_as: Mapping[str, str] | None, *, ignored: Sequence[str]
) -> object:
    """Return the encoder of a fit; one that was given decides by itself."""
    if given is None:
        kinds = {**(read_as or {}), **dict.fromkeys(ignored, "ignore")}
        return TableEncoder(read_as=kinds)
    if ignored or read_as:
        raise ValueError(
            "`encoder` decides on the columns itself: leave out `ignores`, `read_as` "
            "and `ids`."
        )
    return given


def _options_of(task: Task, given: Mapping[str, object]) -> dict[str, object]:
    """Return what the task asks for of what was given."""
    declared = {option.name for option in task.options}
    for name, value in given.items():
        if value is not None and name not in declared:
            raise ValueError(
                f"`{name}` (--{name}) says nothing to a metric of the {task.name} "
                "task. Leave it out."
            )
    return {name: given.get(name) for name in declared}


def _fitted(
    estimator: "SurrogateEstimator",
    parts: Parts,
    report: dict[str, Any],
    target: str,
    metric: MetricName,
    ids: Sequence[str],
) -> FittedTable:
    """Return all that is kept of a fit."""
    validation = parts.validation
    return FittedTable(
        module=estimator.model_,
        encoder=estimator.encoder_,
        task=estimator.task,
        target=target,
        ids=tuple(ids),
        labels=estimator.labels_,
        metric=metric,
        rule=estimator.rule_,
        calibration=estimator.calibration_,
        recipe=asdict(estimator.recipe_),
        report=report,
        history=estimator.history_,
        true_loss=estimator.true_loss_,
        validation=as_sets(
            estimator.labels_.encode(validation.y),
            estimator.scores(validation.features),
            validation.columns,
        ),
    )


def _train(
    estimator: "SurrogateEstimator", parts: Parts, checkpoint: Path | None
) -> None:
    """Fit; what the estimator warns of is in its report."""
    train, validation = parts.train, parts.validation
    columns: dict[str, Any] = {}
    if train.columns:
        columns = {
            "metric_columns": train.columns,
            "metric_columns_valid": validation.columns,
        }
    with warnings.catch_warnings(action="ignore"):
        estimator.fit(
            train.features,
            train.y,
            X_valid=validation.features,
            y_valid=validation.y,
            checkpoint=checkpoint,
            **columns,
        )
