"""How errors name things."""

from collections.abc import Sequence

_MOST = 5


def said(error: BaseException) -> str:
    r"""Return what an exception says, in one line, even if it cannot say it.

    Example:
        >>> said(ValueError("two\n lines"))
        'two lines'
    """
    try:
        return " ".join(str(error).split())
    except Exception:  # noqa: BLE001 - of the user's own class, so it may be any
        return "(its message cannot be printed)"


def shown(value: object, *, most: int = 60) -> str:
    """Return a value as Python writes it, its beginning; even if it cannot."""
    try:
        return f"{value!r:.{most}}"
    except Exception:  # noqa: BLE001 - as above
        return "what cannot be printed"


def listed(items: Sequence[object]) -> str:
    """Return the first few items and how many more there are.

    Example:
        >>> listed(["age", "city"])
        "'age', 'city'"
    """
    shown = ", ".join(repr(item) for item in items[:_MOST])
    n_more = len(items) - _MOST
    return shown + (f" and {n_more:,} more" if n_more > 0 else "")
