"""Numbers and rows as Markdown."""

from collections.abc import Sequence

NOT_AVAILABLE = "n/a"
"""Stands where a table has no value."""


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table, a line for each row.

    Args:
        header: Names of the columns.
        rows: Entries, as many in each row as there are columns.

    Raises:
        ValueError: If a row has another number of entries than the header.

    Example:
        >>> print(markdown_table(["data", "loss"], [["a9a", "0.1"]]))
        | data | loss |
        | --- | --- |
        | a9a | 0.1 |
    """
    for row in rows:
        if len(row) != len(header):
            raise ValueError(
                f"A row must have {len(header)} entries as the header has, got "
                f"{len(row)}: {list(row)}."
            )
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def bold(text: str) -> str:
    """Return the text in bold.

    Example:
        >>> bold("0.1")
        '**0.1**'
    """
    return f"**{text}**"


def listed(names: Sequence[str]) -> str:
    """Return names in a sentence.

    Example:
        >>> listed(["a", "b", "c"]), listed(["a"]), listed([])
        ('a, b and c', 'a', 'none')
    """
    if len(names) < 2:
        return names[0] if names else "none"
    return f"{', '.join(names[:-1])} and {names[-1]}"


def number(value: float, *, digits: int) -> str:
    """Return a number with this many decimals, or "n/a" for NaN.

    Example:
        >>> number(0.25, digits=4), number(float("nan"), digits=4)
        ('0.2500', 'n/a')
    """
    return NOT_AVAILABLE if value != value else f"{value:.{digits}f}"
