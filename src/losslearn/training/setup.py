"""What a fit is for and how it goes, whatever rows and model it gets."""

from typing import NamedTuple

from losslearn.metrics import TrueLoss
from losslearn.surrogate.network import SetSurrogate
from losslearn.tasks.task import Task
from losslearn.training.recipe import Recipe


class Setup(NamedTuple):
    """The same for every part of the rows."""

    true_loss: TrueLoss
    """What is trained for."""
    task: Task
    """What differs between tasks."""
    surrogate: SetSurrogate
    """What a fit starts from, and refines in place unless the mode is universal."""
    recipe: Recipe
    seed: int
    """Of all randomness, that of the model's weights too."""
