"""A classifier with the preparation of its table, ready to predict for a new one."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from losslearn.metrics import TrueLoss, as_true_loss, get_true_loss

if TYPE_CHECKING:
    import pandas as pd

    from losslearn.estimators.classifier import SurrogateClassifier
    from losslearn.tables import TableEncoder

Label = bool | int | float | str
"""What a class can be called: what JSON can hold."""


@dataclass(frozen=True, kw_only=True)
class MetricName:
    """What a model was trained for, as far as a file can say it."""

    given: str
    """As the user wrote it."""
    name: str
    """Name of the true loss."""
    source: Literal["built-in", "scikit-learn", "user"]
    greater_is_better: bool | None = None
    """As the user said, if it had to be said."""
    columns: tuple[str, ...] = ()
    """Columns of the table that the metric needs besides target and score."""

    def true_loss(self) -> TrueLoss:
        """Return the loss, which for a user's own function is not possible.

        Raises:
            ValueError: If the metric is a user's own, or unknown to this version.
        """
        if self.source == "built-in":
            return get_true_loss(self.name)
        if self.source == "scikit-learn":
            from sklearn.metrics import get_scorer

            return as_true_loss(get_scorer(self.given), name=self.given)
        raise ValueError(
            f"The model was trained for a metric of your own, `{self.given}`, which is "
            "not stored with it. Name it again."
        )


def name_metric(
    given: str, true_loss: TrueLoss, *, greater_is_better: bool | None = None
) -> MetricName:
    """Return what a file can say of the loss a user named.

    Args:
        given: What the user wrote: a name, a scikit-learn scorer, "file.py:function".
        true_loss: What it stands for.
        greater_is_better: The direction, if the user gave it.
    """
    source: Literal["built-in", "scikit-learn", "user"] = "scikit-learn"
    if true_loss.is_builtin:
        source = "built-in"
    elif ".py" in given:  # what `as_true_loss` takes for a file
        source = "user"
    return MetricName(
        given=given,
        name=true_loss.name,
        source=source,
        greater_is_better=greater_is_better,
        columns=true_loss.columns,
    )


@dataclass(frozen=True, kw_only=True)
class TableModel:
    """A fitted classifier with the preparation of its columns and its labels."""

    classifier: "SurrogateClassifier"
    """Fitted to 0 and 1."""
    encoder: "TableEncoder"
    target: str
    """Name of the target column; a table to predict for may hold it, and the metric's
    columns."""
    classes: tuple[Label, Label]
    """What 0 and 1 stand for."""
    metric: MetricName
    report: dict[str, Any]
    """How the fit went, test rows included."""

    def score_frame(self, frame: "pd.DataFrame") -> NDArray[np.float64]:
        """Return the raw score of each row, higher is more likely the second class.

        Args:
            frame: A table with the columns of the training table.

        Raises:
            ValueError: If a column is missing or one too many, or cannot be read the
                way it was in the training rows.
        """
        return self.classifier.decision_function(self._features(frame))

    def predict_frame(self, frame: "pd.DataFrame") -> "pd.DataFrame":
        """Return score, probability of the second class and label of each row.

        Args:
            frame: A table with the columns of the training table.

        Raises:
            ValueError: As `score_frame`.
        """
        import pandas as pd

        features = self._features(frame)
        is_positive = self.classifier.predict(features) == self.classifier.classes_[1]
        labels = [self.classes[place] for place in is_positive.astype(int).tolist()]
        columns = {
            "score": self.classifier.decision_function(features),
            "probability": self.classifier.predict_proba(features)[:, 1],
            "label": pd.Series(labels, index=frame.index),
        }
        return pd.DataFrame(columns, index=frame.index)

    def _features(self, frame: "pd.DataFrame") -> NDArray[np.float32]:
        besides = {self.target, *self.metric.columns} - {*self.encoder.columns}
        if besides:
            frame = frame.drop(columns=list(besides), errors="ignore")
        return self.encoder.transform(frame)
