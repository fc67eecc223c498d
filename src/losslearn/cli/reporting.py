"""What the commands print: tables and sentences, numbers as the user reads them."""

import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from losslearn._files import json_text
from losslearn.cli.progress import format_loss
from losslearn.report.constraints import describe_constraint, describe_value
from losslearn.report.verdict import method_name

_PLAIN: dict[str, Any] = {"box": SIMPLE_HEAD, "show_edge": False, "pad_edge": False}
_MOST_COLUMNS = 12
_MOST_SHOWN = 40
_LEFT_OUT = ("constant", "empty", "id", "ignored")
_ROUNDING = 1e-9
"""Losses closer than this are the same."""
_SAID = ("given", "undefined", "too_short", "verdict", "decision")
_NO_NUMBERS = ("kind", "columns")
_DESCRIBED = ("name", "aliases", "description")
"""What is said of a metric before its yes or no facts."""


def console(*, stderr: bool = False) -> Console:
    """Return where to write, as it stands: stdout, or stderr."""
    return Console(stderr=stderr, highlight=False, markup=False)


def note(text: str) -> None:
    """Write a line to stderr."""
    sys.stderr.write(f"losslearn: {text}\n")


def print_json(content: object) -> None:
    """Write a JSON object, and nothing else, to stdout."""
    sys.stdout.write(json_text(content) + "\n")


def print_columns(out: Console, columns: Sequence[Mapping[str, str]]) -> None:
    """Print how each column was read; of many, those of which there is more to say."""
    table = Table(**_PLAIN, padding=(0, 1, 0, 0))
    for title in ("column", "read as", "note"):
        table.add_column(title)
    shown = columns
    if len(columns) > _MOST_COLUMNS:
        shown = [one for one in columns if one["note"] or one["read_as"] in _LEFT_OUT]
    for one in shown[:_MOST_SHOWN]:
        left_out = ", left out" * (one["read_as"] in _LEFT_OUT)
        table.add_row(one["column"], one["read_as"] + left_out, one["note"])
    out.print(table)
    n_more = len(columns) - len(shown[:_MOST_SHOWN])
    more = f"{n_more:,} more columns are in the report. " if n_more else ""
    out.print(
        f"{more}To read one otherwise: --as COL=number|category|text|date|ignore, or "
        "--ignore COL."
    )


def print_fit(report: Mapping[str, Any]) -> None:
    """Print how columns were read, the comparison of the methods, and the choice."""
    if "columns" in report:
        print_columns(console(), report["columns"])
    out, rows, results = console(), report["rows"], report["results"]
    out.print(f"\n{_heading(report)}; {_rows(report)}, {rows['test']:,} test rows\n")
    for said in _division(report):
        out.print(said, "")
    for table in (*_models(report), _fit_table(report)):
        out.print(table, "")
    for said in (*_constraints(report), *_interrupted(report)):
        out.print(said)
    if report["judged_by"] is None:
        out.print(
            f"{report['metric']} needs no {results[0]['rule']['kind']}; those above "
            "are for the labels and leave its value as it is."
        )
    for said in _notes(report):
        out.print(said)
    out.print(describe_choice(report))
    if report["model"] is not None:
        out.print(f"Model written to {report['model']}")


def _interrupted(report: Mapping[str, Any]) -> list[str]:
    """Return after what a fit was stopped, if it was."""
    if not report["interrupted"]:
        return []
    results = report["results"]
    done = [f"{one['iterations']:,} iterations of {_named(one)}" for one in results]
    said = f"Interrupted after {' and '.join(done)}"
    return [f"{said}; the best weights so far are kept."]


def _models(report: Mapping[str, Any]) -> list[Table]:
    """Return the models that were tried, one a line, where there are several."""
    if "models" not in report:
        return []
    table = Table(**_PLAIN, padding=(0, 1, 0, 0))
    table.add_column("model")
    table.add_column(f"validation {_name(report)}", justify="right")
    table.add_column("seconds", justify="right")
    table.add_column("")
    for one in report["models"]:
        value = one["metric_validation"]
        table.add_row(
            one["name"],
            "" if value is None else format_loss(value),
            f"{one['seconds']:.1f}",
            "used" if one["chosen"] else one["left_out"] or "",
        )
    return [table]


def _rows(report: Mapping[str, Any]) -> str:
    """Return how many rows were trained on, and how many chosen by."""
    train, validation = (
        f"{report['rows'][part]:,}" for part in ("train", "validation")
    )
    if report["folds"] > 1 and report["refitted"]:
        return f"{train} rows to choose by in {report['folds']} folds and to train on"
    if report["refitted"]:
        return f"{train} training rows, {validation} of them validation rows before"
    return f"{train} training, {validation} validation"


def _name(found: Mapping[str, Any]) -> str:
    """Return what the values shown are of."""
    return str(found["metric_name"])


def _heading(report: Mapping[str, Any]) -> str:
    """Return the metric, and which of its values are better."""
    if not report.get("constraints"):
        return f"{report['metric']}, {_better(report)}"
    side = "higher" if report["greater_is_better"] else "lower"
    return f"{report['metric']}, {side} {_name(report)} is better"


def _better(found: Mapping[str, Any]) -> str:
    """Return which values are better, in words."""
    side = "higher" if found["greater_is_better"] else "lower"
    return f"{side} is better"


def _division(report: Mapping[str, Any]) -> list[str]:
    """Return how the rows were divided, where not by chance alone."""
    said = []
    if "divided_by_time" in report:
        latest = "validation" if "test_copies" in report else "test"
        said.append(
            f"Divided by {report['divided_by_time']}: the {latest} rows are the latest."
        )
    if "groups" in report:
        said.append(_groups(report["groups"]))
    if "copies" in report:
        said.append(_repeated(report["copies"], report["rows"]["test"]))
    return said


def _repeated(counted: Mapping[str, Any], n_test: int) -> str:
    """Return where rows are that stand more than once, in a sentence."""
    said = f"{counted['rows']:,} rows stand more than once"
    if counted["together"]:
        return f"{said}; copies stay in one part."
    return (
        f"{said}, and copies cannot be kept in one part: {counted['test']:,} of the "
        f"{n_test:,} test rows are equal to rows of the other parts."
    )


def _notes(report: Mapping[str, Any]) -> list[str]:
    """Return what is to be said of the metric, the gain, and rows in two tables."""
    said = [report[key] for key in _SAID]
    said += [_copies(report, part) for part in ("validation", "test")]
    return [one for one in said if one is not None]


def _constraints(report: Mapping[str, Any]) -> list[str]:
    """Return what each constraint comes to; nothing of a metric without."""
    if not (found := report.get("constraints")):
        return []
    said = (
        f"{_name(report)} is to be as good as it can be where each constraint holds. "
        "What is minimised is its loss with penalties: a constraint missed by 1 costs "
        f"{report['penalty']:g}. With 95 % intervals:"
    )
    return [said, *(describe_constraint(one) for one in found), ""]


def _copies(report: Mapping[str, Any], part: str) -> str | None:
    """Return how many rows of a table of their own are in another, if any are."""
    if not (n := report.get(f"{part}_copies", 0)):
        return None
    return (
        f"{n:,} of the {report['rows'][part]:,} {part} rows are rows of another table "
        "as well: what they say is better than the truth. Leave them out."
    )


def _groups(counted: Mapping[str, Any]) -> str:
    """Return how the groups were divided, in a sentence."""
    train, validation, test = (
        counted[part] for part in ("train", "validation", "test")
    )
    return (
        f"Rows of the same {counted['column']} are in one part: {train:,} groups are "
        f"trained on, {validation:,} chosen by, {test:,} tested on."
    )


def _named(result: Mapping[str, Any]) -> str:
    """Return a method as it is called within a sentence."""
    name = method_name(result["method"])
    return f"the {name}" if result["role"] == "learned" else name


def _fit_table(report: Mapping[str, Any]) -> Table:
    # narrow gaps: five columns have to fit into 80 characters
    table = Table(**_PLAIN, padding=(0, 1, 0, 0))
    rules = [result["rule"] for result in report["results"]]
    kind = rules[0]["kind"]
    # a rule of one number of its own name: a column of that name, of numbers
    is_number = all(set(rule) == {"kind", kind} for rule in rules)
    decided = kind if is_number else "rule"
    table.add_column("method", no_wrap=True)
    name = _name(report)
    titles = (f"validation\n{name}", f"test {name}\n[95 % interval]")
    for title in (*titles, decided, "seconds"):
        table.add_column(title, justify="right", no_wrap=title != "rule")
    for result in report["results"]:
        low, high = (format_loss(end) for end in result["metric_interval"])
        table.add_row(
            method_name(result["method"]),
            format_loss(result["metric_validation"]),
            f"{format_loss(result['metric_test'])} [{low}, {high}]",
            f"{result[kind]:.4g}" if is_number else describe_rule(result["rule"]),
            f"{result['seconds']:.1f}",
            style="bold" if result["method"] == report["chosen"] else None,
        )
    return table


def describe_rule(rule: Mapping[str, Any]) -> str:
    """Return a rule in words, its numbers with four digits.

    Example:
        >>> describe_rule({"kind": "cut", "cut": 0.41237, "slope": 2})
        'cut 0.4124, slope 2'
        >>> describe_rule({"kind": "flip", "columns": ["amount"]})
        'flip by amount'
    """
    numbers = [f"{key} {rule[key]:.4g}" for key in rule if key not in _NO_NUMBERS]
    by = f" by {', '.join(rule['columns'])}" if "columns" in rule else ""
    return (", ".join(numbers) or str(rule["kind"])) + by


def describe_choice(report: Mapping[str, Any]) -> str:
    """Return one sentence on how the two methods differ on the test rows."""
    results, name = report["results"], report["chosen"]
    chosen, other = sorted(results, key=lambda result: result["method"] != name)
    if all(chosen[key] == other[key] for key in ("validation", "test", "rule")):
        return "Both methods' best weights are the same model."
    key = "metric_test"
    difference, how = chosen[key] - other[key], "the same as"
    if math.isnan(difference):
        return "How the methods differ on the test rows is not known."
    if abs(difference) >= _ROUNDING:
        side = "lower" if difference < 0 else "higher"
        how = f"{format_loss(abs(difference))} {side} than"
    key = "metric_interval"
    (low, high), (other_low, other_high) = chosen[key], other[key]
    overlap = low <= other_high and other_low <= high
    return (
        f"On the test rows {_name(report)} of {_named(chosen)} is {how} that of "
        f"{_named(other)} (the intervals {'overlap' if overlap else 'do not overlap'})."
    )


def print_evaluation(found: Mapping[str, Any]) -> None:
    """Print the value of a metric on a table."""
    low, high = (format_loss(end) for end in found["metric_interval"])
    whole = f"{found['metric']}: " * (_name(found) != found["metric"])
    console().print(
        f"{whole}{_name(found)} {format_loss(found['metric_value'])} "
        f"({_better(found)}), "
        f"95 % interval {low} to {high}, on {found['rows']:,} rows at "
        f"{describe_rule(found['rule'])}."
    )
    for one in found.get("constraints", ()):
        console().print(f"{one['constraint']}: {describe_value(one, 'rows')}.")
    if (seen := found["seen"]) is not None and seen["rows"] > 0:
        said = f"{seen['rows']:,} of these {found['rows']:,} rows"
        if seen["compared"] < found["rows"]:
            said = f"About {said} (judged by {seen['compared']:,} of them)"
        console().print(
            f"{said} are equal to rows that the model was trained on or chosen by: "
            f"{_name(found)} is better than on rows that it has not seen."
        )


def print_metrics(listed: list[dict[str, Any]]) -> None:
    """Print the built-in losses."""
    out = console()
    table = Table(**_PLAIN, leading=1)
    table.add_column("loss", no_wrap=True)
    table.add_column("what it is, and its other names")
    facts = [key for key in listed[0] if key not in _DESCRIBED]
    for fact in facts:
        table.add_column(fact.replace("_", " "))
    for metric in listed:
        aliases = (", ".join(metric["aliases"]), "dim")
        table.add_row(
            metric["name"],
            Text.assemble(metric["description"], "\n", aliases),
            *("yes" if metric[fact] else "no" for fact in facts),
        )
    out.print(table, "")
    out.print(
        "All are losses, lower is better; by the name of a metric, as f1 or auc, what "
        "is shown is its own value. A parameter follows an @, as in fbeta@0.5, "
        "precision_at_k@100. Also accepted: the name of a scikit-learn scorer, and a "
        "function of your own, path/to/file.py:function. Any of decisions takes "
        "constraints: --subject-to 'precision >= 0.8'."
    )
