"""How errors name things."""

from collections.abc import Sequence

_MOST = 5


def listed(items: Sequence[object]) -> str:
    """Return the first few items and how many more there are.

    Example:
        >>> listed(["age", "city"])
        "'age', 'city'"
    """
    shown = ", ".join(repr(item) for item in items[:_MOST])
    n_more = len(items) - _MOST
    return shown + (f" and {n_more:,} more" if n_more > 0 else "")
