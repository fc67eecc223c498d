"""Peers: what other people's packages do with the same rows."""

from losslearn_bench.harness.method import Method
from losslearn_bench.harness.packages import load
from losslearn_bench.peers.ap_perf import AP_PERF
from losslearn_bench.peers.libauc import AP_SOAP, AUCM
from losslearn_bench.peers.logistic import LOGISTIC
from losslearn_bench.peers.smooth_ap import SMOOTH_AP
from losslearn_bench.peers.trees import LIGHTGBM, XGBOOST

__all__ = ["PEERS", "available_peers"]

PEERS: tuple[Method, ...] = (
    LOGISTIC,
    LIGHTGBM,
    XGBOOST,
    AUCM,
    AP_SOAP,
    SMOOTH_AP,
    AP_PERF,
)
"""Every peer, whether its packages are installed or not."""


def available_peers() -> dict[str, str | None]:
    """Return for each peer's name why it cannot be used; None where it can.

    Example:
        >>> available_peers()["logistic_tuned"] is None
        True
    """
    found: dict[str, str | None] = {}
    for peer in PEERS:
        try:
            found[peer.name] = None
            for module in peer.modules:
                load(module)
        except ImportError as error:
            found[peer.name] = str(error)
    return found
