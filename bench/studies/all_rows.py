"""All rows in the end: one split, a refit after it, and folds, on the same rows.

    python bench/studies/all_rows.py --data-dir DIR [--model mlp] ...

Every cell (seed, data, metric, model, how) has the whole of a small data set, a fifth
of it to test, or the given number of rows of a large one, and up to 20,000 others to
test. "split" is `cv=1` without a refit, "refit" with it, "folds" `cv=5`. Test losses
of both methods and of the one in use, and seconds.
"""

import argparse
import itertools
import statistics
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from fits import Line, make_cells, make_parser, mean_of, of_cells, run_grid, where
from numpy.typing import NDArray
from shared import report

from losslearn_bench.tables.markdown import markdown_table

Array = NDArray[Any]

KEY = ("seed", "data", "metric", "model", "how")
LARGE = ("a9a", "ijcnn1", "covtype", "porto_seguro", "susy", "higgs_sample")
DATA = (
    "keel_abalone19",
    "keel_yeast4",
    "keel_page_blocks0",
    "keel_kddcup_buffer_overflow",
    "cost_german_credit",
    "group_compas",
    *(f"{name}:{n}" for n in (2_000, 5_000, 20_000) for name in LARGE),
)
METRICS = ("f1", "average_precision", "error_rate")
HOW: dict[str, dict[str, Any]] = {
    "split": {"cv": 1, "refit": False},
    "refit": {"cv": 1, "refit": True},
    "folds": {"cv": 5},
}
AXES = {"data": DATA, "metric": METRICS, "model": ("linear", "mlp"), "how": tuple(HOW)}
USUAL = "cross_entropy"
_TEST_ROWS = 20_000


class Parts(NamedTuple):
    """Features and targets of the rows to fit and to test on."""

    fit: tuple[Array, Array]
    test: tuple[Array, Array]


def load(name: str, seed: int, folder: Path) -> Parts:
    """Return stratified parts of a data set, encoded as a fit's table is."""
    import pandas as pd
    from sklearn.model_selection import train_test_split

    from losslearn.encoding import TableEncoder

    stem, _, n = name.partition(":")
    frame = pd.read_parquet(folder / f"{stem}.parquet")
    y = frame.pop("target").to_numpy()
    size = int(n) if n else int(0.8 * len(y))
    n_test = min(_TEST_ROWS, len(y) - size)
    numbers = np.arange(len(y))
    kept, tested = train_test_split(
        numbers, train_size=size, test_size=n_test, stratify=y, random_state=seed
    )
    encoder = TableEncoder().fit(frame.iloc[kept])
    parts = (
        (np.asarray(encoder.transform(frame.iloc[rows]), np.float32), y[rows])
        for rows in (kept, tested)
    )
    return Parts(*parts)


def run_cell(cell: Line, data_dir: Path | None) -> Line:
    """Fit once and return the line."""
    import torch

    from losslearn import SurrogateClassifier
    from losslearn.metrics import Sets

    torch.set_num_threads(1)
    assert data_dir is not None, "there are no data to read"
    parts = load(cell["data"], cell["seed"], data_dir)
    begin = time.perf_counter()
    clf = SurrogateClassifier(
        cell["metric"],
        model=cell["model"],
        random_state=cell["seed"],
        **HOW[cell["how"]],
    ).fit(*parts.fit)
    seconds = time.perf_counter() - begin
    x, y = parts.test
    target = torch.from_numpy((y == clf.classes_[1]).astype(int))
    losses = {}
    for name, score in clf.method_scores(x).items():
        judge = clf.method_rules_[name].judged(clf.true_loss_)
        losses[name] = float(judge(Sets(target, torch.from_numpy(score))))
    return {
        **cell,
        **losses,
        "in_use": losses[clf.report_["chosen"]],
        "chosen": clf.report_["chosen"],
        "rows": {**clf.report_["rows"], "test": len(y)},
        "settings": clf.report_["settings"],
        "seconds": round(seconds, 2),
    }


def make_table(lines: list[Line], options: argparse.Namespace) -> str:
    """Return mean test losses of the models in use, and what each way wins."""
    rows: list[list[str]] = []
    gains: dict[tuple[str, ...], list[Gain]] = {}
    for model, data, metric in itertools.product(
        options.model, options.data, options.metric
    ):
        of = {
            how: where(lines, model=model, data=data, metric=metric, how=how)
            for how in HOW
        }
        told = [model, data, metric]
        for how, found in of.items():
            told += [mean_of(found, "in_use"), mean_of(found, "seconds", digits=1)]
            if how != "split" and found and len(found) == len(of["split"]):
                _, _, size = data.partition(":")
                for what in ("in_use", USUAL):
                    gain = _gain(found, of["split"], what)
                    gains.setdefault((model, size or "small", how, what), []).append(
                        gain
                    )
        if of["split"]:
            rows.append(told)
    heads = ["model", "data", "metric"]
    for how in HOW:
        heads += [how, "s"]
    names = ["model", "rows", "against one split", "of", "cells"]
    names += ["lower / equal / higher", "median change", "mean change", "times as long"]
    called = {"in_use": "the model in use", USUAL: "the control"}
    summary = [
        [*key[:-1], called[key[-1]], *_summed(found)] for key, found in gains.items()
    ]
    return f"{markdown_table(names, summary)}\n\n{markdown_table(heads, rows)}"


class Gain(NamedTuple):
    """One way against one split, in the mean over the seeds of a cell."""

    change: float
    """Of the test loss, as a share of it."""
    times: float
    """As long as one split."""


def _gain(found: list[Line], split: list[Line], what: str) -> Gain:
    loss, before, seconds, once = (
        statistics.fmean(line[key] for line in lines)
        for key in (what, "seconds")
        for lines in (found, split)
    )
    return Gain((loss - before) / before if before else 0.0, seconds / once)


def _summed(gains: list[Gain]) -> list[str]:
    """Return what the gains of some cells come to; a thousandth is equal."""
    changes = [gain.change for gain in gains]
    n_lower, n_higher = (
        sum(sign * change > 0.001 for change in changes) for sign in (-1, 1)
    )
    return [
        str(len(gains)),
        f"{n_lower} / {len(gains) - n_lower - n_higher} / {n_higher}",
        f"{statistics.median(changes):+.1%}",
        f"{statistics.fmean(changes):+.1%}",
        f"{statistics.median(gain.times for gain in gains):.1f}",
    ]


def main(args: list[str] | None = None) -> None:
    """Run what is missing, then write the table beside the lines, and print it."""
    parser = make_parser(
        __doc__,
        "all_rows.jsonl",
        **{name: {"action": "append", "choices": of} for name, of in AXES.items()},
        seeds={"type": int, "default": 3, "help": "each its own split"},
        tables_only={"action": "store_true", "help": "run nothing"},
    )
    options = parser.parse_args(args)
    for name, values in AXES.items():
        setattr(options, name, getattr(options, name) or list(values))
    axes = (options.data, options.metric, options.model, options.how)
    cells = make_cells(KEY, range(options.seeds), *axes)
    lines = run_grid([] if options.tables_only else cells, options, run_cell)
    heading = (
        "# All rows in the end\n\nTest losses of the model in use, lower is better, "
        "means over the splits that there are lines of, and seconds on one core (see "
        "`bench/studies/all_rows.py`).\n\n"
    )
    report(
        make_table(of_cells(lines, cells), options), options.results, heading=heading
    )


if __name__ == "__main__":
    main()
