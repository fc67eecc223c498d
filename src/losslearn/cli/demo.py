"""The main job on handwritten digits, which scikit-learn ships."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from losslearn.cli.fitting import FitOptions
from losslearn.cli.running import run_fit
from losslearn.config import BilevelConfig

if TYPE_CHECKING:
    import pandas as pd

DIGIT = 8
METRIC = "f1"


def digits_table(digit: int = DIGIT) -> "pd.DataFrame":
    """Return scikit-learn's digits with a text column that says which is the digit."""
    import numpy as np
    from sklearn.datasets import load_digits

    data = load_digits(as_frame=True)
    frame: pd.DataFrame = data.data
    frame["label"] = np.where(data.target == digit, "eight", "other")
    return frame


def run_demo(out, seed, as_json): ...
