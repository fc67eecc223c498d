"""Where the parts of a fit are trained, by name: here, or on a Ray cluster."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, get_args

import torch

from losslearn._wording import listed
from losslearn.training.parts import Item, Mapper, Result

Backend = Literal["local", "ray"]
BACKENDS: tuple[Backend, ...] = get_args(Backend)
_RETRIES = 3
"""How often a part is begun again on another worker after its own has died."""


def check_backend(name: str) -> None:
    """Check a backend, before any work is put into a fit.

    Raises:
        ValueError: If there is none of this name.
        ImportError: If its package is not installed.
    """
    if name not in BACKENDS:
        raise ValueError(f"`backend` must be one of {listed(BACKENDS)}, got {name!r}.")
    if name == "ray":
        _ray()


@contextmanager
def mapper_of(name: str) -> Iterator[Mapper | None]:
    """Give what parts are sent by; None trains them one after the other, here.

    A Ray cluster that this process is connected to is used, or that of the environment
    variable `RAY_ADDRESS`; else one is started on this machine, which ends with the
    block.
    """
    if name == "local":
        yield None
        return
    ray = _ray()
    is_ours = not ray.is_initialized()
    if is_ours:
        ray.init(configure_logging=False, log_to_driver=False, include_dashboard=False)
    try:
        yield RayTasks(ray)
    finally:
        if is_ours:
            ray.shutdown()


class RayTasks:
    """Sends each item to a core of a Ray cluster; one whose worker dies goes again.

    Every machine needs the package, and the file of a metric of one's own at the same
    path. What is computed is the same to the bit on machines of a kind.
    """

    def __init__(self, ray: Any) -> None:  # noqa: ANN401 - the package
        """Send nothing yet."""
        self._ray = ray
        self.n_at_once = max(int(ray.cluster_resources().get("CPU", 1)), 1)

    def __call__(
        self, function: Callable[[Item], Result], items: Sequence[Item]
    ) -> Iterator[Result]:
        """Yield the results in the order of the items; raises what a task raises."""
        ray = self._ray
        task = ray.remote(num_cpus=1, max_retries=_RETRIES)(_applied)
        shared, n_threads = ray.put(function), torch.get_num_threads()
        sent = [task.remote(shared, item, n_threads) for item in items]
        try:
            for one in sent:
                yield ray.get(one)
        except ray.exceptions.RayTaskError as error:
            raise error.cause from None
        except ray.exceptions.WorkerCrashedError as error:
            raise RuntimeError(
                f"A part's worker died {_RETRIES + 1} times: it may need more memory "
                "than its machine has."
            ) from error
        finally:
            _, running = ray.wait(sent, num_returns=len(sent), timeout=0)
            for one in running:
                ray.cancel(one, force=True)


def _applied(function: Callable[[Item], Result], item: Item, n_threads: int) -> Result:
    """Apply a function in a worker, with as many threads as in this process."""
    torch.set_num_threads(n_threads)
    return function(item)


def _ray() -> Any:  # noqa: ANN401 - the package
    try:
        import ray
    except ImportError:
        raise ImportError(
            "The backend 'ray' needs the package ray: pip install 'losslearn[ray]'."
        ) from None
    return ray
