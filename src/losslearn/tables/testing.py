"""Both methods of a fit on rows that nobody has seen."""

import math
from functools import partial
from typing import TYPE_CHECKING, Any

from losslearn.metrics import Sets, TrueLoss
from losslearn.metrics.as_written import as_written
from losslearn.metrics.own.black_box import UndefinedError
from losslearn.metrics.own.given import raised_sentence
from losslearn.report.constraints import constraint_values
from losslearn.tables.division import Part
from losslearn.tables.fitted import as_sets, measure, value_as_written
from losslearn.tasks.task import Rule
from losslearn.training.sparing import Sparing

if TYPE_CHECKING:
    from losslearn.estimators.base import SurrogateEstimator


def tested(estimator: "SurrogateEstimator", test: Part, seed: int) -> dict[str, Any]:
    """Return the fit's report with both methods' losses on the test rows."""
    report, true_loss = {**estimator.report_}, estimator.true_loss_
    undefined = report["undefined"]
    truth, scores = (
        estimator.labels_.encode(test.y),
        estimator.method_scores(test.features),
    )
    results, constraints, sparing = [], [], Sparing()
    written, nothing = as_written(true_loss), (math.nan, math.nan)
    unknown = math.nan, nothing, None
    for result in report["results"]:
        rows = as_sets(truth, scores[result["method"]], test.columns)
        rule = estimator.method_rules_[result["method"]]
        loss, interval, said = sparing(
            partial(_measured, true_loss, rows, rule, seed), lambda: unknown
        )
        undefined = said or undefined
        decisions = rule.decide(rows.score, rows.columns).to(rows.score.dtype)
        decided = rows._replace(score=decisions)
        value, ends = sparing(
            partial(value_as_written, true_loss, (loss, interval), decided, seed),
            lambda: (math.nan, nothing),
        )
        tested = {"test": loss, "interval": list(interval)}
        tested |= {"metric_test": value, "metric_interval": list(ends)}
        results.append({**result, **tested})
        constraints += constraint_values(true_loss, decided, seed=seed)
    if constraints:
        report["constraints"] = [
            {**said, "test": {key: one[key] for key in said["validation"]}}
            for said, one in zip(report["constraints"], constraints, strict=True)
        ]
    return {
        **report,
        "metric_name": written.name,
        "undefined": undefined,
        "loss": True,
        "rows": {**report["rows"], "test": len(test.y)},
        "results": results,
        "failures": report["failures"] or _failures(sparing, true_loss),
        "seed": seed,
    }


def _failures(sparing: Sparing, true_loss: TrueLoss) -> list[str]:
    """Return what went wrong with the metric on the test rows or resamples of them."""
    failed = str(sparing) if sparing.failure else raised_sentence(true_loss)
    return [] if failed is None else [failed]


def _measured(
    true_loss: TrueLoss, rows: Sets, rule: Rule, seed: int
) -> tuple[float, tuple[float, float], str | None]:
    """Return loss and interval of test rows, or why they have none."""
    try:
        return *measure(true_loss, rows, rule, seed=seed), None
    except UndefinedError as error:
        return math.nan, (math.nan, math.nan), f"On the test rows: {error}"
