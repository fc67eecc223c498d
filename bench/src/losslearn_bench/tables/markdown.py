"""Numbers, rows and paragraphs as Markdown."""

import statistics
from collections.abc import Sequence

NOT_AVAILABLE = "n/a"
"""Stands where a table has no value."""


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table, a line for each row, with as many entries as the header has.

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


def paragraphs(*parts: str) -> str:
    """Return a text of the parts that are not empty."""
    return "\n\n".join(filter(None, parts)) + "\n"


def bold(text: str) -> str:
    """Return the text in bold."""
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


def number(value: float, digits: int = 4) -> str:
    """Return a number with this many decimals, or "n/a" for NaN.

    Example:
        >>> number(0.25), number(float("nan"))
        ('0.2500', 'n/a')
    """
    return NOT_AVAILABLE if value != value else f"{value:.{digits}f}"


def mean_and_deviation(values: Sequence[float]) -> str:
    """Return mean and standard deviation; of one value, itself.

    Example:
        >>> mean_and_deviation([0.1, 0.2]), mean_and_deviation([0.1])
        ('0.1500 ± 0.0707', '0.1000')
    """
    mean = f"{statistics.fmean(values):.4f}"
    return mean + (f" ± {statistics.stdev(values):.4f}" if len(values) > 1 else "")


def mean_and_error(gaps: Sequence[float], *, form: str = "+.4f", unit: str = "") -> str:
    """Return the mean of differences and its standard error, 0 of one difference.

    Example:
        >>> mean_and_error([0.1, 0.3]), mean_and_error([-1.0], form="+.1f", unit=" %")
        ('+0.2000 ± 0.1000', '-1.0 ± 0.0 %')
    """
    error = statistics.stdev(gaps) / len(gaps) ** 0.5 if len(gaps) > 1 else 0.0
    return f"{statistics.fmean(gaps):{form}} ± {error:{form.lstrip('+')}}{unit}"


def how_many(gaps: Sequence[float], *, lower: bool) -> str:
    """Return how many differences are lower than 0, or higher, and how many equal it.

    Example:
        >>> how_many([-1, 0, 2], lower=True), how_many([1, 2], lower=False)
        ('1 of 3, 1 equal', '2 of 2')
    """
    n = sum(gap < 0 if lower else gap > 0 for gap in gaps)
    ties = sum(gap == 0 for gap in gaps)
    return f"{n} of {len(gaps)}" + (f", {ties} equal" if ties else "")
