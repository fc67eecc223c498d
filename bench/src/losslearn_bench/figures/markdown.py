"""Markdown pipe tables and marked-up lines as HTML, everything else escaped."""

import html
import re

_RULE = re.compile(r":?-+:?")
_CELL_END = re.compile(r"(?<!\\)\|")
_CODE = re.compile(r"`([^`]+)`")
_BOLD = re.compile(r"\*\*([^*]+)\*\*")
_ITALIC = re.compile(r"(?<![\w/])_([^_]+)_(?![\w/])")
_ESCAPED = re.compile(r"\\([*_\\])")


def inline_html(text: str) -> str:
    r"""Return a line as HTML: `code`, **bold**, _italic_ marked up, the rest escaped.

    A mark behind a backslash, as in `\*`, is the mark itself.

    Args:
        text: One line.

    Example:
        >>> inline_html("**0.1** < `f1_loss` & _tie_")
        '<b>0.1</b> &lt; <code>f1_loss</code> &amp; <i>tie</i>'
    """
    parts = _CODE.split(text)  # every second part stands between backticks
    return "".join(
        f"<code>{html.escape(part)}</code>" if place % 2 else _emphasised(part)
        for place, part in enumerate(parts)
    )


def table_html(markdown: str) -> str:
    r"""Return a Markdown pipe table as an HTML table.

    Args:
        markdown: A line of heads, a line of rules such as `| --- | ---: |`, then rows,
            each between pipes; a pipe within a cell is written as `\|`.

    Raises:
        ValueError: If it is not such a table, or a row has another number of cells.

    Example:
        >>> print(table_html("| a | b |\n| --- | ---: |\n| x | 1 |"))
        <table>
        <thead><tr><th>a</th><th class="right">b</th></tr></thead>
        <tbody>
        <tr><td>x</td><td class="right">1</td></tr>
        </tbody>
        </table>
    """
    lines = [line.strip() for line in markdown.strip().splitlines()]
    rows = [_cells(line) for line in lines]
    if len(rows) < 2 or not all(_RULE.fullmatch(cell) for cell in rows[1]):
        raise ValueError(
            "A table must begin with a line of heads and one of rules such as "
            f"`| --- | --- |`, got {lines[:2]}."
        )
    heads, rules, *body = rows
    for line, row in zip(lines, rows, strict=True):
        if len(row) != len(heads):
            raise ValueError(
                f"Each row must have {len(heads)} cells as the heads do, got "
                f"{len(row)} in {line!r}. Write a pipe within a cell as \\|."
            )
    classes = [' class="right"' if rule.endswith(":") else "" for rule in rules]
    head, *rest = (
        "".join(
            f"<{tag}{right}>{inline_html(cell)}</{tag}>"
            for cell, right in zip(row, classes, strict=True)
        )
        for tag, row in [("th", heads), *(("td", row) for row in body)]
    )
    listed = "".join(f"<tr>{row}</tr>\n" for row in rest)
    return (
        f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{listed}</tbody>\n</table>"
    )


def _cells(line: str) -> list[str]:
    """Return the cells between the pipes of a line."""
    inside = line.removeprefix("|")
    if line == inside or not _CELL_END.search(line[-2:]):
        raise ValueError(f"A row must begin and end with a pipe, got {line!r}.")
    cells = _CELL_END.split(inside[:-1])
    return [cell.strip().replace("\\|", "|") for cell in cells]


def _emphasised(text: str) -> str:
    # as numbers of characters, which no pattern takes for a mark
    text = _ESCAPED.sub(lambda found: f"&#{ord(found[1])};", html.escape(text))
    text = _BOLD.sub(r"<b>\1</b>", text)
    return _ITALIC.sub(r"<i>\1</i>", text)
