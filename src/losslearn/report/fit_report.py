"""What a fit reports: both methods on the validation rows, and what to make of it."""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch

from losslearn.metrics import Sets, TrueLoss
from losslearn.metrics.as_written import as_written
from losslearn.metrics.own.given import (
    given_sentence,
    raised_sentence,
    undefined_sentence,
)
from losslearn.report.constraints import constraint_values
from losslearn.report.rule_gain import rule_sentence
from losslearn.report.verdict import verdict
from losslearn.tasks.task import Rule, Task
from losslearn.training.branches import LEARNED
from losslearn.training.comparison import Comparison


class Judged(NamedTuple):
    """What each method's best weights come to on the validation rows."""

    results: list[dict[str, Any]]
    """Role, method, predictor, rule, loss, value as the user writes it, seconds and
    iterations of each."""
    rule: Rule
    """The chosen method's."""
    sets: Sets
    """The validation rows with the chosen method's scores."""


def judge_methods(
    comparison: Comparison, true_loss: TrueLoss, *, predictor_name: str
) -> Judged:
    """Return what each method's best weights come to on the validation rows."""
    found, written = [], as_written(true_loss)
    for name, run in comparison.runs.items():
        choice, loss = comparison.decided[name].choice, comparison.loss(name)
        rule = rule_summary(choice.rule)
        value = comparison.sparing(
            partial(written.of_rows, loss, choice.decided), lambda: math.nan
        )
        found.append(
            {
                "role": "learned" if name == LEARNED else "usual",
                "method": name,
                "predictor": predictor_name,
                "rule": rule,
                **{key: value for key, value in rule.items() if key != "kind"},
                "validation": loss,
                "metric_validation": value,
                "seconds": run.seconds,
                "iterations": run.n_iter,
            }
        )
    chosen = comparison.decided[comparison.chosen]
    return Judged(found, chosen.choice.rule, chosen.sets)


def _tuned(results: Sequence[Mapping[str, Any]]) -> str | None:
    """Return how both methods decide, where it is one way with something to tune."""
    rules = [result["rule"] for result in results]
    is_one = len({rule["kind"] for rule in rules}) == 1
    if not is_one or len(rules[0]) == 1:
        return None
    how = "decided by" if "columns" in rules[0] else "with a tuned"
    return f"{how} {rules[0]['kind']}"


def rule_summary(rule: Rule) -> dict[str, Any]:
    """Return a rule's kind, the columns it needs, and its numbers, if it is of few."""
    state = rule.to_dict()
    numbers = {
        name: value
        for name, value in state.items()
        if isinstance(value, int | float) and not rule.columns
    }
    needs = {"columns": list(rule.columns)} if rule.columns else {}
    return {"kind": state["kind"], **needs, **numbers}


def make_report(
    comparison: Comparison,
    judged: Judged,
    true_loss: TrueLoss,
    task: Task,
) -> dict[str, Any]:
    """Return the report of a fit, of nothing but what JSON knows."""
    target = judged.sets.target
    n, of_stratum = len(target), torch.bincount(task.strata(target).long())
    rarest = int(of_stratum.min()) if task.n_strata > 1 else None
    rule = judged.rule
    decided = rule.to_dict()["kind"] if true_loss.needs_rule else None
    sparing, judge = comparison.sparing, rule.judged(true_loss)
    loss = comparison.loss(comparison.chosen)
    choice, written = (
        comparison.decided[comparison.chosen].choice,
        as_written(true_loss),
    )
    given = sparing(
        lambda: given_sentence(true_loss, judge, judged.sets, loss=loss), lambda: None
    )
    failed = str(sparing) if sparing.failure else raised_sentence(true_loss)
    return {
        "task": task.name,
        "metric": true_loss.name,
        "greater_is_better": written.greater_is_better,
        "results": judged.results,
        "settings": None
        if comparison.settled is None
        else comparison.settled._asdict(),
        "chosen": comparison.chosen,
        "difference": comparison.difference.value,
        "standard_error": comparison.difference.standard_error,
        "judged_by": decided,
        "verdict": verdict(
            comparison,
            true_loss,
            n_rows=n,
            n_rarest=rarest,
            decided=_tuned(judged.results) if true_loss.needs_rule else None,
        ),
        "decision": rule_sentence(choice, written),
        "rules_tried": choice.tried,
        "given": given,
        "undefined": undefined_sentence(true_loss),
        "interrupted": comparison.interrupted,
        "failures": [] if failed is None else [failed],
        **_constrained(comparison, true_loss),
    }


def _constrained(comparison: Comparison, true_loss: TrueLoss) -> dict[str, Any]:
    """Return what is said of a loss with constraints alone."""
    if not true_loss.constraints:
        return {}
    return {
        "constraints": [
            {"method": name, "constraint": one.pop("constraint"), "validation": one}
            for name, decided in comparison.decided.items()
            for one in constraint_values(true_loss, decided.choice.decided)
        ],
        "penalty": true_loss.penalty,
        "share_lower": comparison.difference.share_lower,
    }
