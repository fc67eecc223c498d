"""The main job: from a table to a model trained for its metric, and its test."""

import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from losslearn.estimators.classifier import SurrogateClassifier
from losslearn.metrics import TrueLoss, as_true_loss
from losslearn.metrics.columns import NO_COLUMNS, Columns, as_columns, take_rows
from losslearn.report.learning_curves import draw_fit
from losslearn.tables import TableEncoder, split_rows, split_target
from losslearn.tables.saved import Label, TableModel, name_metric
from losslearn.tasks.thresholds import bootstrap_interval, evaluate
from losslearn.training.loop import Record
from losslearn.training.recipe import BilevelConfig

if TYPE_CHECKING:
    import pandas as pd

TEST_SIZE = 0.2
VALIDATION_SIZE = 0.16
"""Shares of the rows; the other 64 % are trained on."""
_CALLS = 100
"""Resamples of a bootstrap interval where each takes a call of a user's function."""


@dataclass(frozen=True, kw_only=True)
class FitOptions:
    """What the user asked for."""

    target: str
    metric: str
    model: str = "mlp"
    config: BilevelConfig = field(default_factory=BilevelConfig)
    max_time: float | None = None
    seed: int = 0
    positive: str | None = None
    greater_is_better: bool | None = None
    metric_columns: tuple[str, ...] = ()
    """Columns that the metric needs; left out of the features."""
    keep_metric_columns: bool = False
    """Whether they are features as well."""


class Display(Protocol):
    """What the job reports to while it runs."""

    def stage(self, name: str) -> None:
        """Show what is being done."""

    def fit_progress(self, step: int, n_steps: int, error: float) -> None:
        """Show how far a universal surrogate is."""

    def watch(self, record: Record) -> None:
        """Show a look at the validation rows."""


class Rows(NamedTuple):
    """Features and target of one part of a table."""

    X: NDArray[np.float32]
    y: NDArray[np.int64]
    columns: Columns = NO_COLUMNS
    """What the metric needs to know of each row besides."""


class Parts(NamedTuple):
    """A table in three parts."""

    encoder: TableEncoder
    classes: tuple[Label, Label]
    train: Rows
    validation: Rows
    test: Rows


@dataclass(frozen=True, kw_only=True)
class FitOutcome:
    """A fitted model and what is to be told of it."""

    model: TableModel
    options: FitOptions
    interrupted: bool
    validation: Rows
    """What the learning curves are drawn from."""

    @property
    def report(self) -> dict[str, Any]:
        """Rows, results and choice."""
        return self.model.report

    def summary(self, path: str | None) -> dict[str, Any]:
        """Return the object that `--json` prints.

        Args:
            path: Where the model was written; None if it is not kept.
        """
        keys = ("method", "validation", "test", "threshold", "seconds", "iterations")
        return {
            "metric": self.options.metric,
            "loss": True,
            "rows": self.report["rows"],
            "results": [
                {key: result[key] for key in keys} for result in self.report["results"]
            ],
            "chosen": self.report["chosen"],
            "verdict": self.report["verdict"],
            "model": path,
        }

    def figure(self) -> bytes | None:
        """Return the learning curves as PNG, None where matplotlib is not installed."""
        try:
            return draw_fit(
                self.model.classifier,
                self.validation.X,
                self.validation.y,
                columns=self.validation.columns,
                title=f"{self.options.metric}, predicting {self.options.target}",
            )
        except ImportError:
            return None


def resolve_metric(metric: str, *, greater_is_better: bool | None = None) -> TrueLoss:
    """Return the loss of what the user named on the command line.

    Raises:
        ValueError: If it is not known, or its direction is not.
    """
    try:
        return as_true_loss(metric, greater_is_better=greater_is_better)
    except ValueError as error:
        if greater_is_better is None and "greater_is_better" in str(error):
            raise ValueError(
                f"{error} Here: --greater-is-better or --lower-is-better."
            ) from error
        raise


def fit_table(
    frame: "pd.DataFrame",
    options: FitOptions,
    *,
    valid_frame: "pd.DataFrame | None" = None,
    true_loss: TrueLoss | None = None,
    display: Display,
) -> FitOutcome:
    """Train a model for a metric, and its control; choose, and test both.

    Args:
        frame: Table with the target column, divided into training, validation and test
            rows.
        options: What to train.
        valid_frame: Validation rows, if they are not to be taken from `frame`.
        true_loss: What `options.metric` stands for, if it is known already.
        display: Is told of the progress.

    Raises:
        ValueError: If the table or a setting cannot be used.
        KeyboardInterrupt: If the user stopped it before there was anything to keep.
    """
    if true_loss is None:
        true_loss = resolve_metric(
            options.metric, greater_is_better=options.greater_is_better
        )
    display.stage("preparing the columns")
    _check_metric_columns(options, true_loss)
    parts = _prepare(frame, valid_frame, options)
    classifier, interrupted = _train(parts, options, true_loss, display)
    display.stage("testing")
    model = TableModel(
        classifier=classifier,
        encoder=parts.encoder,
        target=options.target,
        classes=parts.classes,
        metric=name_metric(
            options.metric, true_loss, greater_is_better=options.greater_is_better
        ),
        report=_test(classifier, parts.test, true_loss, options.seed),
    )
    return FitOutcome(
        model=model,
        options=options,
        interrupted=interrupted,
        validation=parts.validation,
    )


def _prepare(
    frame: "pd.DataFrame", valid_frame: "pd.DataFrame | None", options: FitOptions
) -> Parts:
    """Divide the rows and encode them the way the training rows ask for."""
    features, y, classes = split_target(
        frame, options.target, positive=options.positive
    )
    split = split_rows(
        y,
        test_size=TEST_SIZE,
        validation_size=VALIDATION_SIZE if valid_frame is None else 0.0,
        seed=options.seed,
        classes=classes,
    )
    left_out = [] if options.keep_metric_columns else list(options.metric_columns)
    columns = table_columns(frame, options.metric_columns, metric=options.metric)
    features = features.drop(columns=left_out)
    if features.shape[1] == 0:
        raise ValueError(
            "The table has no column besides the target and the metric's. Use the "
            "metric's as features as well: --keep-metric-columns."
        )
    encoder = TableEncoder().fit(features.iloc[split.train])

    def rows_at(places: NDArray[np.intp]) -> Rows:
        return Rows(
            encoder.transform(features.iloc[places]),
            y[places],
            take_rows(columns, torch.from_numpy(places)),
        )

    if valid_frame is None:
        validation = rows_at(split.validation)
    else:
        try:
            other = split_target(valid_frame, options.target, classes=classes)
            validation = Rows(
                encoder.transform(
                    other.features.drop(columns=left_out, errors="ignore")
                ),
                other.y,
                table_columns(
                    valid_frame, options.metric_columns, metric=options.metric
                ),
            )
        except ValueError as error:
            raise ValueError(f"In the validation rows: {error}") from error
    negative, positive = classes
    return Parts(
        encoder=encoder,
        classes=(negative, positive),
        train=rows_at(split.train),
        validation=validation,
        test=rows_at(split.test),
    )


def _train(
    parts: Parts, options: FitOptions, true_loss: TrueLoss, display: Display
) -> tuple[SurrogateClassifier, bool]:
    """Return the fitted classifier and whether Ctrl-C ended the fit."""
    train, validation = parts.train, parts.validation
    columns = {}
    if true_loss.columns:
        columns = {
            "metric_columns": train.columns,
            "metric_columns_valid": validation.columns,
        }
    classifier = SurrogateClassifier(
        true_loss,
        model=options.model,
        max_time=options.max_time,
        random_state=options.seed,
        watch=display.watch,
        fit_progress=display.fit_progress,
        **asdict(options.config),
    )
    display.stage("starting to train")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        classifier.fit(
            train.X, train.y, X_valid=validation.X, y_valid=validation.y, **columns
        )
    interrupted = any("interrupted" in str(warning.message) for warning in caught)
    n_iter = max(result["iterations"] for result in classifier.report_["results"])
    if interrupted and n_iter == 0:
        raise KeyboardInterrupt
    return classifier, interrupted


def _test(
    classifier: SurrogateClassifier, test: Rows, true_loss: TrueLoss, seed: int
) -> dict[str, Any]:
    """Return the fit's report with both methods' losses on the test rows."""
    report = classifier.report_
    scores = classifier.method_scores(test.X)
    results = []
    for result in report["results"]:
        y_score = scores[result["method"]]
        loss, interval = measure(
            true_loss,
            test.y,
            y_score,
            threshold=result["threshold"],
            columns=test.columns,
            seed=seed,
        )
        results.append({**result, "test": loss, "interval": list(interval)})
    rows = {**report["rows"], "test": len(test.y)}
    return {**report, "rows": rows, "results": results, "seed": seed}


def measure(
    true_loss: TrueLoss,
    y: NDArray[np.int64],
    y_score: NDArray[np.float64],
    *,
    threshold: float,
    columns: Columns = NO_COLUMNS,
    seed: int = 0,
) -> tuple[float, tuple[float, float]]:
    """Return the loss of held-out rows and its 95 % bootstrap interval.

    Args:
        true_loss: What to measure.
        y: Targets, 0 or 1.
        y_score: Raw scores.
        threshold: Chosen on other rows; not looked at by losses without threshold.
        columns: What the loss needs to know of each row besides.
        seed: Of the rows drawn.
    """
    rows = (torch.from_numpy(y), torch.from_numpy(y_score))
    at = threshold if true_loss.needs_threshold else None
    interval = bootstrap_interval(
        true_loss,
        *rows,
        threshold=at,
        columns=columns,
        n_resamples=200 if true_loss.is_builtin else _CALLS,
        generator=torch.Generator().manual_seed(seed),
    )
    return evaluate(true_loss, *rows, threshold=at, columns=columns), interval


def table_columns(
    frame: "pd.DataFrame", names: Sequence[str], *, metric: str
) -> dict[str, torch.Tensor]:
    """Return a table's columns that a metric needs.

    Args:
        frame: The table.
        names: The columns.
        metric: What messages call the metric.

    Raises:
        ValueError: If the table has no such column, or it does not hold a finite number
            in each row.
    """
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise ValueError(
            f"The table lacks columns that the metric `{metric}` needs: "
            f"{', '.join(map(repr, missing))}."
        )
    return as_columns(
        {name: frame[name] for name in names},
        names,
        n_rows=len(frame),
        metric=metric,
        argument="table",
    )


def _check_metric_columns(options: FitOptions, true_loss: TrueLoss) -> None:
    """Check that the columns named are those that the metric needs.

    They are asked for, not taken by themselves, since naming one takes it out of the
    features.
    """
    named, needed = set(options.metric_columns), set(true_loss.columns)
    if options.target in named:
        raise ValueError(
            f"--metric-column {options.target} is the target, which the metric gets as "
            "`y_true`."
        )
    missing = [name for name in true_loss.columns if name not in named]
    if missing:
        raise ValueError(
            f"The metric `{true_loss.name}` needs {', '.join(map(repr, missing))} of "
            "each row. Name the columns that hold it: "
            f"{' '.join(f'--metric-column {name}' for name in missing)}."
        )
    extra = [name for name in options.metric_columns if name not in needed]
    if extra:
        raise ValueError(
            f"The metric `{true_loss.name}` takes no {', '.join(map(repr, extra))}: "
            "leave out --metric-column, or give the metric a keyword-only argument of "
            "that name."
        )
