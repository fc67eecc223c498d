"""Which estimator is fitted for a task."""

from losslearn.estimators.base import SurrogateEstimator
from losslearn.estimators.classifier import SurrogateClassifier

ESTIMATORS: dict[str, type[SurrogateEstimator]] = {
    SurrogateClassifier.task.name: SurrogateClassifier
}
"""By the name of the task."""
