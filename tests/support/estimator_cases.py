"""A quick classifier, and what it is fitted to."""

import numpy as np
from numpy.typing import NDArray

from losslearn import Recipe
from losslearn.estimators.classifier import SurrogateClassifier

Table = tuple[NDArray[np.float32], NDArray[np.int64]]


def make(metric="f1", **settings) -> SurrogateClassifier:
    """Return a quick classifier of one split; settings of the recipe are told apart."""
    own = {"model": "linear", "random_state": 0, "cv": 1, "refit": False}
    recipe = {"max_iter": 20, "rounds": 2, "catch_up": 8, "batch_size": 100}
    for name, value in settings.items():
        (recipe if name in Recipe().get_params() else own)[name] = value
    return SurrogateClassifier(metric, recipe=Recipe(**recipe), **own)
