"""Names that users type: of what is built in under another, or is no aim."""

EQUIVALENT = {
    "gini": "Gini is 2 AUC - 1: what is minimised is 1 - AUC, (1 - Gini) / 2.",
    "ks": (
        "KS is 1 - 2 times the balanced error at its best threshold: what is minimised "
        "is that error, (1 - KS) / 2."
    ),
    "lift": (
        "Lift is the precision among the rows ranked highest over the share of "
        "positives: the values shown are that precision."
    ),
}
"""Aliases whose values are others than 1 - the loss, and how they are related."""

FROM_MINUS_ONE = (
    *("mcc", "matthews_corrcoef", "matthews", "phi"),
    *("kappa", "cohen_kappa", "cohen_kappa_score"),
    *("gini", "ks"),
)
"""Metrics between -1 and 1: the loss is half of one minus them."""

_LOSSES = (
    *("error_rate", "error", "mcr", "misclassification_rate"),
    *("balanced_error", "ber", "balanced_error_rate", "equal_error_rate", "eer"),
)


def is_a_loss(name: str) -> bool:
    """Return whether a name, as `spelled`, is that of a loss itself, not of its metric.

    Example:
        >>> is_a_loss("zero_one_loss"), is_a_loss("mcr"), is_a_loss("accuracy")
        (True, True, False)
    """
    return name.endswith("_loss") or name in _LOSSES


SCORERS = {
    "log_loss": "neg_log_loss",
    "logloss": "neg_log_loss",
    "brier": "neg_brier_score",
    "brier_score": "neg_brier_score",
    "brier_score_loss": "neg_brier_score",
}
"""What scikit-learn's scorers call them."""

_RECALL = "recall_at_precision@0.8", "f1", "fbeta@2"
_NO_AIM = {
    "precision": (
        "calling one row positive",
        ("precision_at_k@0.1", "recall_at_precision@0.8", "fbeta@0.5"),
    ),
    "recall": ("calling every row positive", _RECALL),
    "sensitivity": ("calling every row positive", _RECALL),
    "specificity": ("calling no row positive", ("balanced_error", "gmean", "eer")),
}
_OTHER = dict.fromkeys(_NO_AIM, "precision") | dict.fromkeys(
    ("precision", "specificity"), "recall"
)
"""What keeps such a rate an aim."""


def spelled(name: str) -> str:
    """Return a name as it is looked up: in lower case, with `_` between words."""
    return name.strip().lower().replace("-", "_").replace(" ", "_")


def note_on(name: str) -> str | None:
    """Return how a metric of this name is related to the loss that is shown."""
    return EQUIVALENT.get(spelled(name.partition("@")[0]))


def refuse_no_aim(metric: object) -> None:
    """Refuse to train for a rate of one class alone; measured it may be.

    Raises:
        ValueError: If it is one; the message names what to train for.
    """
    if not isinstance(metric, str):
        return
    way, instead = _NO_AIM.get(spelled(metric), ("", ()))
    if instead:
        raise ValueError(
            f"`{metric}` alone is no aim to train for: {way} makes it perfect. "
            f"Train for {', '.join(f'`{one}`' for one in instead)} instead, or with a "
            f"constraint, `{metric} subject to {_OTHER[spelled(metric)]} >= 0.8`."
        )
