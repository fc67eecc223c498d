"""The page of all decisions: a summary, and the values of each problem."""

import inspect
import statistics
from collections import Counter
from collections.abc import Sequence
from typing import Any

from losslearn_bench.decisions.contrasts import (
    CONTRASTS,
    Key,
    Tally,
    Values,
    cells_of,
    collect,
    judge,
    model_of,
    rules_of,
)
from losslearn_bench.decisions.jobs import CONSTANTS, MODELS, Line
from losslearn_bench.decisions.problems import PROBLEMS, Kind
from losslearn_bench.tables.markdown import (
    NOT_AVAILABLE,
    listed,
    markdown_table,
    mean_and_deviation,
    mean_and_error,
    paragraphs,
)
from losslearn_bench.tables.outcomes import count_verdicts, order_of

_WAYS = ("threshold", "formula", "peer", "rule", "scores")
_KINDS: tuple[Kind, ...] = ("money", "groups", "counts", "scores")
_HOW = """\
Test values of the metrics as `losslearn_bench.decisions.metrics` writes them, \
higher is better: mean ± deviation over random splits, 64 % of the rows to train on, \
16 % to choose and to learn the decision by, 20 % to test. Amounts, costs and groups \
named with a problem are known when deciding; models see them where they stand among \
the features too. A *threshold* is the best of at most 200 on the validation rows, \
*rule* is what `losslearn.tune_decision` learns from them, *formula* decides by \
expected costs and the model's own probabilities, and *peer* is empulse's \
`CSThresholdClassifier`, calibrated (costs), or fairlearn's `ThresholdOptimizer` \
(groups), or the peer's own model. The logistic regression's `C` and the number of \
trees come from the validation rows' log-loss. *Control* and *trained* are the two \
branches of `SurrogateClassifier`."""
_SUMMARY = """\
Wins / ties / losses by a corrected resampled t-test at 5 %, then with Holm's \
correction over a row of the table; a cell is a problem and a model. A mean is \
*behind* where it is lower by more than the deviation of the difference over the \
splits. *Doing nothing* is calling nobody or everybody positive, which of the two \
the validation rows say."""


def make_page(lines: Sequence[Line]) -> str:
    """Return the page of some lines in Markdown."""
    values = collect(lines)
    splits = {line["repetition"] for line in lines}
    problems = [name for name in PROBLEMS if any(key.problem == name for key in values)]
    return paragraphs(
        "# Decisions",
        _HOW,
        f"{len(splits)} random split{'s' * (len(splits) > 1)}{_steps(lines)}.",
        "## Summary",
        _SUMMARY,
        *_summary(values),
        _effort(lines),
        *(part for name in problems for part in _of_problem(name, lines, values)),
    )


def _steps(lines: Sequence[Line]) -> str:
    found = sorted({one["max_iter"] for one in lines if one["max_iter"] is not None})
    if not found:
        return ""
    return f"; our fits have {listed([f'{n:,}' for n in found])} iterations"


def _summary(values: Values) -> list[str]:
    rows, behind = [], []
    for name, rival in CONTRASTS.items():
        tally = judge(cells_of(values, rival))
        if not tally.cells:
            continue
        rows.append([name, *_counts(tally)])
        behind += [
            f"{name}: {cell.ours.problem}, {cell.ours.model} "
            f"({mean_and_error(cell.gaps)})"
            for cell in tally.cells
            if cell.is_behind
        ]
    header = ["", "cells", *_KINDS, "all", "by Holm", "means higher / equal / lower"]
    told = "\n".join(f"- {one}" for one in behind)
    return [
        markdown_table(header, rows) if rows else "There is nothing to compare yet.",
        f"Behind (mean difference ± standard error):\n\n{told}" if behind else "",
    ]


def _counts(tally: Tally) -> list[str]:
    both = list(zip(tally.cells, tally.verdicts, strict=True))
    by_kind = [[found for cell, found in both if cell.kind == k] for k in _KINDS]
    means = order_of([-statistics.fmean(cell.gaps) for cell in tally.cells])
    return [
        str(len(tally.cells)),
        *(count_verdicts(found) if found else "" for found in by_kind),
        count_verdicts(tally.verdicts),
        count_verdicts(tally.by_holm),
        str(means),
    ]


def _effort(lines: Sequence[Line]) -> str:
    rules = [line["rule"] for line in lines if line["rule"] is not None]
    if not rules:
        return ""
    calls, seconds = ([rule[name] for rule in rules] for name in ("calls", "seconds"))
    return (
        f"Learning a rule called the metric {statistics.median(calls):,.0f} times in "
        f"the median and {max(calls):,} at most, in {statistics.median(seconds):.1f} s "
        f"and {max(seconds):.1f} s at most ({len(rules):,} rules)."
    )


def _of_problem(name: str, lines: Sequence[Line], values: Values) -> list[str]:
    own = [line for line in lines if line["problem"] == name]
    problem, rules = PROBLEMS[name], rules_of(own)
    found = {model_of(line) for line in own} - {CONSTANTS}
    order = sorted(found, key=lambda model: (MODELS.index(model.split()[0]), model))
    ways = [w for w in _WAYS if any(Key(name, m, w) in values for m in order)]
    rows = [
        [
            model,
            *(_shown(values, Key(name, model, way)) for way in ways),
            *([_kinds(rules.get((name, model), []))] if "rule" in ways else []),
        ]
        for model in order
    ]
    header = ["model", *ways, *(["rules that stand"] if "rule" in ways else [])]
    known = [f"`{name}` (`{column}`)" for name, column in problem.columns.items()]
    constants = [
        f"{way} {_shown(values, Key(name, CONSTANTS, way))}"
        for way in ("nobody", "everybody")
        if Key(name, CONSTANTS, way) in values
    ]
    text = (inspect.getdoc(problem.metric) or "").split("\n")[0]
    rows_of = {tuple(line["rows"]) for line in own}
    sizes = [" / ".join(f"{n:,}" for n in sizes) for sizes in sorted(rows_of)]
    sentences = [
        text,
        f"Known when deciding: {listed(known)}." if known else "",
        f"Rows: {listed(sizes)}.",
        f"Constants: {listed(constants)}." if constants else "",
    ]
    table = markdown_table(header, rows) if rows else ""
    return [f"## {name}", " ".join(filter(None, sentences)), table]


def _shown(values: Values, key: Key) -> str:
    found = values.get(key)
    return mean_and_deviation(list(found.values())) if found else NOT_AVAILABLE


def _kinds(rules: Sequence[dict[str, Any]]) -> str:
    counts = Counter(rule["kind"] for rule in rules).most_common()
    return ", ".join(f"{kind} {n}" for kind, n in counts)
