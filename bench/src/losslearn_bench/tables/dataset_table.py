"""Table 1 of the paper: the data sets as expected, and as found."""

from collections.abc import Mapping, Sequence
from typing import Any

from losslearn_bench.tables.markdown import NOT_AVAILABLE, markdown_table

_FACTS = ("rows", "features", "pos_rate")


def table_1(found: Sequence[Mapping[str, Any]]) -> str:
    r"""Return what the data sets should hold, and what they do.

    Args:
        found: A description each: `name`, `source`, `licence`, `state`, and `expected`
            and `found` with `rows`, `features` and `pos_rate`, or None where unknown.

    Returns:
        Markdown. An asterisk marks data sets that hold fewer rows than expected.

    Raises:
        ValueError: If there are none, or one stands there twice.

    Example:
        >>> size = {"rows": 48842, "features": 123, "pos_rate": 0.2393}
        >>> half = {**size, "rows": 24421}
        >>> text = {"source": "file", "licence": "BY", "state": "partial"}
        >>> print(table_1([{"name": "a9a", "expected": size, "found": half, **text}]))
        Table 1: the data sets, found / expected.
        <BLANKLINE>
        | Data | Rows | Features | Positive | Source | Licence | State |
        | --- | --- | --- | --- | --- | --- | --- |
        | a9a\* | 24,421 / 48,842 | 123 / 123 | 0.2393 / 0.2393 | file | BY | partial |
        <BLANKLINE>
        \* A part of the data set.
        <BLANKLINE>
    """
    if not found:
        raise ValueError(
            "Table 1 needs descriptions of data sets, got none. Pass one each."
        )
    names = [dataset["name"] for dataset in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(
            f"A data set must be described once, got {twice} more often. Leave out the "
            "other descriptions."
        )
    header = ["Data", "Rows", "Features", "Positive", "Source", "Licence", "State"]
    parts = [
        "Table 1: the data sets, found / expected.",
        markdown_table(header, [_row(dataset) for dataset in found]),
    ]
    if any(map(_is_partial, found)):
        parts.append("\\* A part of the data set.")
    return "\n\n".join(parts) + "\n"


def _row(dataset: Mapping[str, Any]) -> list[str]:
    """Return the entries of a data set."""
    name = dataset["name"] + ("\\*" if _is_partial(dataset) else "")
    numbers = [
        f"{_text(dataset['found'], fact)} / {_text(dataset['expected'], fact)}"
        for fact in _FACTS
    ]
    words = [
        dataset[field] or NOT_AVAILABLE for field in ("source", "licence", "state")
    ]
    return [name, *numbers, *words]


def _text(facts: Mapping[str, Any] | None, fact: str) -> str:
    """Return a count, a share, or that it is unknown."""
    value = None if facts is None else facts[fact]
    if value is None:
        return NOT_AVAILABLE
    return f"{value:.4f}" if fact == "pos_rate" else f"{value:,}"


def _is_partial(dataset: Mapping[str, Any]) -> bool:
    """Whether rows are missing."""
    found, expected = dataset["found"], dataset["expected"]
    return bool(found and expected and found["rows"] < expected["rows"])
