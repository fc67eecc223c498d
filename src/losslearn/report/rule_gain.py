"""One sentence on what the decision rule gained, apart from the training."""

from losslearn.metrics.as_written import AsWritten
from losslearn.tasks.choice import Choice


def rule_sentence(choice: Choice, written: AsWritten) -> str | None:
    """Return what a rule gained over the usual one; None where it is that one.

    Both values are of decisions on rows that the rules were not fitted to.

    Example:
        >>> import torch
        >>> from losslearn.metrics import Sets
        >>> sets = Sets(torch.tensor([0, 1]), torch.tensor([0.0, 1.0]))
        >>> tried = [
        ...     {"rule": "cut", "loss": 0.5, "is_usual": True},
        ...     {
        ...         "rule": "flip",
        ...         "loss": 0.25,
        ...         "difference": -0.25,
        ...         "standard_error": 0.1,
        ...     },
        ... ]
        >>> gain = AsWritten("gain", 1.0, -1.0)
        >>> rule_sentence(Choice(None, "flip", sets, 0.25, tried), gain)
        'Decided by flip: gain 0.75 on the validation rows against 0.5 of cut.'
    """
    usual = [one for one in choice.tried if one.get("is_usual")]
    if not usual or usual[0]["rule"] == choice.name:
        return None
    judged = written.judged
    ours, theirs = judged.value(choice.loss), judged.value(usual[0]["loss"])
    return (
        f"Decided by {choice.name}: {judged.name} {ours:.4g} on the validation rows "
        f"against {theirs:.4g} of {usual[0]['rule']}."
    )
