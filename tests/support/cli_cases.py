"""What the tests of this folder share."""

import sys

import numpy as np
import pandas as pd
import pytest

from losslearn.cli import main

QUICK = ("--mode", "scratch", "--model", "linear", "--max-iter", "6")


LOSSLEARN = (sys.executable, "-m", "losslearn")


PROFIT = """
def profit(y_true, y_pred):
    return 10 * (y_true * y_pred).sum() - y_pred.sum()

def broken(y_true, y_score):
    raise RuntimeError("out of\\n ink")

def nothing(y_true, y_score):
    return float("nan")

broken.greater_is_better = nothing.greater_is_better = True
"""


def make_frame(n: int = 300, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    age = rng.normal(50, 10, size=n)
    city = rng.choice(["Oslo", "Rome", "Lima"], size=n)
    joined = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), "D")
    income = np.where(rng.random(n) < 0.1, np.nan, rng.lognormal(size=n))
    churn = (age - 50) / 10 + (city == "Rome") + rng.normal(size=n) > 1.3
    return pd.DataFrame(
        {
            "age": age.round(1),
            "city": city,
            "joined": joined.strftime("%Y-%m-%d"),
            "income": income.round(3),
            "churn": np.where(churn, "yes", "no"),
        }
    )


def fit(*words: str, data: str = "people.csv", metric: str = "f1") -> int:
    return main(["fit", data, "--target", "churn", "--metric", metric, *QUICK, *words])


def error_line(capsys: pytest.CaptureFixture[str]) -> str:
    """Return the one line that a wrong use prints."""
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("losslearn: ")
    assert err.count("\n") == 1
    assert err.endswith("\n")
    assert "Traceback" not in err
    return err
