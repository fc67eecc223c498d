"""A model with the preparation of its table, ready to predict for a new one."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from losslearn.encoding import TableEncoder
from losslearn.metrics import TrueLoss
from losslearn.metrics.sets import Sets
from losslearn.models.networks import exact_scores
from losslearn.tables.metric_name import MetricName, resolve_metric, table_columns
from losslearn.tables.reading import as_frame
from losslearn.tables.target import Label, split_target
from losslearn.tasks.binary import Binary, ThresholdRule
from losslearn.tasks.task import Rule, Task
from losslearn.tasks.thresholds import bootstrap_interval, evaluate

if TYPE_CHECKING:
    import pandas as pd

_RULES = {"threshold": ThresholdRule}
_CALLS = 100
"""Resamples of a bootstrap interval where each takes a call of a user's function."""


@dataclass(frozen=True, kw_only=True)
class FittedTable:
    """What `fit_table` and `load_model` return.

    Tables to predict for are those of pandas, polars or Arrow, or paths. They hold the
    columns of the training table, in any order; target and the metric's columns may be
    there.

    Attributes:
        module: The chosen method's best weights, in evaluation mode.
        encoder: Turns tables into what the module takes.
        target: Name of the target column.
        classes: What the targets 0, 1 stand for.
        metric: What was trained for.
        rule: How scores become decisions.
        calibration: Slope and intercept of the log-odds over the score.
        recipe: The settings of the fit.
        report: What `losslearn fit --json` prints, and more: of the results, the 95 %
            intervals; `difference` of the validation losses and its `standard_error`;
            whether the fit was `interrupted`; the `seed`.
        history: Both methods' looks at the validation rows.
        true_loss: The metric itself, which a file does not hold.
        validation: The validation rows as the learning curves show them; no file
            holds them.
        task: What kind of target it is.
    """

    module: nn.Module
    encoder: TableEncoder
    target: str
    classes: tuple[Label, ...]
    metric: MetricName
    rule: Rule
    calibration: tuple[float, float]
    recipe: Mapping[str, Any]
    report: dict[str, Any]
    history: list[dict[str, Any]]
    true_loss: TrueLoss | None = None
    validation: Sets | None = field(default=None, repr=False)
    task: Task = field(default_factory=Binary)

    def scores(self, table: object) -> NDArray[np.float64]:
        """Return the raw score of each row; higher is more likely the second class.

        Args:
            table: Rows to score.

        Raises:
            ValueError: If a column is missing or one too many, or cannot be read the
                way it was in the training rows.
        """
        frame = as_frame(table)
        besides = {self.target, *self.metric.columns} - {*self.encoder.columns}
        features = frame.drop(columns=list(besides), errors="ignore")
        x = torch.from_numpy(self.encoder.transform(features))
        score: NDArray[np.float64] = exact_scores(self.module, x).numpy()
        return score

    def predict(self, table: object) -> "pd.DataFrame":
        """Return score, probability of the second class and label of each row.

        Args:
            table: Rows to predict for.

        Raises:
            ValueError: As `scores`.
        """
        import pandas as pd

        frame = as_frame(table)
        score = self.scores(frame)
        slope, intercept = self.calibration
        log_odds = np.clip(slope * score + intercept, -700, 700)
        decided = self.rule.decide(torch.from_numpy(score)).tolist()
        labels = [self.classes[place] for place in decided]
        columns = {
            "score": score,
            "probability": 1 / (1 + np.exp(-log_odds)),
            "label": pd.Series(labels, index=frame.index),
        }
        return pd.DataFrame(columns, index=frame.index)

    def evaluate(
        self,
        table: object,
        target: str | None = None,
        metric: object = None,
        *,
        greater_is_better: bool | None = None,
    ) -> dict[str, Any]:
        """Return the model's loss on rows of known labels, and how sure it is.

        The rule was chosen on the model's own validation rows.

        Args:
            table: The rows.
            target: Its column of true labels; None takes that of the training table.
            metric: What to measure, as for `fit_table`; None takes what the model was
                trained for.
            greater_is_better: Direction of a function of the user's own.

        Returns:
            `metric`, `value` (a loss, lower is better), its 95 % bootstrap `interval`,
            `rows`, and the `rule` with its numbers.

        Raises:
            ValueError: If the metric or the table cannot be used.
        """
        true_loss = self._metric_of(metric, greater_is_better)
        frame = as_frame(table)
        features, y, _ = split_target(
            frame, target or self.target, classes=self.classes
        )
        columns = table_columns(frame, true_loss.columns, metric=true_loss.name)
        # columns of another metric than the model's are no features either
        others = {*true_loss.columns} - {*self.encoder.columns}
        score = self.scores(features.drop(columns=list(others), errors="ignore"))
        rows = Sets(torch.from_numpy(y), torch.from_numpy(score), None, columns)
        value, interval = measure(true_loss, rows, self.rule)
        given = metric if isinstance(metric, str) else true_loss.name
        return {
            "metric": self.metric.given if metric is None else given,
            "value": value,
            "interval": list(interval),
            "rows": len(y),
            **with_numbers(self.rule.to_dict()),
        }

    def _metric_of(self, metric: object, greater_is_better: bool | None) -> TrueLoss:
        if metric is None:
            return self.true_loss or self.metric.true_loss()
        if greater_is_better is None and metric == self.metric.given:
            greater_is_better = self.metric.greater_is_better
        return resolve_metric(metric, greater_is_better=greater_is_better)

    @cached_property
    def learning_curves(self) -> bytes | None:
        """The fit's figure as PNG; None of a loaded model, or without matplotlib."""
        from losslearn.report.learning_curves import draw_fit

        if self.validation is None or self.true_loss is None:
            return None
        pictures = self.task.pictures(self.true_loss, self.validation, self.rule)
        try:
            return draw_fit(
                self.history,
                name=self.metric.name,
                chosen=self.report["chosen"],
                pictures=pictures,
                title=f"{self.metric.given}, predicting {self.target}",
            )
        except ImportError:
            return None

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a model directory; raises as `save_model` does."""
        from losslearn.tables.saved import save_model  # which imports this module

        save_model(path, self)


def restore_rule(numbers: Mapping[str, Any]) -> Rule:
    """Return the rule that `to_dict` gave these numbers of.

    Raises:
        LookupError: If its kind is unknown.
        TypeError: If the numbers are not those of the kind.
    """
    further = {name: value for name, value in numbers.items() if name != "kind"}
    return _RULES[numbers["kind"]](**further)


def with_numbers(rule: Mapping[str, Any]) -> dict[str, Any]:
    """Return `rule`, and its numbers by name beside it."""
    return {
        "rule": dict(rule),
        **{name: value for name, value in rule.items() if name != "kind"},
    }


def measure(
    true_loss: TrueLoss, rows: Sets, rule: Rule, *, seed: int = 0
) -> tuple[float, tuple[float, float]]:
    """Return the loss of held-out rows and its 95 % bootstrap interval.

    Args:
        true_loss: What to measure.
        rows: One set.
        rule: Chosen on other rows.
        seed: Of the rows drawn.
    """
    judged: Any = rule.judged(true_loss)
    interval = bootstrap_interval(
        judged,
        rows.target,
        rows.score,
        columns=rows.columns,
        n_resamples=200 if true_loss.is_builtin else _CALLS,
        generator=torch.Generator().manual_seed(seed),
    )
    return evaluate(judged, rows.target, rows.score, columns=rows.columns), interval
