"""Measuring a model on a table with known labels."""

from typing import TYPE_CHECKING, Any

from losslearn.cli.fitting import measure, resolve_metric, table_columns
from losslearn.metrics import TrueLoss
from losslearn.tables import split_target
from losslearn.tables.saved import TableModel

if TYPE_CHECKING:
    import pandas as pd


def evaluate_table(
    model: TableModel,
    frame: "pd.DataFrame",
    target: str,
    *,
    metric: str | None = None,
    greater_is_better: bool | None = None,
) -> tuple[dict[str, Any], tuple[float, float]]:
    """Return what `--json` prints of a model's loss, and a 95 % interval of the loss.

    Args:
        model: The model; its threshold was chosen on its own validation rows.
        frame: Table with the columns of the training table.
        target: Its column of true labels.
        metric: What to measure; None takes what the model was trained for.
        greater_is_better: Direction of a function of the user's own.

    Raises:
        ValueError: If the metric or the table cannot be used.
    """
    true_loss = _metric_of(model, metric, greater_is_better)
    features, y, _ = split_target(frame, target, classes=model.classes)
    threshold = model.classifier.threshold_
    columns = table_columns(frame, true_loss.columns, metric=true_loss.name)
    # columns of another metric than the model's are no features either
    others = {*true_loss.columns} - {*model.encoder.columns}
    y_score = model.score_frame(features.drop(columns=list(others), errors="ignore"))
    value, interval = measure(
        true_loss, y, y_score, threshold=threshold, columns=columns
    )
    found = {
        "metric": metric or model.metric.given,
        "value": value,
        "rows": len(y),
        "threshold": threshold,
    }
    return found, interval


def _metric_of(
    model: TableModel, metric: str | None, greater_is_better: bool | None
) -> TrueLoss:
    if metric is None:
        try:
            return model.metric.true_loss()
        except ValueError as error:
            raise ValueError(f"{error} Here: --metric {model.metric.given}") from error
    if greater_is_better is None and metric == model.metric.given:
        greater_is_better = model.metric.greater_is_better
    return resolve_metric(metric, greater_is_better=greater_is_better)
