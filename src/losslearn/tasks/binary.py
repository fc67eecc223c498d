"""Stand-in of this branch for the binary task."""
# mypy: ignore-errors
# ruff: noqa

from dataclasses import dataclass

import numpy as np

from losslearn.metrics import get_true_loss
from losslearn.metrics.columns import NO_COLUMNS
from losslearn.tasks.options import OPTIONS
from losslearn.tasks.thresholds import best_threshold


@dataclass(frozen=True)
class ThresholdRule:
    threshold: float

    def judged(self, true_loss):
        if not true_loss.needs_threshold:
            return true_loss
        return true_loss.with_threshold(self.threshold)

    def decide(self, score, columns=NO_COLUMNS):
        return (score >= self.threshold).long()

    def to_dict(self):
        return {"kind": "threshold", "threshold": self.threshold}


class Binary:
    name = "binary"
    options = OPTIONS

    def strata(self, target):
        return target

    def rules(self, true_loss):
        tuned = true_loss
        if not true_loss.needs_threshold:
            tuned = get_true_loss("error_rate")

        def fit(sets):
            threshold, loss = best_threshold(
                tuned, sets.target, sets.score, columns=sets.columns
            )
            return ThresholdRule(threshold), loss

        return (fit,)

    def pictures(self, true_loss, sets, rule):
        from losslearn.tasks import pictures

        y, y_score = (values.cpu().numpy() for values in (sets.target, sets.score))
        return (
            lambda ax: pictures.draw_scores(ax, y, y_score, threshold=rule.threshold),
            lambda ax: pictures.draw_thresholds(
                ax,
                true_loss,
                y.astype(np.int64),
                y_score,
                threshold=rule.threshold,
                columns=sets.columns,
            ),
        )
