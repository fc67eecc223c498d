"""Jobs on a Ray cluster, over as many machines as it has."""

import socket
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from losslearn_bench.grid.cells import Job
from losslearn_bench.grid.local import run_by_name
from losslearn_bench.grid.running import Outcome

_MOMENT = 0.5
"""Seconds after which a wait gives the progress view its turn."""
_PATIENCE = 5.0
"""Seconds within which a cluster has to answer."""
_RETRIES = 3
"""How often a job is begun again on another worker after its own has died."""


class RayBackend:
    """Sends jobs to a Ray cluster, one core each; this process writes the lines.

    A job whose worker or machine dies is begun again elsewhere. Every machine needs the
    package, and the data: a folder at the same path, or its own cache.
    """

    def __init__(self, *, address: str | None = None, n_workers: int = 2) -> None:
        """Join a cluster.

        Args:
            address: Of a running cluster ("auto" finds one on this machine), all of
                whose cores are used; None starts one on this machine that ends with the
                context.
            n_workers: Cores of a cluster that is started.

        Raises:
            ImportError: If Ray is not installed.
            ConnectionError: If there is no cluster at the address.
            ValueError: If the address has no host or port.
        """
        try:
            import ray
        except ImportError:
            raise ImportError(
                "The backend `ray` needs the package ray: pip install 'losslearn[ray]'."
            ) from None
        if address not in (None, "auto"):
            _check_reachable(address)
        self._ray = ray
        ray.init(
            address=address,
            num_cpus=n_workers if address is None else None,
            configure_logging=False,
            log_to_driver=False,
            include_dashboard=False if address is None else None,
        )
        self._run = ray.remote(num_cpus=1, max_retries=_RETRIES)(run_by_name)
        self._running: dict[Any, Job] = {}
        cores = ray.cluster_resources()  # type: ignore[no-untyped-call] # Ray's own
        self.n_workers = max(int(cores.get("CPU", 1)), 1)

    def submit(self, job: Job, data_dir: Path | None) -> None:
        """Start a job."""
        self._running[self._run.remote(job, data_dir)] = job

    def wait(self) -> Iterator[Outcome]:
        """Return the jobs that ended, after at least one did or a moment passed."""
        if not self._running:
            return
        ended, _ = self._ray.wait(list(self._running), num_returns=1, timeout=_MOMENT)
        for reference in ended:
            job = self._running.pop(reference)
            try:
                yield Outcome(job, self._ray.get(reference))
            except self._ray.exceptions.RayTaskError as error:
                cause = error.cause
                yield Outcome(job, [], f"{type(cause).__name__}: {cause}")
            except self._ray.exceptions.RayError as error:
                yield Outcome(job, [], f"its worker died {_RETRIES + 1} times: {error}")

    def __enter__(self) -> Self:
        """Use as a context, which leaves the cluster at its end."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the cluster; one that was started here ends."""
        for reference in self._running:
            self._ray.cancel(reference, force=True)
        self._ray.shutdown()


def _check_reachable(address: str) -> None:
    """Knock at a cluster's address; Ray itself would go on trying for a minute.

    Raises:
        ConnectionError: If nobody answers.
        ValueError: If it has no host or port.
    """
    parts = urlsplit(address if "://" in address else f"//{address}")
    if parts.hostname is None or parts.port is None:
        raise ValueError(
            f"`address` must be `auto` or `HOST:PORT`, got {address!r}. "
            "`ray start --head` prints it."
        )
    try:
        socket.create_connection((parts.hostname, parts.port), _PATIENCE).close()
    except OSError as error:
        raise ConnectionError(
            f"There must be a Ray cluster at {address!r}, but nobody answers there "
            f"({error}). Start one with `ray start --head`, and give the address that "
            "it prints."
        ) from error
