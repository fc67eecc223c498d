"""How good the control is: a fit's usual loss beside penalised logistic regression.

    python bench/studies/control.py --data-dir DIR [--who now] [--who sklearn] ...

Every cell (seed, data, metric, model, who) takes at most 4,000 rows, a fifth of them to
choose by, and up to 20,000 others to test; what has a line is not run again. "now" is
`SurrogateClassifier` as it stands; "before" the same of another checkout, which
`PYTHONPATH` then names first; "sklearn" is `LogisticRegression` on standardised
features with C of four values, the one of the lowest validation loss. All choose their
threshold on the validation rows by the same rule.
"""

import argparse
import itertools
import statistics
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from fits import Line, make_cells, make_parser, of_cells, run_grid, where
from numpy.typing import NDArray
from shared import report

from losslearn_bench.tables.markdown import markdown_table

Array = NDArray[Any]

KEY = ("seed", "data", "metric", "model", "who")
DATA = (
    "a9a",
    "ijcnn1",
    "cod_rna",
    "covtype",
    "cc_fraud",
    "porto_seguro",
    "keel_page_blocks0",
    "keel_abalone19",
    "susy",
    "higgs_sample",
    "group_adult",
)
METRICS = ("f1", "average_precision", "auc")
MODELS = ("linear", "mlp")
WHO = ("now", "sklearn", "before")
AXES = {"data": DATA, "metric": METRICS, "model": MODELS, "who": WHO}
PENALTIES = (0.01, 0.1, 1.0, 10.0)
"""C of logistic regression."""
_ROWS, _TEST_ROWS = 4_000, 20_000


class Parts(NamedTuple):
    """Features and targets of training, validation and test rows."""

    train: tuple[Array, Array]
    valid: tuple[Array, Array]
    test: tuple[Array, Array]


def load(name: str, seed: int, folder: Path) -> Parts:
    """Return stratified parts of a data set, encoded as a fit's table is."""
    import pandas as pd
    from sklearn.model_selection import train_test_split

    from losslearn.encoding import TableEncoder

    frame = pd.read_parquet(folder / f"{name}.parquet")
    y = frame.pop("target").to_numpy()
    most = min(_ROWS, int(0.7 * len(y)))
    ours, others = train_test_split(
        np.arange(len(y)), train_size=most, stratify=y, random_state=seed
    )
    train, valid = train_test_split(
        ours, test_size=0.2, stratify=y[ours], random_state=seed
    )
    encoder = TableEncoder().fit(frame.iloc[train], y[train])

    def part(rows: Array) -> tuple[Array, Array]:
        x = np.asarray(encoder.transform(frame.iloc[rows]), dtype=np.float32)
        return x, y[rows]

    return Parts(part(train), part(valid), part(others[:_TEST_ROWS]))


def judge(metric: str, scores: Callable[[Array], Array], parts: Parts) -> Line:
    """Return validation and test loss of scores, at the best validation threshold."""
    import torch

    from losslearn.metrics import Sets, get_true_loss
    from losslearn.tasks.thresholds import best_threshold

    judged = get_true_loss(metric)
    valid, test = (
        Sets(torch.from_numpy(y.astype(np.int64)), torch.from_numpy(scores(x)))
        for x, y in (parts.valid, parts.test)
    )
    if judged.needs_threshold:
        threshold, _ = best_threshold(judged, valid.target, valid.score)
        judged = judged.with_threshold(threshold)
    names = (("validation", valid), ("test", test))
    return {name: float(judged(sets)) for name, sets in names}


def by_logistic_regression(metric: str, parts: Parts) -> Line:
    """Return what the penalty of the lowest validation loss comes to."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    begin, found = time.perf_counter(), []
    for c in PENALTIES:
        model = make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=2_000))
        model.fit(*parts.train)
        found.append({"C": c, **judge(metric, model.decision_function, parts)})
    best = min(found, key=lambda one: one["validation"])
    seconds = time.perf_counter() - begin
    return {"cross_entropy": best, "chosen": best, "seconds": round(seconds, 2)}


def by_us(metric: str, model: str, parts: Parts, *, seed: int) -> Line:
    """Return what both methods of a fit come to."""
    from losslearn import SurrogateClassifier

    begin = time.perf_counter()
    fit = SurrogateClassifier(metric, model=model, random_state=seed)
    (x, y), (x_valid, y_valid) = parts.train, parts.valid
    fit.fit(x, y, X_valid=x_valid, y_valid=y_valid)
    seconds, found = time.perf_counter() - begin, {}
    for name in fit.method_weights_:
        found[name] = judge(
            metric, lambda x, name=name: fit.method_scores(x)[name], parts
        )
    looks = [
        round(look["validation_loss"], 4)
        for look in fit.history_
        if look["method"] == "surrogate"
    ]
    return {
        **found,
        "chosen": found[fit.report_["chosen"]],
        "settings": fit.report_.get("settings"),
        "seconds": round(seconds, 2),
        "looks": looks,
    }


def run_cell(cell: Line, data_dir: Path | None) -> Line:
    """Fit once and return the line."""
    import torch

    torch.set_num_threads(1)
    assert data_dir is not None, "there are no data to read"
    parts = load(cell["data"], cell["seed"], data_dir)
    if cell["who"] == "sklearn":
        return {**cell, **by_logistic_regression(cell["metric"], parts)}
    seed = cell["seed"]
    return {**cell, **by_us(cell["metric"], cell["model"], parts, seed=seed)}


def counted(pairs: Iterable[tuple[float, float]]) -> str:
    """Return how often the first of a pair is lower and higher, and by how much."""
    pairs = list(pairs)
    lower, higher = (sum(sign * a < sign * b for a, b in pairs) for sign in (1, -1))
    change = statistics.median(a / b - 1 for a, b in pairs if b)
    return f"{lower} : {higher}, {change:+.1%}"


def make_table(lines: list[Line], options: argparse.Namespace) -> str:
    """Return the table of the lines asked for, in Markdown."""
    rows, means = [], []
    for model, data, metric in itertools.product(
        options.model, options.data, options.metric
    ):
        mean = {}
        for who in WHO:
            # logistic regression knows no models
            own = "linear" if who == "sklearn" else model
            found = where(lines, data=data, metric=metric, model=own, who=who)
            for what in ("cross_entropy", "chosen") if found else ():
                tests = [line[what]["test"] for line in found]
                mean[who, what] = statistics.fmean(tests)
        if not any(who != "sklearn" for who, _ in mean):
            continue
        means.append((model, mean))
        columns = [*itertools.product(WHO, ("cross_entropy", "chosen"))]
        shown = [f"{mean[at]:.4f}" if at in mean else "" for at in columns]
        rows.append([model, data, metric, *shown[:3], *shown[4:]])
    heads = ["now", "now, chosen", "logistic regression", "before", "before, chosen"]
    table = markdown_table(["model", "data", "metric", *heads], rows)
    comparisons = [
        (("now", "cross_entropy"), ("sklearn", "cross_entropy")),
        (("before", "cross_entropy"), ("sklearn", "cross_entropy")),
        (("now", "cross_entropy"), ("before", "cross_entropy")),
        (("now", "chosen"), ("before", "chosen")),
        (("now", "chosen"), ("sklearn", "cross_entropy")),
    ]
    summary = []
    for model in options.model:
        for one, other in comparisons:
            both = [
                (mean[one], mean[other])
                for name, mean in means
                if name == model and one in mean and other in mean
            ]
            if both:
                told = [" ".join(one), " ".join(other), str(len(both)), counted(both)]
                summary.append([model, *told])
    heads = ["model", "one", "other", "cells", "lower : higher, median change"]
    return f"{table}\n\n{markdown_table(heads, summary)}"


def main(args: list[str] | None = None) -> None:
    """Run what is missing, then write the table beside the lines, and print it."""
    parser = make_parser(
        __doc__,
        "control.jsonl",
        **{name: {"action": "append", "choices": of} for name, of in AXES.items()},
        seeds={"type": int, "default": 3, "help": "each its own split"},
    )
    options = parser.parse_args(args)
    for name, values in AXES.items():
        setattr(options, name, getattr(options, name) or list(values))
    axes = (range(options.seeds), options.data, options.metric, options.model)
    cells = [
        cell
        for cell in make_cells(KEY, *axes, options.who)
        if cell["model"] == "linear" or (cell["who"] != "sklearn" and cell["seed"] == 0)
    ]
    lines = run_grid(cells, options, run_cell)
    every = make_cells(KEY, *axes, WHO)
    heading = (
        "# The control beside penalised logistic regression\n\n"
        "Test losses, lower is better; means over three splits of at most "
        f"{_ROWS:,} rows, of the MLP over one (see "
        "`bench/studies/control.py`).\n\n"
    )
    report(
        make_table(of_cells(lines, every), options), options.results, heading=heading
    )


if __name__ == "__main__":
    main()
