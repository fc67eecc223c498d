"""What all studies share: their options, and where and how results are written."""

import argparse
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

from losslearn.report.figures import write_whole

RESULTS = Path(__file__).parents[1] / "results"
DATA_DIR = {"type": Path, "default": os.getenv("LOSSLEARN_DATA")}
"""The option of every script that reads data sets."""


def make_parser(text: str, **options: object) -> argparse.ArgumentParser:
    """Return the parser of a script of this docstring.

    An option is what argparse takes for `--NAME`, or its default alone.
    """
    parser = argparse.ArgumentParser(description=text.split("\n")[0])
    for name, given in options.items():
        known = {"type": type(given), "default": given}
        known = given if isinstance(given, dict) else known
        parser.add_argument(f"--{name.replace('_', '-')}", **known)
    return parser


def write(path: Path, content: dict[str, Any]) -> None:
    """Write JSON, whole or not at all."""
    write_whole(path, (json.dumps(content, indent=1) + "\n").encode())


def report(table: str, results: Path, *, heading: str = "") -> None:
    """Print a table, and write it beside its lines."""
    write_whole(results.with_suffix(".md"), f"{heading}{table}\n".encode())
    sys.stdout.write(f"{table}\n")


def put_table(page: Path, table: str) -> None:
    """Put a Markdown table in the place of the page's one that begins alike, if any."""
    head = table.split("|")[1].strip()
    found = rf"^\| {re.escape(head)} \|[^\n]*\n(\|[^\n]*\n)*"
    text = page.read_text()
    told = re.sub(found, lambda _: f"{table}\n", text, flags=re.MULTILINE)
    if told != text:
        write_whole(page, told.encode())
