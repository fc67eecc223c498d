"""One sentence on what the decision rule gained, apart from the training."""

from losslearn.tasks.choice import Choice


def rule_sentence(choice: Choice) -> str | None:
    """Return what a rule gained over the usual one; None where it is that one.

    Both losses are of decisions on rows that the rules were not fitted to.

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
        >>> rule_sentence(Choice(None, "flip", sets, 0.25, tried))
        'Decided by flip: validation loss 0.25 against 0.5 of cut.'
    """
    usual = [one for one in choice.tried if one.get("is_usual")]
    if not usual or usual[0]["rule"] == choice.name:
        return None
    return (
        f"Decided by {choice.name}: validation loss {choice.loss:.4g} against "
        f"{usual[0]['loss']:.4g} of {usual[0]['rule']}."
    )
