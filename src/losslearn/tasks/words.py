"""What is said of a metric in lists, because of its task; light."""

from losslearn.metrics import TrueLoss


def metric_facts(true_loss: TrueLoss) -> dict[str, bool]:
    """Return what a user may want to know of a metric, yes or no, by name."""
    return {"needs_threshold": true_loss.needs_threshold}
