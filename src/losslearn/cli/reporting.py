"""What the commands print: tables and sentences, numbers as the user reads them."""

import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from losslearn.cli.progress import METHOD_NAMES, format_loss
from losslearn.tables.saved import without_nan

if TYPE_CHECKING:
    from losslearn.cli.fitting import FitOutcome

_ROUNDING = 1e-9
"""Losses closer than this are the same."""


def console(*, stderr: bool = False) -> Console:
    """Return where to write: stdout, or stderr."""
    return Console(stderr=stderr, highlight=False)


def note(text: str) -> None:
    """Write a line to stderr."""
    sys.stderr.write(f"losslearn: {text}\n")


def print_json(content: object) -> None:
    """Write a JSON object, and nothing else, to stdout."""
    text = json.dumps(without_nan(content), allow_nan=False, ensure_ascii=False)
    sys.stdout.write(text + "\n")


def print_fit(out: Console, outcome: "FitOutcome", path: str | None) -> None:
    """Print the comparison of both methods and which one is used."""
    report = outcome.report
    rows = report["rows"]
    out.print(
        f"\n{outcome.options.metric} as a loss, lower is better; {rows['train']:,} "
        f"training, {rows['validation']:,} validation, {rows['test']:,} test rows\n",
        markup=False,
    )
    out.print(_fit_table(report), "")
    if outcome.interrupted:
        ours, control = (result["iterations"] for result in report["results"])
        out.print(
            f"Interrupted after {ours:,} iterations of the learned surrogate and "
            f"{control:,} of cross-entropy; the best weights so far are kept."
        )
    if not outcome.model.classifier.true_loss_.needs_threshold:
        out.print(
            f"{outcome.options.metric} needs no threshold; those above have the lowest "
            "error rate on the validation rows.",
            markup=False,
        )
    out.print(report["verdict"], markup=False)
    out.print(describe_choice(report))
    if path is not None:
        out.print(f"Model written to {path}", markup=False)


def _fit_table(report: Mapping[str, Any]) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("method", no_wrap=True)
    for name in (
        "validation\nloss",
        "test loss\n[95 % interval]",
        "threshold",
        "seconds",
    ):
        table.add_column(escape(name), justify="right", no_wrap=True)
    for result in report["results"]:
        low, high = (format_loss(end) for end in result["interval"])
        table.add_row(
            METHOD_NAMES[result["method"]],
            format_loss(result["validation"]),
            escape(f"{format_loss(result['test'])} [{low}, {high}]"),
            f"{result['threshold']:.4g}",
            f"{result['seconds']:.1f}",
            style="bold" if result["method"] == report["chosen"] else None,
        )
    return table


def describe_choice(report: Mapping[str, Any]) -> str:
    """Return one sentence on how the two methods differ on the test rows."""
    chosen, other = sorted(
        report["results"], key=lambda result: result["method"] != report["chosen"]
    )
    if all(chosen[key] == other[key] for key in ("validation", "test", "threshold")):
        return "Both methods' best weights are the same model."
    names = {"surrogate": "the learned surrogate", "cross_entropy": "cross-entropy"}
    difference = chosen["test"] - other["test"]
    if abs(difference) < _ROUNDING:
        how = "the same as"
    else:
        side = "lower than" if difference < 0 else "higher than"
        how = f"{format_loss(abs(difference))} {side}"
    (low, high), (other_low, other_high) = chosen["interval"], other["interval"]
    overlap = low <= other_high and other_low <= high
    return (
        f"On the test rows the loss of {names[chosen['method']]} is {how} that of "
        f"{names[other['method']]} (the intervals "
        f"{'overlap' if overlap else 'do not overlap'})."
    )


def print_evaluation(
    out: Console, found: Mapping[str, Any], interval: tuple[float, float]
) -> None:
    """Print the loss of a model on a table."""
    out.print(
        f"{found['metric']}: loss {format_loss(found['value'])} (lower is better), "
        f"95 % interval {format_loss(interval[0])} to {format_loss(interval[1])}, on "
        f"{found['rows']:,} rows at threshold {found['threshold']:.4g}.",
        markup=False,
    )


def print_metrics(out: Console, listed: list[dict[str, Any]]) -> None:
    """Print the built-in losses."""
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, leading=1)
    table.add_column("loss", no_wrap=True)
    table.add_column("what it is, and its other names")
    table.add_column("needs a\nthreshold")
    for metric in listed:
        table.add_row(
            metric["name"],
            f"{metric['description']}\n[dim]{', '.join(metric['aliases'])}[/dim]",
            "yes" if metric["needs_threshold"] else "no",
        )
    out.print(table, "")
    out.print(
        "All are losses, lower is better. A parameter follows an @, as in fbeta@0.5, "
        "precision_at_k@100. Also accepted: the name of a scikit-learn scorer, and a "
        "function of your own, path/to/file.py:function.",
        markup=False,
    )
