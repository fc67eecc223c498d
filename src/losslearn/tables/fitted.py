"""A model with the preparation of its table, ready to predict for a new one."""

import os
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from losslearn._wording import listed
from losslearn.encoding.frames import as_matrix
from losslearn.estimators.seen import SeenRows
from losslearn.metrics import Loss, ResponseMethod, Sets, TrueLoss
from losslearn.metrics.as_written import as_written
from losslearn.metrics.columns import NO_COLUMNS, Columns, TextColumns
from losslearn.metrics.interval import loss_interval
from losslearn.models.kinds import takes_gaps
from losslearn.models.networks import exact_scores
from losslearn.report.constraints import constraint_values
from losslearn.report.fit_report import rule_summary
from losslearn.tables.metric_columns import table_columns
from losslearn.tables.metric_name import MetricName, resolve_metric
from losslearn.tables.reading import as_frame
from losslearn.tables.target import called, take_target
from losslearn.tasks.task import Labels, Rule, Task
from losslearn.training.sparing import Sparing

if TYPE_CHECKING:
    import pandas as pd

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
        task: What kind of target it is.
        target: Name of the target column.
        ids: Columns that name the rows, which predictions carry.
        labels: What the targets stand for.
        metric: What was trained for.
        rule: How scores become decisions.
        calibration: How they become probabilities, as the task has it.
        recipe: The settings of the fit.
        report: What `losslearn fit --json` prints, and more: of the results, the 95 %
            intervals, of the loss and of the metric as the user writes it;
            `difference` of the validation losses and its `standard_error`; whether the
            fit was `interrupted`; `failures`, what went wrong though the model is kept,
            in words; the `seed`.
        history: Both methods' looks at the validation rows.
        true_loss: The metric itself, which a file does not hold.
        validation: The validation rows as the learning curves show them; no file
            holds them.
        seen: The rows that it was trained on or chosen by, as far as they are known.
    """

    module: nn.Module
    encoder: Any
    task: Task
    target: str
    ids: tuple[str, ...] = ()
    labels: Labels
    metric: MetricName
    rule: Rule
    calibration: Mapping[str, float]
    recipe: Mapping[str, Any]
    report: dict[str, Any]
    history: list[dict[str, Any]]
    true_loss: TrueLoss | None = None
    validation: Sets | None = field(default=None, repr=False)
    seen: SeenRows | None = field(default=None, repr=False)
    texts: TextColumns = field(default_factory=TextColumns, repr=False)
    """How columns of text are coded that the rule needs."""

    def scores(self, table: object) -> NDArray[np.float64]:
        """Return the raw scores of each row, shape `[rows, *task.score_shape]`.

        Args:
            table: Rows to score.

        Raises:
            ValueError: If a column is missing, or cannot be read the way it was in the
                training rows.
        """
        return self._scores(self._matrix(as_frame(table), besides=[self.target]))

    def _matrix(
        self, frame: "pd.DataFrame", *, besides: Iterable[str]
    ) -> NDArray[np.float32]:
        """Return a table, which may hold further columns, as the module takes it."""
        known = {*self.encoder.feature_names_in_}
        others = [name for name in frame.columns if name not in known]
        group = self.report.get("groups", {}).get("column")
        named = {*self.metric.columns, *self.rule.columns}
        expected = {*besides, *named, *self.ids, group}
        unknown = [name for name in others if name not in expected]
        if unknown:
            warnings.warn(
                "columns that the training table had not are not looked at: "
                f"{listed(unknown)}.",
                UserWarning,
                stacklevel=3,
            )
        return as_matrix(
            self.encoder.transform(frame.drop(columns=others)),
            with_gaps=takes_gaps(self.module),
        )

    def _scores(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        score = exact_scores(
            self.module, torch.from_numpy(x), score_shape=self.task.score_shape
        )
        found: NDArray[np.float64] = score.numpy()
        return found

    def predict(self, table: object) -> "pd.DataFrame":
        """Return what the task says of each row.

        Ids first, where the table holds them: those named at the fit, and columns that
        it left out as ids. Of two classes then score, probability of the second class,
        and label.

        Args:
            table: Rows to predict for, with the columns that the decisions need.

        Raises:
            ValueError: As `scores`, or if such a column cannot be used.
        """
        import pandas as pd

        frame = as_frame(table)
        columns = self._decision_columns(frame)
        x = self._matrix(frame, besides=[self.target])
        found = self.task.predictions(
            self._scores(x), self.rule, self.labels, self.calibration, columns
        )
        kinds = getattr(self.encoder, "kinds", {})
        ids = [*self.ids, *(name for name in kinds if kinds[name] == "id")]
        keys = {name: frame[name] for name in ids if name in frame.columns}
        return pd.DataFrame({**keys, **found}, index=frame.index)

    def evaluate(
        self,
        table: object,
        target: str | None = None,
        metric: object = None,
        *,
        greater_is_better: bool | None = None,
        response: ResponseMethod | None = None,
    ) -> dict[str, Any]:
        """Return the model's loss on rows of known labels, and how sure it is.

        The rule was chosen on the model's own validation rows.

        Args:
            table: The rows.
            target: Its column of true labels; None takes that of the training table.
            metric: What to measure, as for `fit_table`; None takes what the model was
                trained for.
            greater_is_better: Direction of a function of the user's own.
            response: What such a function takes, as for `fit_table`.

        Returns:
            `metric`, `value` (a loss, lower is better), its 95 % bootstrap `interval`,
            both as the user writes the metric (`metric_value`, `metric_interval`),
            whether `greater_is_better` of these, and what they are of (`metric_name`),
            `rows`, the `rule` with its numbers, of a metric with constraints what each
            of the `constraints` comes to, and `seen`: how many `rows` are equal
            to some that it was trained on or chosen by, found by those `compared` (all,
            if it was fitted to a few thousand); None where that is not known.

        Raises:
            ValueError: If the metric or the table cannot be used.
        """
        true_loss = self._metric_of(metric, greater_is_better, response)
        frame = as_frame(table)
        target = target or self.target
        features, y = take_target(frame, target)
        truth = self.labels.encode(y, called=called(target))
        columns = table_columns(
            frame,
            true_loss.columns,
            needed_by=f"the metric `{true_loss.name}`",
            text=true_loss.text,
            readings=self.metric.readings,
        )
        if true_loss.needs_rule:
            columns |= self._decision_columns(frame)
        # columns of another metric than the model's are no features either
        x = self._matrix(features, besides=[self.target, *true_loss.columns])
        rows = as_sets(truth, self._scores(x), columns)
        value, interval = measured = measure(true_loss, rows, self.rule)
        given = metric if isinstance(metric, str) else true_loss.name
        given = self.metric.given if metric is None else given
        decided, constraints = rows, None
        if true_loss.constraints:
            decisions = self.rule.decide(rows.score, rows.columns)
            decided = rows._replace(score=decisions.to(rows.score.dtype))
            constraints = constraint_values(true_loss, decided)
        shown, ends = value_as_written(true_loss, measured, decided, called=given)
        written = as_written(true_loss, given)
        seen = None if self.seen is None else self.seen.count(x)
        rule = rule_summary(self.rule)
        return {
            "metric": given,
            "value": value,
            "interval": list(interval),
            "metric_name": written.name,
            "metric_value": shown,
            "metric_interval": list(ends),
            "greater_is_better": written.greater_is_better,
            "rows": len(y),
            "rule": rule,
            **{name: value for name, value in rule.items() if name != "kind"},
            **({"constraints": constraints} if constraints else {}),
            "seen": None if seen is None else seen._asdict(),
        }

    def _decision_columns(self, frame: "pd.DataFrame") -> dict[str, torch.Tensor]:
        """Return what the rule needs to know of each row besides."""
        return table_columns(
            frame,
            self.rule.columns,
            needed_by="the rule of the decisions",
            text=self.texts,
            readings=self.metric.readings,
        )

    def _metric_of(
        self,
        metric: object,
        greater_is_better: bool | None,
        response: ResponseMethod | None,
    ) -> TrueLoss:
        if metric is None:
            return self.true_loss or self.metric.true_loss()
        if greater_is_better is None and metric == self.metric.given:
            greater_is_better = self.metric.greater_is_better
        if response is None and metric == self.metric.given:
            response = self.metric.response_method
        return resolve_metric(
            metric, greater_is_better=greater_is_better, response_method=response
        )

    @cached_property
    def learning_curves(self) -> bytes | None:
        """The fit's figure as PNG; None of a loaded model, or without matplotlib."""
        from losslearn.report.learning_curves import draw_fit

        if self.validation is None or self.true_loss is None:
            return None
        draw = partial(
            draw_fit,
            self.history,
            written=as_written(self.true_loss, self.metric.given),
            chosen=self.report["chosen"],
            title=f"{self.metric.given}, predicting {self.target}",
        )
        pictures = self.task.pictures(self.true_loss, self.validation, self.rule)
        sparing, failures = Sparing(), self.report["failures"]
        try:  # a metric that fails leaves out what it would be asked for
            return sparing(lambda: draw(pictures=pictures), draw)
        except ImportError:
            return None
        finally:
            if sparing.failure and not failures:
                failures.append(str(sparing))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a model directory; raises as `save_model` does."""
        from losslearn.tables.saved import save_model  # which imports this module

        save_model(path, self)


def as_sets(
    target: NDArray[Any], score: NDArray[np.float64], columns: Columns = NO_COLUMNS
) -> Sets:
    """Return rows as one set, targets in a type that losses can count with."""
    wide = np.float32 if target.dtype.kind == "f" else np.int64
    truth = torch.from_numpy(target.astype(wide))
    return Sets(truth, torch.from_numpy(score), None, columns)


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
    judged = rule.judged(true_loss)
    return float(judged(rows)), _interval(judged, true_loss, rows, seed)


def value_as_written(
    true_loss: TrueLoss,
    measured: tuple[float, tuple[float, float]],
    decided: Sets,
    seed: int = 0,
    *,
    called: str = "",
) -> tuple[float, tuple[float, float]]:
    """Return a metric's value as the user writes it, and its interval.

    Args:
        true_loss: What was measured.
        measured: What `measure` returned.
        decided: The rows, with the decisions on them as scores.
        seed: Of the rows drawn.
        called: What the user calls the metric, if the loss does not know.
    """
    written, (loss, interval) = as_written(true_loss, called), measured
    if written.aim is None:
        return written.value(loss), written.ends(interval)
    ends = _interval(written.aim.value, true_loss, decided, seed)
    return float(written.aim.value(decided)), ends


def _interval(
    judged: Loss, true_loss: TrueLoss, rows: Sets, seed: int
) -> tuple[float, float]:
    return loss_interval(
        judged,
        rows,
        n_resamples=200 if true_loss.is_exact else min(_CALLS, true_loss.max_calls),
        generator=torch.Generator().manual_seed(seed),
    )
