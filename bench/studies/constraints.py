"""What training for a metric under constraints comes to, beside the usual loss.

    python bench/studies/constraints.py --data-dir DIR

Linear models of `fit_table`, all settings as they come, on at most 30,000 rows of a
data set, three splits; test losses (what is aimed at, and five times what a constraint
is missed by) of both methods, and what the constraint comes to. "known" is the same
with the column of groups known when deciding.
"""

import argparse
import statistics
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from fits import Line, make_cells, make_parser, of_cells, run_grid, where
from shared import report

from losslearn_bench.tables.markdown import markdown_table


class Problem(NamedTuple):
    """A metric and a constraint on a data set."""

    data: str
    metric: str
    constraint: str
    known: tuple[str, ...] = ()


GAP = ("group_adult", "accuracy", "gap(tpr, by=group_female) <= 0.05")
PROBLEMS = {
    "ijcnn1 precision": Problem("ijcnn1", "recall", "precision >= 0.8"),
    "ijcnn1 fpr": Problem("ijcnn1", "recall", "fpr <= 0.002"),
    "covtype precision": Problem("covtype", "recall", "precision >= 0.95"),
    "a9a precision": Problem("a9a", "recall", "precision >= 0.9"),
    "adult gap": Problem(*GAP),
    "adult gap, known": Problem(*GAP, known=("group_female",)),
}
KEY = ("seed", "problem")
_ROWS = 30_000


def run_cell(cell: Line, data_dir: Path | None) -> Line:
    """Fit once and return the line."""
    import torch

    from losslearn import fit_table

    torch.set_num_threads(1)
    assert data_dir is not None, "there are no data to read"
    problem = PROBLEMS[cell["problem"]]
    frame = pd.read_parquet(data_dir / f"{problem.data}.parquet")
    frame = frame.sample(min(_ROWS, len(frame)), random_state=cell["seed"])
    fitted = fit_table(
        frame,
        "target",
        f"{problem.metric} subject to {problem.constraint}",
        model="linear",
        decision_columns=problem.known,
        seed=cell["seed"],
    )
    return {
        **cell,
        "chosen": fitted.report["chosen"],
        "test": {one["method"]: one["test"] for one in fitted.report["results"]},
        "rule": {one["method"]: one["rule"] for one in fitted.report["results"]},
        "constraint": {
            one["method"]: one["test"]["value"] for one in fitted.report["constraints"]
        },
        "share_lower": fitted.report.get("share_lower"),
    }


def make_table(lines: list[Line]) -> str:
    """Return both methods' losses, split by split, and the mean of what is bounded."""
    rows = []
    for name, problem in PROBLEMS.items():
        found = where(lines, problem=name)
        if not found:
            continue
        methods = list(found[0]["test"])
        losses = [" / ".join(f"{o['test'][m]:.3f}" for o in found) for m in methods]
        bounded = [
            f"{statistics.fmean(one['constraint'][m] for one in found):.3f}"
            for m in methods
        ]
        n = sum(one["chosen"] == methods[0] for one in found)
        said = f"{problem.metric}, {problem.constraint}"
        cells = [problem.data, said + ", known" * bool(problem.known)]
        rows.append([*cells, *losses, *bounded, f"{n} of {len(found)}"])
    heads = ["data", "metric", "learned loss", "usual loss"]
    heads += ["bounded, learned", "bounded, usual", "learned is used"]
    return markdown_table(heads, rows)


def main(args: list[str] | None = None) -> None:
    """Run what is missing, then write the table beside the lines, and print it."""
    parser = make_parser(
        __doc__,
        "constraints.jsonl",
        seeds={"type": int, "default": 3, "help": "each its own split"},
    )
    options: argparse.Namespace = parser.parse_args(args)
    cells = make_cells(KEY, range(options.seeds), PROBLEMS)
    lines = of_cells(run_grid(cells, options, run_cell), cells)
    heading = (
        "# Metrics under constraints\n\nLosses on the test rows, split by split, lower "
        "is better, and means of what the constraint bounds (see "
        "`bench/studies/constraints.py`).\n\n"
    )
    report(make_table(lines), options.results, heading=heading)


if __name__ == "__main__":
    main()
