"""The tasks by name."""

from collections.abc import Callable, Mapping

from losslearn.tasks.binary import Binary
from losslearn.tasks.task import Task

TASKS: Mapping[str, Callable[[], Task]] = {"binary": Binary}


def get_task(name: str) -> Task:
    """Return a task by its name, as a loss names the one it belongs to.

    Raises:
        ValueError: If there is none of that name.
    """
    if name not in TASKS:
        raise ValueError(f"`task` must be one of {sorted(TASKS)}, got {name!r}.")
    return TASKS[name]()
