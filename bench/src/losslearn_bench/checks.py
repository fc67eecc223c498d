"""Checks of arguments; a ValueError says what was expected, what came, what to do."""

from collections.abc import Collection


def check_choice(name: str, value: object, choices: Collection[object]) -> None:
    """Check that a value is one of some."""
    if value not in choices:
        raise ValueError(f"`{name}` must be one of {tuple(choices)}, got {value!r}.")


def check_positive(name: str, value: float, advice: str) -> None:
    """Check that a value is a finite number above 0."""
    if not 0 < value < float("inf"):
        raise ValueError(f"`{name}` must be a positive number, got {value}. {advice}")


def check_at_least(least: int, name: str, value: int, advice: str = "") -> None:
    """Check that a count is large enough."""
    if value < least:
        said = f"`{name}` must be at least {least}, got {value}. {advice}"
        raise ValueError(said.rstrip())
