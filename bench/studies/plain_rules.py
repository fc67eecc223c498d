"""How large a lead a threshold should need on calling nobody or everybody positive.

    python bench/studies/plain_rules.py

Nine data sets, 400 and 2,000 rows of each, four splits, a penalised logistic
regression, six metrics of decisions: test loss of what stands where a threshold needs
a lead of so many standard errors of its cross-fitted loss. Stopped, it goes on where
it was: lines are in `results/plain_rules.jsonl`.
"""

import json
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from shared import DATA_DIR, RESULTS, make_parser, report
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from losslearn import tune_decision, tune_threshold
from losslearn.metrics import Sets
from losslearn.metrics.own.as_true_loss import untried
from losslearn.tasks.rules.simple import ConstantRule, ThresholdRule

DATASETS = (
    *("porto_seguro", "keel_yeast4", "keel_abalone19", "cost_german_credit"),
    *("group_compas", "ijcnn1", "cc_fraud", "a9a", "cost_bank_marketing"),
)
SIZES, N_SPLITS, MOST_TEST = (400, 2_000), 4, 20_000
LEADS = (0.0, 0.25, 0.5, 1.0)
LEAST_POSITIVE = 4


def five_to_one(y_true: Any, y_pred: Any) -> float:  # noqa: ANN401 - arrays
    """Return the mean cost: 5 for each missed, 1 for each false alarm."""
    return float((5 * y_true * (1 - y_pred) + (1 - y_true) * y_pred).mean())


def net(y_true: Any, y_pred: Any) -> float:  # noqa: ANN401 - arrays
    """Return the mean gain: 10 for each found, less 3 for each call."""
    return float((y_pred * (10 * y_true - 3)).mean())


five_to_one.greater_is_better = False  # type: ignore[attr-defined]
net.greater_is_better = True  # type: ignore[attr-defined]
METRICS: dict[str, str | Callable[..., float]] = {
    **{name: name for name in ("f1", "error_rate", "mcc", "balanced_error_rate")},
    "five_to_one": five_to_one,
    "net": net,
}


def test_losses(frame: pd.DataFrame, size: int, seed: int) -> list[dict[str, Any]]:
    """Return, for each metric, the test loss of what stands under each lead."""
    helpers = [c for c in frame if c.startswith(("cost_", "group_")) or c == "amount"]
    y = frame["target"].to_numpy(np.int64)
    x = frame.drop(columns=[*helpers, "target"]).to_numpy(np.float64)
    size = min(size, len(y) // 2)
    every = np.arange(len(y))
    some, test = train_test_split(every, train_size=size, random_state=seed, stratify=y)
    test = test[:MOST_TEST]
    fit, valid = train_test_split(
        some, test_size=0.25, random_state=seed, stratify=y[some]
    )
    if y[valid].sum() < LEAST_POSITIVE:
        return []
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=300))
    model.fit(x[fit], y[fit])
    p, p_test = (model.predict_proba(x[rows])[:, 1] for rows in (valid, test))
    lines = []
    for name, metric in METRICS.items():
        tried = {one["rule"]: one for one in tune_decision(y[valid], p, metric).tried}
        constant = min(("nobody", "everybody"), key=lambda rule: tried[rule]["loss"])
        gap = tried["threshold"]["loss"] - tried[constant]["loss"]
        error = tried["threshold"]["standard_error"]
        rules = {
            "threshold": ThresholdRule(tune_threshold(y[valid], p, metric)),
            "nobody": ConstantRule("nobody"),
            "everybody": ConstantRule("everybody"),
        }
        judge, losses = untried(metric).of_decisions(), {}
        for lead in LEADS:
            rule = rules["threshold" if gap < -lead * error else constant]
            decided = rule.decide(torch_of(p_test)).double()
            losses[str(lead)] = float(judge(Sets(torch_of(y[test]), decided)))
        lines.append({"metric": name, "losses": losses})
    return lines


def torch_of(values: Any) -> Any:  # noqa: ANN401 - an array
    """Return an array as a tensor."""
    import torch

    return torch.from_numpy(np.asarray(values))


def main() -> None:
    """Measure what is missing, and print the means over data sets and splits."""
    file = RESULTS / "plain_rules.jsonl"
    asked = make_parser(__doc__, data_dir=DATA_DIR, out=file).parse_args()
    lines = []
    if asked.out.exists():
        lines = [json.loads(line) for line in asked.out.read_text().splitlines()]
    done = {(line["dataset"], line["size"], line["seed"]) for line in lines}
    for size, seed, name in product(SIZES, range(N_SPLITS), DATASETS):
        if (name, size, seed) in done:
            continue
        frame = pd.read_parquet(Path(asked.data_dir) / f"{name}.parquet")
        found = test_losses(frame.sample(frac=1, random_state=seed), size, seed)
        cell = {"dataset": name, "size": size, "seed": seed}
        fresh = [{**cell, **one} for one in found]
        lines += fresh
        with asked.out.open("a", encoding="utf-8") as out:
            out.writelines(json.dumps(line) + "\n" for line in fresh)
    flat = pd.DataFrame([{**line, **line["losses"]} for line in lines])
    change = flat[list(map(str, LEADS))].sub(flat["0.0"], axis=0)
    rows = []
    for lead in LEADS[1:]:
        own = change[str(lead)]
        counts = f"{(own < 0).sum()} / {(own == 0).sum()} / {(own > 0).sum()}"
        means = own.groupby(flat["metric"]).mean().round(4)
        rows.append([f"{lead} standard errors", counts, *means.tolist()])
    head = ["lead", "lower / equal / higher", *sorted(METRICS)]
    table = [head, ["---"] * len(head), *rows]
    text = "\n".join(f"| {' | '.join(map(str, row))} |" for row in table)
    heading = (
        f"Test loss of {len(flat)} cells against a threshold that needs no lead: cells "
        "with a lower, an equal and a higher one, and the mean change by metric.\n\n"
    )
    report(text, asked.out, heading=heading)


if __name__ == "__main__":
    main()
