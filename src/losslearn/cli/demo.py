"""The main job on handwritten digits, which scikit-learn ships."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from losslearn.cli.reporting import console
from losslearn.cli.running import run_fit
from losslearn.tables.fitted import FittedTable
from losslearn.tables.reading import read_table
from losslearn.tables.saved import check_destination
from losslearn.training.recipe import Mode, Recipe

if TYPE_CHECKING:
    import pandas as pd

DIGIT = 8
TARGET = f"is_{DIGIT}"
METRIC = "precision_at_k"
MODE: Mode = "refined"
MAX_ITER = 800
SEED = 1
"""Digit, metric and this seed were picked after a search, as a division that shows a
gain; it is an example and no evidence. Of the seeds 0 to 11, the learned surrogate
gained on the test rows with 9 and tied with 3; its mean loss was 0.49, the control's
0.58. With 4 of them, this one among them, the validation rows were enough to tell."""
N_SHOWN = 5


def run_demo(out: Path | None, *, seed: int, as_json: bool) -> None:
    """Find one digit among ten by a linear model, as `losslearn fit` would."""
    folder = None if out is None else check_destination(out)
    with tempfile.TemporaryDirectory(prefix="losslearn-demo-") as temporary:
        data = Path(temporary) / "digits.csv"
        digits_table().to_csv(data, index=False)
        frame = read_table(data)
        if not as_json:
            _introduce(frame)
        fitted = run_fit(
            frame,
            TARGET,
            METRIC,
            out=folder or Path(temporary) / "model",
            recipe=Recipe(max_iter=MAX_ITER, mode=MODE),
            as_json=as_json,
            is_kept=folder is not None,
            model="linear",
            seed=seed,
        )
        if not as_json:
            _predict_some(frame, fitted)


def digits_table() -> "pd.DataFrame":
    """Return the digits, each as the ink in 4 x 4 squares, and which are the one."""
    import pandas as pd
    from sklearn.datasets import load_digits

    data = load_digits()
    ink = data.images.reshape(-1, 4, 2, 4, 2).sum(axis=(2, 4)).reshape(-1, 16)
    names = [f"ink_{row}{column}" for row in range(4) for column in range(4)]
    frame = pd.DataFrame(ink, columns=names)
    frame[TARGET] = np.where(data.target == DIGIT, "yes", "no")
    return frame


def _introduce(frame: "pd.DataFrame") -> None:
    n_found = int((frame[TARGET] == "yes").sum())
    command = (
        f"losslearn fit digits.csv --target {TARGET} --metric {METRIC} --model linear "
        f"--max-iter {MAX_ITER}"
    )
    console().print(
        f"Data: {len(frame):,} handwritten digits that come with scikit-learn (nothing "
        f"is downloaded), each seen as the ink in 4 x 4 squares; {n_found:,} of them, "
        f"{n_found / len(frame):.1%}, are an {DIGIT}.\n"
        f"Aim: a linear model that ranks {DIGIT}s highest, judged by the first 5 % of "
        f"the images.\n\n$ {command}"
    )


def _predict_some(frame: "pd.DataFrame", fitted: FittedTable) -> None:
    some = frame.sample(N_SHOWN, random_state=0)
    predictions = fitted.predict(some)
    predictions["true label"] = some[TARGET]
    console().print(
        f"\n{N_SHOWN} rows of what losslearn predict writes for it:\n\n"
        f"{predictions.round(3).to_string(index=False)}\n\n"
        "The test rows are few, so one division says little: try --seed 0, 2, 3 ..."
    )
