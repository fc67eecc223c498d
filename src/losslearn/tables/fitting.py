"""The main job: from a table to a model trained for its metric, and its test."""

import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import torch

from losslearn.encoding import TableEncoder
from losslearn.metrics import ResponseMethod, TrueLoss
from losslearn.metrics.as_written import as_written
from losslearn.metrics.columns import TextColumns
from losslearn.metrics.other_names import note_on, refuse_no_aim
from losslearn.models.kinds import AUTO, kind_of
from losslearn.tables.backends import Backend, check_backend, mapper_of
from losslearn.tables.copies import count_copies
from losslearn.tables.display import Display, Silent
from losslearn.tables.division import OtherTables, Parts, divide
from losslearn.tables.fitted import FittedTable
from losslearn.tables.metric_columns import check_metric_columns, column_readings
from losslearn.tables.metric_name import MetricName, resolve_metric
from losslearn.tables.reading import as_frame
from losslearn.tables.saved import check_destination, check_encoder, save_somewhere
from losslearn.tables.target import Label
from losslearn.tables.testing import tested
from losslearn.tasks.task import Task
from losslearn.training.checkpoint import Checkpoint
from losslearn.training.parts import Mapper
from losslearn.training.recipe import Mode, Recipe

if TYPE_CHECKING:
    import pandas as pd

    from losslearn.estimators.base import SurrogateEstimator


def fit_table(
    frame: object,
    target: str,
    metric: object,
    *,
    out: str | os.PathLike[str] | None = None,
    model: object = "mlp",
    mode: Mode | None = None,
    max_time: float | None = None,
    max_iter: int | None = None,
    cv: int | None = None,
    refit: bool | None = None,
    seed: int = 0,
    valid: object = None,
    test: object = None,
    groups: str | None = None,
    time: str | None = None,
    positive: Label | None = None,
    greater_is_better: bool | None = None,
    metric_columns: Sequence[str] = (),
    decision_columns: Sequence[str] = (),
    keep_metric_columns: bool = False,
    ignores: Sequence[str] = (),
    read_as: Mapping[str, str] | None = None,
    ids: Sequence[str] = (),
    encoder: object = None,
    recipe: Recipe | None = None,
    display: Display | None = None,
    response: ResponseMethod | None = None,
    backend: Backend = "local",
) -> FittedTable:
    """Train a model for a metric, and its control; choose, and test both.

    What `losslearn fit` does; every option of it is an argument here. The table is
    divided into 64 % training, 16 % validation and 20 % test rows; with `valid`, into
    80 % training and 20 % test rows; with `test`, into 80 % training and 20 %
    validation rows. Of fewer than 5,000 training and validation rows these are folds
    (`cv`), and all of them are trained on in the end (`refit`). Rows that are equal
    stay in one part, unless most rows are equal to another. Ctrl-C ends the training
    and keeps the best model so far; so does a metric that fails, with a warning that
    says at which call.

    Args:
        frame: Table with the target column: of pandas, polars or Arrow, or the path of
            a file or of a folder of Parquet files.
        target: Name of that column.
        metric: What to train for: a name, a scikit-learn scorer,
            "path/to/file.py:function", or a function; with constraints or without, as
            "recall subject to precision >= 0.8" (see `subject_to`).
        out: Folder to write the model to; None writes none (see `FittedTable.save`). If
            it cannot be written any more after the training, a warning names another.
            While it is fitted, its state is kept in `OUT.checkpoint`: a fit that was
            killed or interrupted goes on from there when it is asked for again.
        model: "mlp", "linear", "lightgbm" or "xgboost", or a configured
            `LGBMClassifier` or `XGBClassifier`.
        mode: Kind of learned loss; None takes that of the recipe.
        max_time: Seconds for the whole job: preparation, both methods, and their test.
        max_iter: Iterations of each method; None takes that of the recipe.
        cv: Folds of training and validation rows, in place of one split; 1 for that,
            None for 5 folds of fewer than 5,000 rows that neither `valid` nor `time`
            divides (see `SurrogateClassifier`).
        refit: Whether the validation rows are trained on as well in the end, as they
            always are with folds; None for that where nothing but chance says which
            they are, and no `max_time` is given. Test rows never are.
        seed: Of everything that is drawn.
        valid: Table of validation rows, if they are not to be taken from `frame`.
        test: Table of test rows, if they are not to be taken from `frame`.
        groups: Column that says which rows belong together, as those of a person or a
            day: they stay in one part, and the column is no feature. Else a model is
            tested on what it has seen, and looks better than it is.
        time: Column of dates or numbers by which the rows are divided: the latest are
            test rows, those before them validation rows. It stays a feature. Tables of
            `valid` and `test` are taken as they are.
        positive: Of two classes, the label to find; None takes the second in sorted
            order.
        greater_is_better: Direction of a function that does not say.
        metric_columns: Columns that the metric needs, known of past rows alone; left
            out of the features, as those of its constraints are.
        decision_columns: Columns that are known when deciding too, the metric's or
            others: decisions may depend on them (see `tune_decision`), and `predict`
            needs them then. Features as well, unless in `ignores`.
        keep_metric_columns: Whether `metric_columns` are features as well.
        ignores: Columns that are left out.
        read_as: What columns hold, by name, where that is not what they seem to:
            "number", "category", "text", "date" or "ignore" (see `TableEncoder`).
        ids: Columns that name the rows: left out, and carried into predictions.
        encoder: A transformer of scikit-learn's in place of a `TableEncoder`.
        recipe: All other settings.
        display: Is told of the progress.
        response: What a function takes as its second argument, "decision_function" (raw
            scores), "predict_proba" or "predict" (labels); None reads it off its name.
        backend: Where folds are trained: "local" (here), or "ray", as tasks of a Ray
            cluster (see `mapper_of`), each with a core; the fit is the same.

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
        ({'train': 48, 'validation': 48, 'test': 12}, ['score', 'probability', 'label'])
    """
    from losslearn.estimators.registry import ESTIMATORS  # scikit-learn
    from losslearn.estimators.time_limit import check_max_time

    begin, asked_time = perf_counter(), check_max_time(max_time)
    _check_folds(cv, valid, time)
    check_backend(backend)
    settings = _recipe(recipe, mode=mode, max_iter=max_iter)
    refuse_no_aim(metric)
    true_loss = resolve_metric(
        metric, greater_is_better=greater_is_better, response_method=response
    ).knowing(decision_columns)
    named = MetricName.of(
        metric,
        true_loss,
        greater_is_better=greater_is_better,
        response_method=response,
    )
    kind = ESTIMATORS[true_loss.task]
    options = _options_of(kind.task, {"positive": positive})
    folder = None if out is None else check_destination(out)
    kinds = {**(read_as or {}), **dict.fromkeys([*ignores, *ids], "ignore")}
    encoder = _encoder(encoder, kinds, for_trees=_for_trees(model))
    if folder is not None:
        check_encoder(encoder)
    display = display or Silent()
    display.metric(as_written(true_loss).judged)
    display.stage("reading the table")
    # constraints name theirs themselves
    own = {name for one in true_loss.constraints for name in one.columns}
    metric_columns = [
        *metric_columns,
        *sorted(own - {*metric_columns, *true_loss.known}),
    ]
    check_metric_columns(metric_columns, true_loss, target)
    left_out = [] if keep_metric_columns else set(metric_columns) - {*true_loss.known}
    table = as_frame(frame)
    others = OtherTables(
        *(None if given is None else as_frame(given) for given in (valid, test))
    )
    readings = column_readings(table, true_loss.all_columns, known=true_loss.known)
    named = replace(named, readings=readings)
    parts = divide(
        table,
        others,
        target,
        task=kind.task,
        options=options,
        seed=seed,
        metric=named,
        columns=true_loss.all_columns,
        text=true_loss.text,
        left_out=sorted(left_out),
        read_as=kinds,
        groups=groups,
        time=time,
    )
    ready = _ready(encoder, parts, for_all=model != AUTO)
    if asked_time is not None:  # a fit takes a tenth of a second at least
        max_time = max(asked_time - (perf_counter() - begin), 0.1)
    if refit is None:
        refit = not parts.is_settled and asked_time is None
    if cv is None:
        how = {"encoder": ready, "max_time": max_time}
        cv = _folds(parts, kind.task, options, true_loss, **how)
    estimator = kind(
        true_loss,
        model=model,
        max_time=max_time,
        random_state=seed,
        cv=cv,
        refit=refit,
        watch=display.watch,
        fit_progress=display.fit_progress,
        encoder=ready,
        recipe=settings,
        **{kind.option_arguments[name]: value for name, value in options.items()},
    )
    display.stage("preparing columns and model")
    estimator.on_stage = display.stage
    state = None if folder is None else _state_of(folder, asked_time)
    with mapper_of(backend) as map_parts:
        _train(estimator, parts, state, map_parts)
    display.stage("testing")
    report = tested(estimator, parts.test, seed)
    if true_loss.is_builtin:
        report["given"] = note_on(named.given)
    read = getattr(estimator.encoder_, "readings", None)  # of a `TableEncoder`
    told = {
        "columns": None if read is None else read(),
        "groups": parts.groups,
        "divided_by_time": time,
        "copies": parts.copies,
        **_copies(table, others),
    }
    report |= {name: fact for name, fact in told.items() if fact is not None}
    report |= {"metric": named.given, "model": None}
    fitted = _fitted(estimator, report, target, named, ids)
    if folder is not None and state is not None:
        display.stage("writing the model")
        _write(fitted, folder, state)
    for failure in report["failures"]:
        warnings.warn(failure, RuntimeWarning, stacklevel=2)
    return fitted


def _check_folds(cv: object, valid: object, time: object) -> None:
    """Check that nothing else says which rows are validation rows.

    Raises:
        ValueError: If something does.
    """
    if cv is None or cv == 1:
        return
    given = {"`valid` (--valid)": valid, "`time` (--time)": time}
    for name, value in given.items():
        if value is not None:
            raise ValueError(
                f"`cv` (--cv) of {cv} folds divides training and validation rows by "
                f"chance, and {name} says which are which. Leave one of them out."
            )


def _folds(
    parts: Parts,
    task: Task,
    options: Mapping[str, object],
    true_loss: TrueLoss,
    **how: Any,  # noqa: ANN401 - of `default_folds`
) -> int:
    """Return how many folds there are where nobody says; 1 for one split."""
    from losslearn.estimators.division import default_folds

    if parts.is_settled:
        return 1
    y = parts.train.and_then(parts.validation).y
    target = torch.from_numpy(task.labels(y, options).encode(y))
    return default_folds(task.strata(target), true_loss, **how)


def _state_of(folder: Path, max_time: float | None) -> Checkpoint:
    """Return where the state of a fit is kept until its model is written.

    Beside the model, which the folder can be replaced by while it is being fitted.
    """
    return Checkpoint(folder.with_name(f"{folder.name}.checkpoint"), f"{max_time} ")


def _write(fitted: FittedTable, folder: Path, state: Checkpoint) -> None:
    """Write the model, and into its report where it is and what went wrong.

    The state of the fit is taken away then, if it came to its end.
    """
    if state.failure is not None:
        warnings.warn(state.failure, UserWarning, stacklevel=3)
    written, failure = save_somewhere(folder, fitted)
    fitted.report["model"] = None if written is None else str(written)
    if failure is not None:
        fitted.report["failures"].append(failure)
    if state.is_done and written is not None:
        state.remove()


def _recipe(recipe: Recipe | None, **given: Any) -> Recipe:  # noqa: ANN401 - its settings
    """Return the recipe with the settings that were given beside it."""
    said = {name: value for name, value in given.items() if value is not None}
    return replace(recipe or Recipe(), **said)


def _encoder(given: object, read_as: Mapping[str, str], *, for_trees: bool) -> object:
    """Return the encoder of a fit; one that was given decides by itself."""
    if given is None:
        return TableEncoder(read_as=read_as, for_trees=for_trees)
    if read_as:
        raise ValueError(
            "`encoder` decides on the columns itself: leave out `ignores`, `read_as` "
            "and `ids`."
        )
    return given


def _for_trees(model: object) -> bool:
    """Whether an encoder is to be one for trees; of several models each has its own."""
    return model != AUTO and kind_of(model).takes_gaps


def _ready(encoder: Any, parts: Parts, *, for_all: bool) -> Any:  # noqa: ANN401 - transformers
    """Return an encoder for these parts, which can read the test rows.

    Found out before the training, not after it. A `TableEncoder`, which looks at no
    target, is fitted once and `for_all` by that.
    """
    from sklearn.base import clone
    from sklearn.frozen import FrozenEstimator

    fitted, is_own = clone(encoder), not isinstance(encoder, TableEncoder)
    try:
        fitted.fit(parts.train.features, parts.train.y)
    except (OverflowError, ValueError):
        return encoder  # which the training says
    try:
        fitted.transform(parts.test.features)
    except (OverflowError, ValueError) as error:
        raise ValueError(f"In the test rows: {error}") from error
    return encoder if is_own or not for_all else FrozenEstimator(fitted)


def _copies(table: "pd.DataFrame", others: OtherTables) -> dict[str, int]:
    """Return how many rows of a table of their own are in one before it as well."""
    before, found = [table], {}
    for name, other in others.given().items():
        found[f"{name}_copies"] = count_copies(other, *before)
        before.append(other)
    return found


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
    report: dict[str, Any],
    target: str,
    metric: MetricName,
    ids: Sequence[str],
) -> FittedTable:
    """Return all that is kept of a fit."""
    return FittedTable(
        module=estimator.model_,
        encoder=estimator.encoder_,
        task=estimator.task,
        target=target,
        ids=tuple(ids),
        labels=estimator.labels_,
        metric=metric,
        rule=estimator.rule_,
        texts=_texts(estimator),
        calibration=estimator.calibration_,
        recipe=asdict(estimator.recipe_),
        report=report,
        history=estimator.history_,
        true_loss=estimator.true_loss_,
        seen=estimator.seen_,
        validation=estimator.validation_,
    )


def _texts(estimator: "SurrogateEstimator") -> TextColumns:
    """Return how those columns of text are coded that decisions depend on."""
    text = estimator.true_loss_.text or TextColumns()
    names = [name for name in estimator.rule_.columns if name in text]
    return TextColumns.of({name: text.values(name) for name in names})


def _train(
    estimator: "SurrogateEstimator",
    parts: Parts,
    checkpoint: Checkpoint | None,
    map_parts: Mapper | None,
) -> None:
    """Fit; what the estimator warns of is in its report."""
    train, held_out = parts.train, parts.validation
    given: dict[str, Any] = {"checkpoint": checkpoint, "map_parts": map_parts}
    if estimator.cv == 1:
        given |= {"X_valid": held_out.features, "y_valid": held_out.y}
        if held_out.columns:
            given["metric_columns_valid"] = held_out.columns
    else:
        train = train.and_then(held_out)
        given["groups"] = train.together
    if train.columns:
        given["metric_columns"] = train.columns
    with warnings.catch_warnings(action="ignore"):
        estimator.fit(train.features, train.y, **given)
    estimator.report_.pop("groups", None)  # of rows, or of what is told otherwise
