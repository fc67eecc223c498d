"""The rows of a split: features, targets, and the columns that metrics need."""

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from losslearn_bench.decisions.problems import GENERATED, Columns, Problem
from losslearn_bench.harness.splits import seed_of, split_rows

if TYPE_CHECKING:
    import pandas as pd

_MOST_ROWS = {"ijcnn1": 30_000, "covtype": 30_000}
"""Drawn from all rows, stratified, once for all splits."""
_ALSO_AMOUNT = {"cc_fraud": "Amount"}
"""Features that are what a metric counts, too."""
_HELPERS = ("cost_", "group_", "amount", "target")
_BESIDE = Path("../shared/datasets")


class Part(NamedTuple):
    """Some rows."""

    x: NDArray[np.float64]
    y: NDArray[np.int64]
    table: dict[str, NDArray[Any]]
    """Columns that are no features."""

    def columns(self, problem: Problem) -> Columns:
        """Return what a metric needs, by its arguments."""
        return {name: self.table[column] for name, column in problem.columns.items()}


class Parts(NamedTuple):
    """A split; thresholds and rules see the validation rows, nobody the test rows."""

    train: Part
    valid: Part
    test: Part


def load_parts(name: str, repetition: int, data_dir: Path | None) -> Parts:
    """Return a random split of a data set: 64 % to train on, 16 % and 20 %."""
    return split_part(load_whole(name, data_dir), name, repetition)


def split_part(whole: Part, name: str, repetition: int) -> Parts:
    """Return all rows of a data set split so."""
    split = split_rows(whole.y, name, repetition)
    return Parts(*(_take(whole, rows) for rows in split))


def _take(part: Part, rows: NDArray[np.int64]) -> Part:
    table = {name: column[rows] for name, column in part.table.items()}
    return Part(part.x[rows], part.y[rows], table)


@lru_cache(maxsize=2)
def load_whole(name: str, data_dir: Path | None) -> Part:
    """Return all rows of a data set, or those drawn from it."""
    import pandas as pd

    if name == GENERATED:
        frame = generated()
    else:
        folder = data_dir or Path(os.environ.get("LOSSLEARN_DATA") or _BESIDE)
        path = folder / f"{name}.parquet"
        if not path.is_file():
            raise FileNotFoundError(
                f"There must be a file '{path}'. Name its folder with --data-dir or "
                "LOSSLEARN_DATA."
            )
        frame = pd.read_parquet(path)
    if name in _MOST_ROWS:
        target, size = frame["target"], _MOST_ROWS[name]
        seed = seed_of(name, "rows")
        frame, _ = train_test_split(
            frame, train_size=size, stratify=target, random_state=seed
        )
    if name in _ALSO_AMOUNT:
        frame = frame.assign(amount=frame[_ALSO_AMOUNT[name]])
    helpers = [one for one in frame.columns if str(one).startswith(_HELPERS)]
    table = {one: frame[one].to_numpy() for one in helpers}
    if name == "group_compas":  # two groups have 31 and 11 rows
        table["group_race"] = np.minimum(table["group_race"], 2)
    x = frame.drop(columns=helpers).to_numpy(np.float64)
    return Part(x, table.pop("target").astype(np.int64), table)


def generated() -> "pd.DataFrame":
    """Return rows with a cost and a group, log-odds a line of a feature and it."""
    import pandas as pd

    draw = np.random.default_rng(0)
    x, group = draw.normal(size=(600, 2)), draw.integers(0, 2, 600)
    p = 1 / (1 + np.exp(-(2 * x[:, 0] + group - 1.5)))
    return pd.DataFrame(
        {
            "x0": x[:, 0],
            "x1": x[:, 1],
            "cost_false_negative": draw.exponential(5, 600),
            "group_race": group,
            "target": (draw.random(600) < p).astype(int),
        }
    )
