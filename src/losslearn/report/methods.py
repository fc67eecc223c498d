"""What the methods of a fit are called, wherever people read it."""

from losslearn.training.comparison import LEARNED


def method_name(method: str) -> str:
    """Return a method as words.

    Example:
        >>> method_name("surrogate"), method_name("squared_error")
        ('learned surrogate', 'squared-error')
    """
    return "learned surrogate" if method == LEARNED else method.replace("_", "-")
