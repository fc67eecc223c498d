"""Jobs on a Ray cluster, over as many machines as it has."""

import socket
from concurrent.futures import Future
from pathlib import Path
from urllib.parse import urlsplit

from losslearn_bench.grid.cells import Job
from losslearn_bench.grid.job import Line
from losslearn_bench.grid.workers import Workers, run_by_name

_PATIENCE = 5.0
"""Seconds within which a cluster has to answer."""
_RETRIES = 3
"""How often a job is begun again on another worker after its own has died."""


class RayBackend(Workers):
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
        """
        try:
            import ray
        except ImportError:
            raise ImportError(
                "The backend `ray` needs the package ray: "
                "pip install 'losslearn-bench[ray]'."
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
        cores = ray.cluster_resources()  # type: ignore[no-untyped-call] # Ray's own
        super().__init__(max(int(cores.get("CPU", 1)), 1))

    def start(self, job: Job, data_dir: Path | None) -> Future[list[Line]]:
        """Start a job."""
        future: Future[list[Line]] = self._run.remote(job, data_dir).future()
        return future

    def explain(self, error: BaseException) -> str:
        """Return why a job has no lines."""
        if isinstance(error, self._ray.exceptions.RayTaskError):
            return f"{type(error.cause).__name__}: {error.cause}"
        return f"its worker died {_RETRIES + 1} times: {error}"

    def close(self, *, at_once: bool) -> None:
        """Leave the cluster, which drops its jobs; one that was started here ends."""
        del at_once
        self._ray.shutdown()


def _check_reachable(address: str) -> None:
    """Knock at a cluster's address; Ray itself would go on trying for a minute."""
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
