"""What a task asks its user for; light, as the help of the command line reads it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Option:
    """An option of the command line, and argument of `fit_table`, of one task."""

    name: str
    metavar: str
    help: str
    show_default: str
    """What holds where it is not given, in words."""


OPTIONS = (Option("positive", "LABEL", "Label to find.", "the second in sorted order"),)
"""Those of all tasks."""
